//! Whether connections speak TLS: what channels and servers keep of it.
//!
//! Two forms with one face, [`plain`] and `tls`: a runtime takes the one that its own feature says. (Features of this crate are
//! no answer to that: somebody else in the build may have turned TLS on for another runtime.)

pub mod plain;
#[cfg(feature = "tls")]
pub mod tls;

use crate::stream::StreamError;
use proto_core::channel::Cause;
use proto_core::h1::ConnectError;
use std::io;

/// The error behind an error of a pipe, where there is more to it than words.
pub fn cause(error: &io::Error) -> Option<Cause> {
    let error = error.get_ref()?;
    if let Some(error) = error.downcast_ref::<ConnectError>() {
        return Some(Cause::new(error.clone()));
    }
    if let Some(error) = error.downcast_ref::<StreamError>() {
        return Some(Cause::new(error.clone()));
    }
    #[cfg(feature = "tls")]
    if let Some(error) = error.downcast_ref::<proto_tls::TlsError>() {
        return Some(Cause::new(error.clone()));
    }
    None
}
