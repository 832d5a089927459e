//! The client's settings, and what makes a stage of them for each connection.

use crate::ALPN;
use crate::error::{Side, TlsConfigError, TlsError, TlsProblem};
use crate::identity::{self, Identity};
use crate::provider::provider;
use crate::shared::Shared;
use crate::stage::{Alpn, Stage};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore};
use std::fmt;
use std::sync::Arc;

/// What a client trusts, and who it is. Mistakes are told by [`build`](Self::build).
///
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let made = rcgen::generate_simple_self_signed(["localhost".to_string()])?;
/// # let ca = made.cert.pem();
/// let connector = proto_tls::ClientTls::new().with_roots_pem(&ca).with_server_name("localhost").build()?;
/// # let _ = connector;
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, Default)]
#[must_use = "settings do nothing until they are built, or given to a channel"]
pub struct ClientTls {
    roots: Vec<CertificateDer<'static>>,
    native_roots: bool,
    identity: Option<Identity>,
    server_name: Option<String>,
    alpn: Alpn,
    provider: Option<Arc<CryptoProvider>>,
    mistake: Option<TlsConfigError>,
}

impl ClientTls {
    /// Trusts whom the system trusts, with the feature `native-roots`, unless other roots are named.
    pub fn new() -> Self {
        ClientTls::default()
    }

    fn note<T>(&mut self, result: Result<T, TlsConfigError>) -> Option<T> {
        match result {
            Ok(value) => Some(value),
            Err(mistake) => {
                self.mistake.get_or_insert(mistake);
                None
            }
        }
    }

    /// Trusts servers whose certificates these authorities have issued, or that present one of these themselves. PEM, any number
    /// of certificates; adds to what was named before, and replaces the system's.
    pub fn with_roots_pem(mut self, pem: impl AsRef<[u8]>) -> Self {
        if let Some(found) = self.note(identity::certificates(pem.as_ref(), "the roots")) {
            self.roots.extend(found);
        }
        self
    }

    /// The same, one DER certificate each.
    pub fn with_roots_der<C: Into<Vec<u8>>>(mut self, roots: impl IntoIterator<Item = C>) -> Self {
        self.roots.extend(roots.into_iter().map(|der| CertificateDer::from(der.into())));
        self
    }

    /// Trusts whom the system trusts, beside the roots that are named. Read when the settings are built
    /// (`SSL_CERT_FILE` and `SSL_CERT_DIR` count).
    #[cfg(feature = "native-roots")]
    pub fn with_native_roots(mut self) -> Self {
        self.native_roots = true;
        self
    }

    /// Who the client is, for servers that ask: its certificate with the chain that leads to the authority (leaf first), and its
    /// private key (PKCS #8, PKCS #1 or SEC1). PEM.
    pub fn with_identity_pem(mut self, chain: impl AsRef<[u8]>, key: impl AsRef<[u8]>) -> Self {
        self.identity = self.note(Identity::pem(chain.as_ref(), key.as_ref()));
        self
    }

    /// The same as DER.
    pub fn with_identity_der<C: Into<Vec<u8>>>(
        mut self,
        chain: impl IntoIterator<Item = C>,
        key: impl Into<Vec<u8>>,
    ) -> Self {
        self.identity = self.note(Identity::der(chain, key));
        self
    }

    /// The name (or address) that the server's certificate must be valid for, and that is asked for (SNI), instead of
    /// the target's.
    pub fn with_server_name(mut self, name: impl Into<String>) -> Self {
        self.server_name = Some(name.into());
        self
    }

