//! Typed details: `grpc-status-details-bin` is a serialized google.rpc.Status, a list of messages of any type.

use super::Status;
use alloc::string::String;
use alloc::vec::Vec;
use bytes::Bytes;
use prost::{DecodeError, Message, Name};

/// google.rpc.Status (google/rpc/status.proto).
#[derive(Clone, PartialEq, Message)]
struct RpcStatus {
    #[prost(int32, tag = "1")]
    code: i32,
    #[prost(string, tag = "2")]
    message: String,
    #[prost(message, repeated, tag = "3")]
    details: Vec<Any>,
}

/// google.protobuf.Any: a serialized message and the URL of its type.
#[derive(Clone, PartialEq, Message)]
struct Any {
    #[prost(string, tag = "1")]
    type_url: String,
    #[prost(bytes = "bytes", tag = "2")]
    value: Bytes,
}

/// Does this URL name the type? What counts is what stands behind the last slash (google/protobuf/any.proto).
fn names<T: Name>(url: &str) -> bool {
    url.rsplit('/').next() == Some(T::full_name().as_str())
}

impl Status {
    /// The first detail of this type, such as `google.rpc.BadRequest` (`grpc::details`, or any message of the
    /// application's own that has a `prost::Name`). `None` also if it does not parse;
    /// [`try_detail`](Status::try_detail) tells that apart.
    pub fn detail<T: Message + Name + Default>(&self) -> Option<T> {
        self.try_detail().ok().flatten()
    }

    /// The first detail of this type; an error if the details, or this one, do not parse.
    pub fn try_detail<T: Message + Name + Default>(&self) -> Result<Option<T>, DecodeError> {
        let status = RpcStatus::decode(self.details())?;
        let found = status.details.into_iter().find(|any| names::<T>(&any.type_url));
        found.map(|any| T::decode(any.value)).transpose()
    }

    /// The URLs of the types of all details, in order.
    pub fn detail_types(&self) -> Vec<String> {
        RpcStatus::decode(self.details()).unwrap_or_default().details.into_iter().map(|any| any.type_url).collect()
    }

    /// Adds a detail. Details set before that do not parse are replaced.
    pub fn with_detail<T: Message + Name>(self, detail: &T) -> Self {
        let mut status = RpcStatus::decode(self.details()).unwrap_or_default();
        status.code = i32::from(self.code);
        status.message = self.message().into();
        let type_url = alloc::format!("type.googleapis.com/{}", T::full_name());
        status.details.push(Any { type_url, value: detail.encode_to_vec().into() });
        self.with_details(status.encode_to_vec())
    }
}
