//! Of a runtime with TLS: the settings, and the stage of each connection. The runtime puts it into its pipes.

use crate::ServerError;
use proto_core::Status;
use proto_core::channel::Target;
use proto_core::rpc::Peer;
use proto_tls::{Stage, TlsTarget};
pub use proto_tls::{TlsAcceptor, TlsConfigError, TlsConnector, TlsError};
use std::fmt;
use std::sync::Arc;

/// What was asked of a channel's builder.
pub type Asked = Option<Result<TlsConnector, TlsConfigError>>;

/// A channel's.
#[derive(Clone, Debug)]
pub struct ClientSecurity {
    tls: Option<TlsTarget>,
    scheme: &'static str,
}

impl ClientSecurity {
    /// For this target, with what was asked of the builder. (`runtime` is of interest where there is no TLS.)
    ///
    /// # Errors
    /// INVALID_ARGUMENT: settings that cannot be used, or that contradict the target.
    pub fn new(target: &Target, asked: Asked, _runtime: &str) -> Result<Self, Status> {
        let tls = TlsTarget::new(target, asked)?;
        let scheme = if tls.is_some() { "https" } else { target.scheme() };
        Ok(ClientSecurity { tls, scheme })
    }

    /// `:scheme` of the requests.
    pub fn scheme(&self) -> &'static str {
        self.scheme
    }

    /// The stage of a new connection; `None`: it speaks plain text.
    ///
    /// # Errors
    /// The host is no name to verify.
    pub fn stage(&self) -> Result<Option<Stage>, TlsError> {
        self.tls.as_ref().map(TlsTarget::stage).transpose()
    }
}

/// Hears why handshakes fail.
pub type OnFailure = Arc<dyn Fn(&Peer, &TlsError) + Send + Sync>;

/// A server's.
#[derive(Clone, Default)]
pub struct ServerSecurity {
    tls: Option<TlsAcceptor>,
    /// Settings that cannot be used.
    mistake: Option<TlsConfigError>,
    on_failure: Option<OnFailure>,
}

impl fmt::Debug for ServerSecurity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerSecurity").finish_non_exhaustive()
    }
}

impl ServerSecurity {
    /// TLS with these settings, and nothing else. What is wrong with them, [`check`](Self::check) says.
    pub fn set<T>(&mut self, tls: T)
    where
        T: TryInto<TlsAcceptor>,
        T::Error: Into<TlsConfigError>,
    {
        match tls.try_into() {
            Ok(acceptor) => self.tls = Some(acceptor),
            Err(mistake) => self.mistake = Some(mistake.into()),
        }
    }

    /// Is told of handshakes that fail.
    pub fn on_failure(&mut self, tell: impl Fn(&Peer, &TlsError) + Send + Sync + 'static) {
        self.on_failure = Some(Arc::new(tell));
    }

    /// Can the settings be used?
    ///
    /// # Errors
    /// [`ServerError::Tls`]: what is wrong with them.
    pub fn check(&self) -> Result<(), ServerError> {
        self.mistake.clone().map_or(Ok(()), |mistake| Err(ServerError::Tls(mistake)))
    }

    /// The stage of a new connection; `None`: it speaks plain text.
    ///
    /// # Errors
    /// Settings of rustls itself that contradict each other.
    pub fn stage(&self) -> Result<Option<Stage>, TlsError> {
        self.tls.as_ref().map(TlsAcceptor::stage).transpose()
    }

    /// A handshake failed.
    pub fn failed(&self, peer: &Peer, error: &TlsError) {
        if let Some(tell) = &self.on_failure {
            tell(peer, error);
        }
    }
}
