//! The server's settings, and what makes a stage of them for each connection.

use crate::ALPN;
use crate::error::{Side, TlsConfigError, TlsError};
use crate::identity::{self, Identity};
use crate::provider::{provider, ticketer};
use crate::shared::Shared;
use crate::stage::{Alpn, Stage};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::CertificateDer;
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection};
use std::fmt;
use std::sync::Arc;

/// Who a server is, and which clients it demands to know. Mistakes are told by [`build`](Self::build).
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let made = rcgen::generate_simple_self_signed(["localhost".to_string()])?;
/// # let (certificate, key, clients) = (made.cert.pem(), made.signing_key.serialize_pem(), made.cert.pem());
/// let acceptor = proto_tls::ServerTls::new(&certificate, &key).with_client_roots_pem(&clients).build()?;
/// // Later, when the files have changed: new connections get the new certificate.
/// # let (new_certificate, new_key) = (&certificate, &key);
/// acceptor.reload(proto_tls::ServerTls::new(new_certificate, new_key).with_client_roots_pem(&clients))?;
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
#[must_use = "settings do nothing until they are built, or given to a server"]
pub struct ServerTls {
    identity: Result<Identity, TlsConfigError>,
    client_roots: Vec<CertificateDer<'static>>,
    asks_clients: bool,
    optional: bool,
    alpn: Alpn,
    provider: Option<Arc<CryptoProvider>>,
    mistake: Option<TlsConfigError>,
}

impl ServerTls {
    /// With this certificate (its chain behind it, leaf first) and private key (PKCS #8, PKCS #1 or SEC1). PEM.
    pub fn new(chain: impl AsRef<[u8]>, key: impl AsRef<[u8]>) -> Self {
        Self::with(Identity::pem(chain.as_ref(), key.as_ref()))
    }

    /// The same as DER, leaf first.
    pub fn from_der<C: Into<Vec<u8>>>(chain: impl IntoIterator<Item = C>, key: impl Into<Vec<u8>>) -> Self {
        Self::with(Identity::der(chain, key))
    }

    fn with(identity: Result<Identity, TlsConfigError>) -> Self {
        ServerTls {
            identity,
            client_roots: Vec::new(),
            asks_clients: false,
            optional: false,
            alpn: Alpn::Required,
            provider: None,
            mistake: None,
        }
    }

    /// Mutual TLS: clients have to present a certificate that one of these authorities has issued. PEM, any number of
    /// certificates; adds to those named before. Handlers see it in `context.certificates()`.
    pub fn with_client_roots_pem(mut self, pem: impl AsRef<[u8]>) -> Self {
        self.asks_clients = true;
        match identity::certificates(pem.as_ref(), "the clients' roots") {
            Ok(found) => self.client_roots.extend(found),
            Err(mistake) => drop(self.mistake.get_or_insert(mistake)),
        }
        self
    }

    /// The same, one DER certificate each.
    pub fn with_client_roots_der<C: Into<Vec<u8>>>(mut self, roots: impl IntoIterator<Item = C>) -> Self {
        self.asks_clients = true;
        self.client_roots.extend(roots.into_iter().map(|der| CertificateDer::from(der.into())));
        self
    }

    /// Clients may come without a certificate. One that is presented has to be good nevertheless.
    pub fn with_client_auth_optional(mut self) -> Self {
        self.optional = true;
        self
    }

    /// Goes on with a client that names no protocol by ALPN. gRPC forbids it.
    pub fn with_http2_assumed(mut self) -> Self {
        self.alpn = Alpn::Assumed;
        self
    }

    /// With this cryptography instead of the feature's.
    pub fn with_provider(mut self, provider: Arc<CryptoProvider>) -> Self {
        self.provider = Some(provider);
        self
    }

    /// Checks everything.
    ///
    /// # Errors
    /// PEM or DER that cannot be used, a key that does not belong to its certificate.
    pub fn build(self) -> Result<TlsAcceptor, TlsConfigError> {
        let identity = self.identity?;
        if let Some(mistake) = self.mistake {
            return Err(mistake);
        }
        let provider = provider(self.provider.as_ref())?;
        let config = ServerConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()
            .map_err(TlsConfigError::Rustls)?;
        let config = if self.asks_clients {
            let mut roots = RootCertStore::empty();
            identity::trust(&mut roots, self.client_roots, "the clients' roots")?;
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider);
            let verifier = if self.optional { verifier.allow_unauthenticated() } else { verifier };
            let verifier =
                verifier.build().map_err(|_| TlsConfigError::NoCertificate { what: "the clients' roots" })?;
            config.with_client_cert_verifier(verifier)
        } else {
            config.with_no_client_auth()
        };
        let (chain, key) = identity.parts();
        let mut config = config.with_single_cert(chain, key).map_err(TlsConfigError::of_identity)?;
        if let Some(ticketer) = ticketer().filter(|_| self.provider.is_none()) {
            config.ticketer = ticketer;
        }
        Ok(TlsAcceptor { alpn: self.alpn, ..TlsAcceptor::from_rustls(config) })
    }
}

/// Makes a server's stage for each connection. Cheap to clone; all clones are one: they share what
/// [`reload`](Self::reload) brings.
#[derive(Clone)]
pub struct TlsAcceptor {
    config: Shared<ServerConfig>,
    alpn: Alpn,
}

impl TlsAcceptor {
    /// Over settings of rustls itself (certificates by name, a verifier of one's own). ALPN becomes "h2".
    pub fn from_rustls(mut config: ServerConfig) -> Self {
        config.alpn_protocols = vec![ALPN.to_vec()];
        TlsAcceptor { config: Shared::new(config), alpn: Alpn::Required }
    }

    /// The stage of a new connection.
    ///
    /// # Errors
    /// Settings of rustls itself ([`from_rustls`](Self::from_rustls)) that contradict each other.
    pub fn stage(&self) -> Result<Stage, TlsError> {
        let tls = ServerConnection::new(self.config.get()).map_err(|error| TlsError::of(Side::Server, error, true))?;
        Ok(Stage::new(tls.into(), Side::Server, true, self.alpn))
    }

    /// Another certificate, other clients from now on, for new connections of all clones. Those that stand stay as they are;
    /// sessions of before are not resumed. `with_http2_assumed` stays that of the first settings.
    ///
    /// # Errors
    /// As with [`ServerTls::build`]; then nothing has changed.
    pub fn reload(&self, tls: ServerTls) -> Result<(), TlsConfigError> {
        self.config.become_as(&tls.build()?.config);
        Ok(())
    }
}

impl TryFrom<ServerTls> for TlsAcceptor {
    type Error = TlsConfigError;
    fn try_from(tls: ServerTls) -> Result<Self, TlsConfigError> {
        tls.build()
    }
}

impl fmt::Debug for TlsAcceptor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsAcceptor").finish_non_exhaustive()
    }
}
