//! What gRPC adds to HTTP/2, without a connection's state: message framing, metadata, status, timeout, content-types.
//!
//! The call layer puts these together; applications see [`Metadata`], [`Status`] and what belongs to them.

pub(crate) mod code;
pub(crate) mod content_type;
#[cfg(all(feature = "prost", feature = "error-details"))]
pub mod details;
pub(crate) mod encoding;
pub(crate) mod http_status;
pub(crate) mod message;
pub mod metadata;
pub(crate) mod origin;
pub(crate) mod percent;
pub(crate) mod reset;
pub mod status;
pub(crate) mod timeout;
pub(crate) mod user_agent;

pub use code::Code;
pub use metadata::{Metadata, MetadataError};
pub use origin::{Local, Origin, Seen};
pub use status::Status;
