//! [`Status`]: how a call ended: code, message, details, whose verdict it is, and whether the server may have seen
//! the call.
//!
//! Building and reading stand here; its text in `display`, typed details in `details`, its form in trailers in
//! `wire`, and what this side says by itself in `local`.

#[cfg(feature = "prost")]
mod details;
mod display;
pub(crate) mod local;
#[cfg(test)]
mod tests;
mod wire;

use super::{Code, Local, Metadata, Origin, Seen};
use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use bytes::Bytes;

/// How a call ended. At most 16 bytes; cheap to clone.
///
/// ```
/// use proto_core::{Code, Status};
///
/// let status = Status::not_found("no user \"ada\"");
/// assert_eq!(status.code(), Code::NotFound);
/// assert_eq!(status.to_string(), "NOT_FOUND: no user \"ada\"");
/// ```
#[derive(Clone)]
pub struct Status {
    code: Code,
    inner: Option<Arc<Inner>>,
}

const _: () = assert!(size_of::<Status>() <= 16);
const _: () = assert!(size_of::<Result<(), Status>>() <= 16);

#[derive(Clone, Default)]
struct Inner {
    message: String,
    details: Bytes,
    metadata: Metadata,
    origin: Option<Origin>,
    phase: Option<&'static str>,
    seen: Option<Seen>,
    source: Option<Arc<dyn core::error::Error + Send + Sync>>,
}

/// A constructor for each code but OK.
macro_rules! constructors {
    ($($(#[$doc:meta])* $name:ident = $code:ident;)*) => {
        impl Status {
            $($(#[$doc])*
            pub fn $name(message: impl Into<String>) -> Self {
                Self::new(Code::$code, message)
            })*
        }
    };
}

constructors! {
    /// CANCELLED.
    cancelled = Cancelled;
    /// UNKNOWN.
    unknown = Unknown;
    /// INVALID_ARGUMENT.
    invalid_argument = InvalidArgument;
    /// DEADLINE_EXCEEDED.
    deadline_exceeded = DeadlineExceeded;
    /// NOT_FOUND.
    not_found = NotFound;
    /// ALREADY_EXISTS.
    already_exists = AlreadyExists;
    /// PERMISSION_DENIED.
    permission_denied = PermissionDenied;
    /// RESOURCE_EXHAUSTED.
    resource_exhausted = ResourceExhausted;
    /// FAILED_PRECONDITION.
    failed_precondition = FailedPrecondition;
    /// ABORTED.
    aborted = Aborted;
    /// OUT_OF_RANGE.
    out_of_range = OutOfRange;
    /// UNIMPLEMENTED.
    unimplemented = Unimplemented;
    /// INTERNAL.
    internal = Internal;
    /// UNAVAILABLE.
    unavailable = Unavailable;
    /// DATA_LOSS.
    data_loss = DataLoss;
    /// UNAUTHENTICATED.
    unauthenticated = Unauthenticated;
}

impl Status {
    /// OK, without a message.
    pub const OK: Status = Status { code: Code::Ok, inner: None };

    /// A status of this code with a message.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        Status { code, inner: Some(Arc::new(Inner { message: message.into(), ..Inner::default() })) }
    }

    /// A status of this code alone; takes no memory.
    pub const fn of(code: Code) -> Self {
        Status { code, inner: None }
    }

    /// This side, or the peer, made it, for this reason.
    pub fn with_origin(mut self, origin: Origin) -> Self {
        self.inner_mut().origin = Some(origin);
        self
    }

    /// What was under way when the call ended.
    pub fn with_phase(mut self, phase: &'static str) -> Self {
        self.inner_mut().phase = Some(phase);
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
        self.inner.as_ref().map_or("", |inner| &inner.message)
    }

    /// The details, serialized.
    pub fn details(&self) -> &[u8] {
        self.inner.as_ref().map_or(&[], |inner| &inner.details)
    }

    /// The trailing metadata.
    pub fn metadata(&self) -> &Metadata {
        static EMPTY: Metadata = Metadata::new();
        self.inner.as_ref().map_or(&EMPTY, |inner| &inner.metadata)
    }

    /// What caused it, such as the error of the socket. The same as `Error::source`, here so that it needs no import. It does not
    /// travel: what a peer sent has none.
    pub fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        self.inner.as_ref()?.source.as_ref().map(|source| &**source as _)
    }

    /// Whose verdict it is.
    pub fn origin(&self) -> Origin {
        self.inner.as_ref().and_then(|inner| inner.origin.clone()).unwrap_or(Origin::Local(Local::Application))
    }

    /// What was under way when the call ended, where this side ended it.
    pub fn phase(&self) -> Option<&'static str> {
        self.inner.as_ref()?.phase
    }

    /// Did the server see the call?
    pub fn seen_by_server(&self) -> Seen {
        self.inner.as_ref().and_then(|inner| inner.seen).unwrap_or(Seen::Maybe)
    }

    /// Is it safe to send the call again, and could it end otherwise then? Safe means that the server certainly has
    /// not seen it; calls whose work may be done twice without harm can be retried on more codes than that, which
    /// only the application knows.
    pub fn can_retry(&self) -> bool {
        let hopeless = match self.inner.as_ref().and_then(|inner| inner.origin.as_ref()) {
            Some(Origin::Local(local)) => !local.may_end_otherwise(),
            Some(Origin::Peer) | None => false,
        };
        self.seen_by_server() == Seen::No && !hopeless
    }

    fn inner_mut(&mut self) -> &mut Inner {
        Arc::make_mut(self.inner.get_or_insert_with(Arc::default))
    }
}

impl core::error::Error for Status {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        Status::source(self)
    }
}

impl From<Box<dyn core::error::Error + Send + Sync>> for Status {
    /// UNKNOWN with the error's text; the error becomes the source. A boxed `Status` comes out as itself.
    fn from(error: Box<dyn core::error::Error + Send + Sync>) -> Self {
        match error.downcast::<Status>() {
            Ok(status) => *status,
            Err(error) => {
                let mut status = Status::unknown(alloc::format!("{error}"));
                status.inner_mut().source = Some(Arc::from(error));
                status
            }
        }
    }
}

impl From<super::MetadataError> for Status {
    /// INTERNAL: the call fails before a byte is sent, and the message names the entry.
    fn from(error: super::MetadataError) -> Self {
        local::bad_request(Code::Internal, alloc::format!("{error}")).with_source(error)
    }
}

#[cfg(feature = "prost")]
impl From<prost::DecodeError> for Status {
    /// INTERNAL: a message does not parse (statuscodes.md).
    fn from(error: prost::DecodeError) -> Self {
        Status::internal(alloc::format!("a message cannot be decoded: {error}")).with_source(error)
    }
}
