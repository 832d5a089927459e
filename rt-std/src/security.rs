//! Whether connections speak TLS: the settings are `rt_common`'s, the pipe around a pipe is this crate's.

use crate::os::{Os, Pipe};
use std::io;
use std::sync::Arc;

pub(crate) use rt_common::security::cause;
#[cfg(not(feature = "_tls"))]
pub(crate) use rt_common::security::plain::{Asked, ClientSecurity, ServerSecurity};
#[cfg(feature = "_tls")]
pub(crate) use rt_common::security::tls::{Asked, ClientSecurity, ServerSecurity};

/// The pipe that a channel's calls go over.
pub(crate) fn dress(security: &ClientSecurity, os: &Arc<dyn Os>, pipe: Arc<dyn Pipe>) -> io::Result<Arc<dyn Pipe>> {
    #[cfg(feature = "_tls")]
    if let Some(stage) = security.stage()? {
        return Ok(crate::tls::TlsPipe::shared(os, pipe, stage));
    }
    let _ = (security, os);
    Ok(pipe)
}

/// The pipe that calls come over, and whether it stands: otherwise `connected` drives its handshake.
pub(crate) fn dress_accepted(
    security: &ServerSecurity,
    os: &Arc<dyn Os>,
    pipe: Arc<dyn Pipe>,
) -> io::Result<(Arc<dyn Pipe>, bool)> {
    #[cfg(feature = "_tls")]
    if let Some(stage) = security.stage()? {
        return Ok((crate::tls::TlsPipe::shared(os, pipe, stage), false));
    }
    let _ = (security, os);
    Ok((pipe, true))
}

/// The handshake of an accepted connection failed.
pub(crate) fn failed(security: &ServerSecurity, pipe: &dyn Pipe, error: &io::Error) {
    #[cfg(feature = "_tls")]
    if let Some(error) = error.get_ref().and_then(|error| error.downcast_ref()) {
        security.failed(&pipe.peer(), error);
    }
    let _ = (security, pipe, error);
}
