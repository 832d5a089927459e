//! How a call ended: code, message, details, whose verdict it is, and whether the server may have seen the call.
//!
//! CONTRACT SKELETON: owned by the grpc layer.

use super::metadata::Metadata;
use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use bytes::Bytes;
use core::time::Duration;

/// The codes of gRPC (statuscodes.md).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
#[allow(missing_docs)]
pub enum Code {
    Ok = 0,
    Cancelled = 1,
    Unknown = 2,
    InvalidArgument = 3,
    DeadlineExceeded = 4,
    NotFound = 5,
    AlreadyExists = 6,
    PermissionDenied = 7,
    ResourceExhausted = 8,
    FailedPrecondition = 9,
    Aborted = 10,
    OutOfRange = 11,
    Unimplemented = 12,
    Internal = 13,
    Unavailable = 14,
    DataLoss = 15,
    Unauthenticated = 16,
}

/// Did the server see the call? Decides whether a retry is safe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// Certainly not: it can be sent again.
    No,
    /// It may have.
    Maybe,
    /// It answered.
    Yes,
}

/// Whose verdict a status is.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Origin {
    /// The peer sent it.
    Peer,
    /// This side made it, for this reason.
    Local(Local),
}

/// Why this side ended a call by itself.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Local {
    /// The application (a handler, or a status made with `Status::new`).
    Application,
    /// The deadline passed, in this phase ("resolving", "connecting", "waiting for a stream", "the call" ...).
    DeadlineExceeded {
        /// What was under way.
        phase: &'static str,
    },
    /// This side cancelled the call.
    Cancelled,
    /// Names could not be resolved.
    Resolve,
    /// No connection could be made.
    Connect,
    /// The connection ended under the call.
    ConnectionLost,
    /// The peer went away (GOAWAY) before it processed the call.
    GoneAway,
    /// The peer broke gRPC or HTTP/2 on this call.
    PeerMisbehaved,
    /// A limit of ours, by its setting's name.
    Limit {
        /// The setting.
        setting: &'static str,
    },
    /// The request could not be sent as it is (metadata, size, encoding).
    BadRequest,
    /// The channel or server is being shut down.
    Shutdown,
}

/// How a call ended. At most 16 bytes; cheap to clone.
#[derive(Clone)]
pub struct Status {
    code: Code,
    inner: Option<Arc<Inner>>,
}

#[derive(Clone, Default)]
struct Inner {
    message: String,
    details: Bytes,
    metadata: Metadata,
    origin: Option<Origin>,
    seen: Option<Seen>,
    retry_pushback: Option<Duration>,
    source: Option<Arc<dyn core::error::Error + Send + Sync>>,
}

impl Status {
    /// OK, without a message.
    pub const OK: Status = Status { code: Code::Ok, inner: None };

    /// A status of this code with a message.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Status { code, inner: Some(Arc::new(Inner { message: message.into(), ..Inner::default() })) }
    }
    /// INVALID_ARGUMENT. (One such constructor for every code: cancelled, unknown, ... unauthenticated.)
    pub fn invalid_argument(message: impl Into<String>) -> Self {
        Self::new(Code::InvalidArgument, message)
    }
    /// INTERNAL.
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(Code::Internal, message)
    }
    /// UNAVAILABLE.
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self::new(Code::Unavailable, message)
    }
    /// UNIMPLEMENTED.
    pub fn unimplemented(message: impl Into<String>) -> Self {
        Self::new(Code::Unimplemented, message)
    }
    /// UNKNOWN.
    pub fn unknown(message: impl Into<String>) -> Self {
        Self::new(Code::Unknown, message)
    }
    /// CANCELLED.
    pub fn cancelled(message: impl Into<String>) -> Self {
        Self::new(Code::Cancelled, message)
    }
    /// RESOURCE_EXHAUSTED.
    pub fn resource_exhausted(message: impl Into<String>) -> Self {
        Self::new(Code::ResourceExhausted, message)
    }
    /// DEADLINE_EXCEEDED.
    pub fn deadline_exceeded(message: impl Into<String>) -> Self {
        Self::new(Code::DeadlineExceeded, message)
    }
    /// This side made it, for this reason.
    pub fn with_origin(mut self, origin: Origin) -> Self {
        self.inner_mut().origin = Some(origin);
        self
    }
    /// What is known of the server's having seen the call.
    pub fn with_seen(mut self, seen: Seen) -> Self {
        self.inner_mut().seen = Some(seen);
        self
    }
    /// Details, as `grpc-status-details-bin` carries them (a serialized google.rpc.Status).
    pub fn with_details(mut self, details: impl Into<Bytes>) -> Self {
        self.inner_mut().details = details.into();
        self
    }
    /// Trailing metadata that goes with it.
    pub fn with_metadata(mut self, metadata: Metadata) -> Self {
        self.inner_mut().metadata = metadata;
        self
    }
    /// What caused it.
    pub fn with_source(mut self, source: impl core::error::Error + Send + Sync + 'static) -> Self {
        self.inner_mut().source = Some(Arc::new(source));
        self
    }
    /// The code.
    pub fn code(&self) -> Code {
        self.code
    }
    /// Is it OK?
    pub fn is_ok(&self) -> bool {
        self.code == Code::Ok
    }
    /// The message, for humans.
    pub fn message(&self) -> &str {
        self.inner.as_ref().map_or("", |i| &i.message)
    }
    /// The details, serialized.
    pub fn details(&self) -> &[u8] {
        self.inner.as_ref().map_or(&[], |i| &i.details)
    }
    /// The trailing metadata.
    pub fn metadata(&self) -> &Metadata {
        static EMPTY: Metadata = Metadata::new();
        self.inner.as_ref().map_or(&EMPTY, |i| &i.metadata)
    }
    /// Whose verdict it is.
    pub fn origin(&self) -> Origin {
        self.inner.as_ref().and_then(|i| i.origin.clone()).unwrap_or(Origin::Local(Local::Application))
    }
    /// Did the server see the call?
    pub fn seen_by_server(&self) -> Seen {
        self.inner.as_ref().and_then(|i| i.seen).unwrap_or(Seen::Maybe)
    }
    /// Is it safe to send the call again?
    pub fn can_retry(&self) -> bool {
        self.seen_by_server() == Seen::No
    }
    fn inner_mut(&mut self) -> &mut Inner {
        Arc::make_mut(self.inner.get_or_insert_with(Arc::default))
    }
}

impl core::fmt::Display for Status {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{:?}: {}", self.code, self.message())
    }
}

impl core::fmt::Debug for Status {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "{self}")
    }
}

impl core::error::Error for Status {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        self.inner.as_ref()?.source.as_ref().map(|s| &**s as _)
    }
}

impl From<Box<dyn core::error::Error + Send + Sync>> for Status {
    fn from(error: Box<dyn core::error::Error + Send + Sync>) -> Self {
        Status::unknown(alloc::format!("{error}"))
    }
}
