//! Whether connections speak TLS: what channels and servers keep of it, with the feature and without.

use crate::os::{Os, Pipe};
use proto_core::Status;
use proto_core::channel::{Cause, Target};
use proto_core::h1::ConnectError;
use std::io;
use std::sync::Arc;

#[cfg(feature = "_tls")]
use crate::tls::{TlsAcceptor, TlsConfigError, TlsConnector, TlsPipe};
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
        format!("target \"{target}\" asks for TLS, which is not compiled in: turn the feature `tls` of rt-std on");
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

    /// The pipe that calls go over.
    pub(crate) fn dress(&self, os: &Arc<dyn Os>, pipe: Arc<dyn Pipe>) -> io::Result<Arc<dyn Pipe>> {
        #[cfg(feature = "_tls")]
        if let Some(tls) = &self.tls {
            return Ok(TlsPipe::shared(os, pipe, tls.stage()?));
        }
        let _ = os;
        Ok(pipe)
    }
}

/// Hears why handshakes fail.
#[cfg(feature = "_tls")]
pub(crate) type OnFailure = Arc<dyn Fn(&proto_core::rpc::Peer, &crate::tls::TlsError) + Send + Sync>;

/// A server's.
#[derive(Clone, Default)]
pub(crate) struct ServerSecurity {
    #[cfg(feature = "_tls")]
    pub(crate) tls: Option<TlsAcceptor>,
    #[cfg(feature = "_tls")]
    pub(crate) on_failure: Option<OnFailure>,
}

impl std::fmt::Debug for ServerSecurity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ServerSecurity").finish_non_exhaustive()
    }
}

impl ServerSecurity {
    /// A handshake failed.
    pub(crate) fn failed(&self, pipe: &dyn Pipe, error: &io::Error) {
        #[cfg(feature = "_tls")]
        if let (Some(tell), Some(error)) = (&self.on_failure, error.get_ref().and_then(|e| e.downcast_ref())) {
            tell(&pipe.peer(), error);
        }
        let _ = (pipe, error);
    }

    /// The pipe that calls come over, and whether it stands: otherwise `connected` drives its handshake.
    pub(crate) fn dress(&self, os: &Arc<dyn Os>, pipe: Arc<dyn Pipe>) -> io::Result<(Arc<dyn Pipe>, bool)> {
        #[cfg(feature = "_tls")]
        if let Some(acceptor) = &self.tls {
            return Ok((TlsPipe::shared(os, pipe, acceptor.stage()?), false));
        }
        let _ = os;
        Ok((pipe, true))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_the_feature_a_target_that_asks_for_tls_is_refused_by_name() {
        let target = Target::parse("https://db.example:443").expect("a target");
        let status = not_compiled_in(&target);
        let text = "target \"https://db.example:443\" asks for TLS, which is not compiled in: turn the feature `tls` of rt-std on";
        assert_eq!((status.code(), status.message()), (proto_core::Code::Unimplemented, text));
    }
}
