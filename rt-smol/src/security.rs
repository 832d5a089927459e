//! Whether connections speak TLS: what channels and servers keep of it, with the feature and without.

use crate::os::Pipe;
use proto_core::Status;
use proto_core::channel::{Cause, Stage, Target};
use proto_core::h1::ConnectError;
use std::io;
use std::sync::Arc;

#[cfg(feature = "_tls")]
use crate::tls::{OnFailure, TlsAcceptor, TlsConfigError, TlsConnector, TlsPipe};
#[cfg(feature = "_tls")]
use proto_tls::TlsTarget;

/// The error behind an error of a pipe, where there is more to it than words.
pub(crate) fn cause(error: &io::Error) -> Option<Cause> {
    let error = error.get_ref()?;
    if let Some(error) = error.downcast_ref::<ConnectError>() {
        return Some(Cause::new(error.clone()));
    }
    #[cfg(feature = "_tls")]
    if let Some(error) = error.downcast_ref::<crate::tls::TlsError>() {
        return Some(Cause::new(error.clone()));
    }
    None
}

/// A channel's.
#[derive(Clone, Debug, Default)]
pub(crate) struct ClientSecurity {
    #[cfg(feature = "_tls")]
    tls: Option<TlsTarget>,
}

/// What was asked of a channel's builder.
#[cfg(feature = "_tls")]
pub(crate) type Asked = Option<Result<TlsConnector, TlsConfigError>>;
/// Nothing can be asked.
#[cfg(not(feature = "_tls"))]
pub(crate) type Asked = Option<std::convert::Infallible>;

/// What a target that asks for TLS gets without the feature.
#[cfg(any(test, not(feature = "_tls")))]
fn not_compiled_in(target: &Target) -> Status {
    use proto_core::grpc::{Local, Origin, Seen};
    let text =
        format!("target \"{target}\" asks for TLS, which is not compiled in: turn the feature `tls` of rt-smol on");
    Status::unimplemented(text).with_origin(Origin::Local(Local::BadRequest)).with_seen(Seen::No)
}

impl ClientSecurity {
    /// For this target.
    #[cfg(feature = "_tls")]
    pub(crate) fn new(target: &Target, asked: Asked) -> Result<Self, Status> {
        Ok(ClientSecurity { tls: TlsTarget::new(target, asked)? })
    }

    #[cfg(not(feature = "_tls"))]
    pub(crate) fn new(target: &Target, _: Asked) -> Result<Self, Status> {
        if target.is_secure() { Err(not_compiled_in(target)) } else { Ok(ClientSecurity::default()) }
    }

    /// `:scheme` of the requests.
    pub(crate) fn scheme(&self, target: &Target) -> &'static str {
        #[cfg(feature = "_tls")]
        if self.tls.is_some() {
            return "https";
        }
        target.scheme()
    }

    /// The pipe that calls go over, after its handshake; tells `stage` that there is one.
    pub(crate) async fn dress(&self, pipe: Arc<dyn Pipe>, stage: impl Fn(Stage)) -> io::Result<Arc<dyn Pipe>> {
        #[cfg(feature = "_tls")]
        if let Some(tls) = &self.tls {
            stage(Stage::Tls);
            return TlsPipe::connect(pipe, tls.stage()?).await;
        }
        let _ = stage;
        Ok(pipe)
    }
}

/// Hears why handshakes fail.
#[cfg(feature = "_tls")]
pub(crate) type Tell = Arc<dyn Fn(&proto_core::rpc::Peer, &crate::tls::TlsError) + Send + Sync>;

/// A server's.
#[derive(Clone, Default)]
pub(crate) struct ServerSecurity {
    #[cfg(feature = "_tls")]
    pub(crate) tls: Option<TlsAcceptor>,
    #[cfg(feature = "_tls")]
    pub(crate) tell: Option<Tell>,
}

impl std::fmt::Debug for ServerSecurity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ServerSecurity").finish_non_exhaustive()
    }
}

impl ServerSecurity {
    /// The pipe that calls come over; `failed` is called when its handshake fails.
    pub(crate) fn dress(
        &self,
        pipe: Arc<dyn Pipe>,
        failed: impl Fn() + Send + Sync + 'static,
    ) -> io::Result<Arc<dyn Pipe>> {
        #[cfg(feature = "_tls")]
        if let Some(acceptor) = &self.tls {
            let tell = self.tell.clone();
            let on_failure: OnFailure = Box::new(move |pipe, error| {
                failed();
                if let Some(tell) = &tell {
                    tell(&pipe.peer(), error);
                }
            });
            return Ok(TlsPipe::accept(pipe, acceptor.stage()?, on_failure));
        }
        let _ = failed;
        Ok(pipe)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_the_feature_a_target_that_asks_for_tls_is_refused_by_name() {
        let target = Target::parse("https://db.example:443").expect("a target");
        let status = not_compiled_in(&target);
        let text = "target \"https://db.example:443\" asks for TLS, which is not compiled in: turn the feature `tls` of rt-smol on";
        assert_eq!((status.code(), status.message()), (proto_core::Code::Unimplemented, text));
    }
}
