//! What gRPC adds to HTTP/2, without a connection's state: message framing, metadata, status, timeout, content-types.

pub mod metadata;
pub mod status;

pub use metadata::{Metadata, MetadataError};
pub use status::{Code, Local, Origin, Seen, Status};
