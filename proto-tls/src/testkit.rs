//! Certificates for tests, made on the spot by an authority of one's own. Nobody else trusts them.
//!
//! What it does not do: serve for anything but tests. Keys are Ed25519, so that the lengths of a handshake's messages are
//! the same every time.

use crate::{ClientTls, ServerTls};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, PKCS_ED25519};
use std::fmt;
use std::time::SystemTime;

/// What can go wrong: the system has no random numbers, or a name is none.
pub type Error = rcgen::Error;

/// Who issues certificates.
///
/// ```
/// use proto_tls::testkit::Authority;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let authority = Authority::new("tests")?;
/// let server = authority.issue("localhost")?.server();
/// let client = authority.client();
/// # let _ = (server.build()?, client.build()?);
/// # Ok(()) }
/// ```
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A certificate and its key.
#[derive(Clone)]
pub struct Issued {
    /// PEM.
    pub certificate: String,
    /// PEM, PKCS #8.
    pub key: String,
    /// The certificate as DER.
    pub der: Vec<u8>,
}

fn key() -> Result<KeyPair, Error> {
    KeyPair::generate_for(&PKCS_ED25519)
}

impl Authority {
    /// A new one, with a key of its own.
    pub fn new(name: &str) -> Result<Self, Error> {
        let mut params = CertificateParams::new([])?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        Ok(Authority(CertifiedIssuer::self_signed(params, key()?)?))
    }

    /// Its own certificate, PEM.
    pub fn pem(&self) -> String {
        self.0.pem()
    }

    /// A certificate for this name or address, valid for long.
    pub fn issue(&self, name: &str) -> Result<Issued, Error> {
        self.issue_with(name, |_| {})
    }

    /// One that is valid from and until these points in time.
    pub fn issue_for(&self, name: &str, from: SystemTime, until: SystemTime) -> Result<Issued, Error> {
        self.issue_with(name, |params| {
            params.not_before = from.into();
            params.not_after = until.into();
        })
    }

    fn issue_with(&self, name: &str, change: impl FnOnce(&mut CertificateParams)) -> Result<Issued, Error> {
        let mut params = CertificateParams::new([name.to_owned()])?;
        params.distinguished_name.push(DnType::CommonName, name);
        change(&mut params);
        let key = key()?;
        let certificate = params.signed_by(&key, &self.0)?;
        Ok(Issued { certificate: certificate.pem(), key: key.serialize_pem(), der: certificate.der().to_vec() })
    }

    /// Settings of a client that trusts it.
    pub fn client(&self) -> ClientTls {
        ClientTls::new().with_roots_pem(self.pem())
    }
}

impl Issued {
    /// Settings of a server that is this.
    pub fn server(&self) -> ServerTls {
        ServerTls::new(&self.certificate, &self.key)
    }
}

/// No keys.
impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authority").finish_non_exhaustive()
    }
}

/// No keys.
impl fmt::Debug for Issued {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Issued").field("certificate", &self.certificate).finish_non_exhaustive()
    }
}