    /// Goes on with a server that agrees on no protocol by ALPN. gRPC forbids it; some proxies know no ALPN.
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
    /// PEM or DER that cannot be used, a key that does not belong to its certificate, a server's name that is none, nobody
    /// to trust.
    pub fn build(self) -> Result<TlsConnector, TlsConfigError> {
        if let Some(mistake) = self.mistake {
            return Err(mistake);
        }
        let mut roots = RootCertStore::empty();
        identity::trust(&mut roots, self.roots, "the roots")?;
        let by_default = cfg!(feature = "native-roots") && roots.is_empty();
        if self.native_roots || by_default {
            add_native(&mut roots)?;
        }
        if roots.is_empty() {
            return Err(TlsConfigError::NoRoots);
        }
        let config = ClientConfig::builder_with_provider(provider(self.provider.as_ref())?)
            .with_safe_default_protocol_versions()
            .map_err(TlsConfigError::Rustls)?
            .with_root_certificates(roots);
        let config = match &self.identity {
            None => config.with_no_client_auth(),
            Some(identity) => {
                let (chain, key) = identity.parts();
                config.with_client_auth_cert(chain, key).map_err(TlsConfigError::of_identity)?
            }
        };
        let server_name = self.server_name.as_deref().map(name).transpose();
        let server_name = server_name.map_err(TlsConfigError::ServerName)?;
        Ok(TlsConnector { server_name, alpn: self.alpn, ..TlsConnector::from_rustls(config) })
    }
}

#[cfg(feature = "native-roots")]
fn add_native(roots: &mut RootCertStore) -> Result<(), TlsConfigError> {
    let found = rustls_native_certs::load_native_certs();
    // Systems ship some that nobody can parse: the others count.
    let (added, _) = roots.add_parsable_certificates(found.certs);
    match found.errors.into_iter().next() {
        Some(error) if added == 0 => Err(TlsConfigError::NativeRoots(error.to_string())),
        _ => Ok(()),
    }
}

#[cfg(not(feature = "native-roots"))]
fn add_native(_: &mut RootCertStore) -> Result<(), TlsConfigError> {
    Ok(())
}

/// A host as TLS names it: without an IPv6 zone, which is this machine's alone, and without the dot of the root.
fn name(host: &str) -> Result<ServerName<'static>, String> {
    let plain = host.split('%').next().unwrap_or(host);
    let plain = plain.strip_suffix('.').unwrap_or(plain);
    let plain = plain.strip_prefix('[').and_then(|p| p.strip_suffix(']')).unwrap_or(plain);
    ServerName::try_from(plain.to_owned()).map_err(|_| host.to_owned())
}

/// Makes a client's stage for each connection. Cheap to clone; all clones are one: they share the sessions to resume, and what
/// [`reload`](Self::reload) brings.
#[derive(Clone)]
pub struct TlsConnector {
    config: Shared<ClientConfig>,
    server_name: Option<ServerName<'static>>,
    alpn: Alpn,
}

impl TlsConnector {
    /// Over settings of rustls itself (a verifier of one's own, key logging). ALPN becomes "h2".
    pub fn from_rustls(mut config: ClientConfig) -> Self {
        config.alpn_protocols = vec![ALPN.to_vec()];
        TlsConnector { config: Shared::new(config), server_name: None, alpn: Alpn::Required }
    }

    /// The stage of a new connection to this host (as the target has it): the name to verify, unless another one was set.
    ///
    /// # Errors
    /// The host is no name and no address.
    pub fn stage(&self, host: &str) -> Result<Stage, TlsError> {
        let name = match &self.server_name {
            Some(name) => name.clone(),
            None => name(host).map_err(|host| TlsError::new(Side::Client, TlsProblem::ServerName(host)))?,
        };
        let config = self.config.get();
        let has_identity = config.client_auth_cert_resolver.has_certs();
        let tls = ClientConnection::new(config, name).map_err(|error| TlsError::of(Side::Client, error, false))?;
        Ok(Stage::new(tls.into(), Side::Client, has_identity, self.alpn))
    }

    /// Other settings from now on, for new connections of all clones. Those that stand stay as they are; sessions of before are
    /// not resumed. The server's name and `with_http2_assumed` stay those of the first settings.
    ///
    /// # Errors
    /// As with [`ClientTls::build`]; then nothing has changed.
    pub fn reload(&self, tls: ClientTls) -> Result<(), TlsConfigError> {
        self.config.become_as(&tls.build()?.config);
        Ok(())
    }
}

impl TryFrom<ClientTls> for TlsConnector {
    type Error = TlsConfigError;
    fn try_from(tls: ClientTls) -> Result<Self, TlsConfigError> {
        tls.build()
    }
}

impl fmt::Debug for TlsConnector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsConnector").field("server_name", &self.server_name).finish_non_exhaustive()
    }
}
