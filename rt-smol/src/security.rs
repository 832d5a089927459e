//! Whether connections speak TLS: the settings are `rt_common`'s, the pipe around a pipe is this crate's.

use crate::os::Pipe;
use proto_core::channel::Stage;
use std::io;
use std::sync::Arc;

pub(crate) use rt_common::security::cause;
#[cfg(not(feature = "_tls"))]
pub(crate) use rt_common::security::plain::{Asked, ClientSecurity, ServerSecurity};
#[cfg(feature = "_tls")]
pub(crate) use rt_common::security::tls::{Asked, ClientSecurity, ServerSecurity};

/// The pipe that a channel's calls go over, after its handshake; tells `stage` that there is one.
pub(crate) async fn dress(
    security: &ClientSecurity,
    pipe: Arc<dyn Pipe>,
    stage: impl Fn(Stage),
) -> io::Result<Arc<dyn Pipe>> {
    #[cfg(feature = "_tls")]
    if let Some(tls) = security.stage()? {
        stage(Stage::Tls);
        return crate::tls::TlsPipe::connect(pipe, tls).await;
    }
    let _ = (security, stage);
    Ok(pipe)
}

/// The pipe that calls come over; `failed` is called when its handshake fails.
pub(crate) fn dress_accepted(
    security: &ServerSecurity,
    pipe: Arc<dyn Pipe>,
    failed: impl Fn() + Send + Sync + 'static,
) -> io::Result<Arc<dyn Pipe>> {
    #[cfg(feature = "_tls")]
    if let Some(stage) = security.stage()? {
        let security = security.clone();
        let on_failure: crate::tls::OnFailure = Box::new(move |pipe, error| {
            failed();
            security.failed(&pipe.peer(), error);
        });
        return Ok(crate::tls::TlsPipe::accept(pipe, stage, on_failure));
    }
    let _ = (security, failed);
    Ok(pipe)
}
