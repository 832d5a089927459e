//! What generated code and every runtime share: requests, responses, codecs, method descriptors, the front of a
//! client, the erased service of a server.
//!
//! CONTRACT SKELETON: owned by the typed layer.

pub mod cancel;
pub mod codec;
pub mod context;
pub mod front;
pub mod method;
pub mod request;
pub mod service;
pub mod stream;

pub use cancel::{CancelToken, OnCancel};
#[cfg(feature = "prost")]
pub use codec::Prost;
pub use codec::{Decode, Encode, Raw};
pub use context::{CallHandle, Context, Peer, Received};
pub use front::{AnyFront, Front};
pub use method::Method;
pub use request::{IntoRequest, Request, RequestOptions, Response};
pub use service::{BlockingService, MethodInfo, Reply, ServerCall, ServiceInfo};
pub use stream::{Receiver, SendError, Sender};
