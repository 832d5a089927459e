//! The standard error details of google.rpc (google/rpc/error_details.proto), for `Status::with_detail` and
//! `Status::detail`.
//!
//! ```
//! use proto_core::Status;
//! use proto_core::grpc::details::{BadRequest, FieldViolation};
//!
//! let violation = FieldViolation { field: "greeting".into(), description: "is empty".into(), ..Default::default() };
//! let status = Status::invalid_argument("bad request").with_detail(&BadRequest { field_violations: vec![violation] });
//! let detail: BadRequest = status.detail().unwrap();
//! assert_eq!(detail.field_violations[0].field, "greeting");
//! ```

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use prost::{Message, Name};

/// Gives messages their full names in package google.rpc.
macro_rules! named {
    ($($message:ident)*) => {
        $(impl Name for $message {
            const PACKAGE: &'static str = "google.rpc";
            const NAME: &'static str = stringify!($message);
        })*
    };
}

named!(BadRequest RetryInfo ErrorInfo DebugInfo QuotaFailure PreconditionFailure ResourceInfo Help LocalizedMessage);
named!(RequestInfo);

/// Why the call failed, for programs: a reason that is unique within a domain, and data.
#[derive(Clone, PartialEq, Message)]
pub struct ErrorInfo {
    /// Such as `API_DISABLED`.
    #[prost(string, tag = "1")]
    pub reason: String,
    /// Whose reasons they are, such as `pubsub.googleapis.com`.
    #[prost(string, tag = "2")]
    pub domain: String,
    /// More about it.
    #[prost(btree_map = "string, string", tag = "3")]
    pub metadata: BTreeMap<String, String>,
}

/// When to try again.
#[derive(Clone, PartialEq, Message)]
pub struct RetryInfo {
    /// At least this long after the answer.
    #[prost(message, optional, tag = "1")]
    pub retry_delay: Option<Delay>,
}

/// A span of time (google.protobuf.Duration).
#[derive(Clone, Copy, PartialEq, Eq, Message)]
pub struct Delay {
    /// Whole seconds.
    #[prost(int64, tag = "1")]
    pub seconds: i64,
    /// Nanoseconds, with the sign of `seconds`.
    #[prost(int32, tag = "2")]
    pub nanos: i32,
}

impl From<core::time::Duration> for Delay {
    fn from(duration: core::time::Duration) -> Delay {
        // Nanoseconds below one second fit.
        let nanos = duration.subsec_nanos() as i32;
        Delay { seconds: i64::try_from(duration.as_secs()).unwrap_or(i64::MAX), nanos }
    }
}

impl From<Delay> for core::time::Duration {
    /// Negative spans count as zero.
    fn from(delay: Delay) -> core::time::Duration {
        let seconds = u64::try_from(delay.seconds).unwrap_or(0);
        let nanos = u32::try_from(delay.nanos).unwrap_or(0);
        core::time::Duration::from_secs(seconds).saturating_add(core::time::Duration::from_nanos(u64::from(nanos)))
    }
}

/// For the developers of the server.
#[derive(Clone, PartialEq, Message)]
pub struct DebugInfo {
    /// Where it happened.
    #[prost(string, repeated, tag = "1")]
    pub stack_entries: Vec<String>,
    /// What else is known.
    #[prost(string, tag = "2")]
    pub detail: String,
}

/// Quotas that were exceeded.
#[derive(Clone, PartialEq, Message)]
pub struct QuotaFailure {
    /// Each of them.
    #[prost(message, repeated, tag = "1")]
    pub violations: Vec<QuotaViolation>,
}

/// A quota that was exceeded.
#[derive(Clone, PartialEq, Message)]
pub struct QuotaViolation {
    /// Whose quota, such as `project:1234`.
    #[prost(string, tag = "1")]
    pub subject: String,
    /// Which quota, for humans.
    #[prost(string, tag = "2")]
    pub description: String,
}

/// Preconditions that do not hold.
#[derive(Clone, PartialEq, Message)]
pub struct PreconditionFailure {
    /// Each of them.
    #[prost(message, repeated, tag = "1")]
    pub violations: Vec<PreconditionViolation>,
}

/// A precondition that does not hold.
#[derive(Clone, PartialEq, Message)]
pub struct PreconditionViolation {
    /// Its kind, such as `TOS`.
    #[prost(string, tag = "1")]
    pub r#type: String,
    /// What it is about.
    #[prost(string, tag = "2")]
    pub subject: String,
    /// For humans.
    #[prost(string, tag = "3")]
    pub description: String,
}

/// Fields of a request that are wrong.
#[derive(Clone, PartialEq, Message)]
pub struct BadRequest {
    /// Each of them.
    #[prost(message, repeated, tag = "1")]
    pub field_violations: Vec<FieldViolation>,
}

/// A field that is wrong.
#[derive(Clone, PartialEq, Message)]
pub struct FieldViolation {
    /// The path to the field, such as `users[0].name`.
    #[prost(string, tag = "1")]
    pub field: String,
    /// What is wrong with it.
    #[prost(string, tag = "2")]
    pub description: String,
    /// Why, for programs.
    #[prost(string, tag = "3")]
    pub reason: String,
    /// What is wrong with it, for users.
    #[prost(message, optional, tag = "4")]
    pub localized_message: Option<LocalizedMessage>,
}

/// What identifies a request in the server's logs.
#[derive(Clone, PartialEq, Message)]
pub struct RequestInfo {
    /// Its id.
    #[prost(string, tag = "1")]
    pub request_id: String,
    /// Data that means something to the server alone.
    #[prost(string, tag = "2")]
    pub serving_data: String,
}

/// The resource that was accessed.
#[derive(Clone, PartialEq, Message)]
pub struct ResourceInfo {
    /// Its type.
    #[prost(string, tag = "1")]
    pub resource_type: String,
    /// Its name.
    #[prost(string, tag = "2")]
    pub resource_name: String,
    /// Whose it is.
    #[prost(string, tag = "3")]
    pub owner: String,
    /// What went wrong with it.
    #[prost(string, tag = "4")]
    pub description: String,
}

/// Where to read more.
#[derive(Clone, PartialEq, Message)]
pub struct Help {
    /// Each of the links.
    #[prost(message, repeated, tag = "1")]
    pub links: Vec<Link>,
}

/// Where to read more.
#[derive(Clone, PartialEq, Message)]
pub struct Link {
    /// What is found there.
    #[prost(string, tag = "1")]
    pub description: String,
    /// Where.
    #[prost(string, tag = "2")]
    pub url: String,
}

/// A message in the user's language.
#[derive(Clone, PartialEq, Message)]
pub struct LocalizedMessage {
    /// The language, such as `fr-CH` (BCP 47).
    #[prost(string, tag = "1")]
    pub locale: String,
    /// The message.
    #[prost(string, tag = "2")]
    pub message: String,
}
