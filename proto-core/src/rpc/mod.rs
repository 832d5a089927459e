//! What generated code and every runtime share: requests, responses, codecs, method descriptors, the front of a
//! client, the erased service of a server.

pub mod asynchronous;
pub mod call_handle;
pub mod cancel;
pub mod codec;
pub mod context;
pub mod driven;
pub mod front;
mod include;
pub mod method;
mod outset;
pub mod request;
pub mod response;
pub mod router;
pub mod service;
pub mod serving;
pub mod stream;
#[cfg(test)]
mod tests;

pub use crate::call::Kind;
pub use call_handle::{CallEvent, CallHandle, Received, Wait};
pub use cancel::{CancelToken, OnCancel, Subscribers, Subscriptions, ToCancelToken};
#[cfg(feature = "prost")]
pub use codec::Prost;
pub use codec::{Decode, Encode, Raw};
pub use context::{Context, Peer};
pub use front::{AnyFront, AnyStreams, Front};
pub use method::Method;
pub use outset::Outset;
pub use request::{CallDefaults, IntoRequest, Request, RequestOptions};
pub use response::Response;
pub use router::{DuplicateService, Route, Router};
pub use service::{
    Async, AsyncService, Blocking, BlockingService, CallFuture, MethodInfo, Reply, ServerCall, ServiceInfo,
};
pub use serving::Report;
pub use stream::{Pusher, Receiver, SendError, Sender, TryRecvError, TrySendError};

/// What generated code names beside the public interface.
#[doc(hidden)]
pub mod codegen {
    pub use alloc::boxed::Box;
    pub use alloc::sync::Arc;
}
