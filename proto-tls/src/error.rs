//! What can go wrong, in words that name the mistake and whose it is.

use crate::alert;
use rustls::CertificateError as Certificate;
use rustls::pki_types::UnixTime;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// Which end of the connection speaks of itself as "we".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// We connected.
    Client,
    /// We accepted.
    Server,
}

impl Side {
    /// The other end.
    pub(crate) fn peer(self) -> &'static str {
        match self {
            Side::Client => "server",
            Side::Server => "client",
        }
    }
}

/// Why a TLS connection failed. The text says what is wrong and at which end; [`problem`](Self::problem) tells the cases apart,
/// and `source()` is the error of rustls, where there is one. Cheap to clone.
#[derive(Clone, PartialEq)]
pub struct TlsError(Arc<Inner>);

#[derive(PartialEq)]
struct Inner {
    us: Side,
    problem: TlsProblem,
    cause: Option<rustls::Error>,
}

/// What went wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TlsProblem {
    /// The peer does not speak TLS on this port; what its first bytes look like.
    NotTls(&'static str),
    /// The host that was to be connected to is no name and no address.
    ServerName(String),
    /// The server's certificate is for other names.
    WrongName {
        /// The name that was wanted.
        expected: String,
        /// Those that the certificate has.
        presented: Vec<String>,
    },
    /// The peer's certificate has expired, so long ago (zero: unknown).
    Expired(Duration),
    /// The peer's certificate is not valid yet, for so long (zero: unknown).
    NotValidYet(Duration),
    /// None of those whom we trust has issued the peer's certificate.
    UnknownIssuer,
    /// The peer's certificate names an authority that we trust, but was not signed by it.
    WrongIssuer,
    /// The peer's certificate is bad in another way.
    BadCertificate,
    /// The peer did not agree on HTTP/2 by ALPN, as gRPC demands.
    NoHttp2,
    /// We serve nobody without a certificate, and the client presented none.
    CertificateMissing,
    /// The server demands a certificate, and we have none.
    CertificateRequired,
    /// The peer refused our certificate, with this alert.
    CertificateRefused(&'static str),
    /// The server does not know the name that we asked for.
    NameUnknown,
    /// No version, cipher suite or signature scheme in common.
    Incompatible,
    /// The peer ended the connection during the handshake.
    ClosedInHandshake,
    /// The peer's bytes end inside a record.
    Truncated,
    /// More than we take before the handshake is over, in bytes.
    TooLarge {
        /// Of what.
        what: &'static str,
        /// How much we take.
        limit: usize,
    },
    /// The peer gave the connection up, with this alert.
    Alert(&'static str),
    /// The peer broke the protocol, or somebody has changed what it sent.
    Broken,
}

impl TlsError {
    pub(crate) fn new(us: Side, problem: TlsProblem) -> Self {
        TlsError(Arc::new(Inner { us, problem, cause: None }))
    }

    /// An error of rustls, by what it means. `identified`: we have a certificate.
    pub(crate) fn of(us: Side, cause: rustls::Error, identified: bool) -> Self {
        TlsError(Arc::new(Inner { us, problem: problem(us, &cause, identified), cause: Some(cause) }))
    }

    /// What went wrong.
    pub fn problem(&self) -> &TlsProblem {
        &self.0.problem
    }
}

fn problem(us: Side, cause: &rustls::Error, identified: bool) -> TlsProblem {
    use rustls::Error;
    match cause {
        Error::InvalidCertificate(error) => of_certificate(error),
        Error::NoCertificatesPresented => TlsProblem::CertificateMissing,
        Error::NoApplicationProtocol => TlsProblem::NoHttp2,
        Error::PeerIncompatible(_) => TlsProblem::Incompatible,
        Error::AlertReceived(alert) => alert::problem(us, *alert, identified),
        _ => TlsProblem::Broken,
    }
}

fn of_certificate(error: &Certificate) -> TlsProblem {
    let between =
        |late: &UnixTime, early: &UnixTime| Duration::from_secs(late.as_secs().saturating_sub(early.as_secs()));
    match error {
        Certificate::Expired => TlsProblem::Expired(Duration::ZERO),
        Certificate::ExpiredContext { time, not_after } => TlsProblem::Expired(between(time, not_after)),
        Certificate::NotValidYet => TlsProblem::NotValidYet(Duration::ZERO),
        Certificate::NotValidYetContext { time, not_before } => TlsProblem::NotValidYet(between(not_before, time)),
        Certificate::UnknownIssuer => TlsProblem::UnknownIssuer,
        Certificate::BadSignature => TlsProblem::WrongIssuer,
        Certificate::NotValidForNameContext { expected, presented } => TlsProblem::WrongName {
            expected: expected.to_str().into_owned(),
            presented: presented.iter().map(|name| bare(name)).collect(),
        },
        _ => TlsProblem::BadCertificate,
    }
}

/// "localhost" of "DnsName(\"localhost\")", as the verifier writes names.
fn bare(name: &str) -> String {
    let inner = name.split_once('(').and_then(|(_, rest)| rest.strip_suffix(')')).unwrap_or(name);
    inner.trim_matches('"').to_owned()
}

impl fmt::Display for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Inner { us, problem, cause } = &*self.0;
        let peer = us.peer();
        match problem {
            TlsProblem::NotTls(what) => write!(f, "the {peer} does not speak TLS on this port: it sent {what}"),
            TlsProblem::ServerName(host) => write!(f, "{host:?} is no name and no address to verify a certificate for"),
            TlsProblem::WrongName { expected, presented } => {
                write!(f, "the {peer}'s certificate is not valid for {expected:?}")?;
                Names(presented).fmt(f)
            }
            TlsProblem::Expired(ago) => write!(f, "the {peer}'s certificate has expired{}", Rough(*ago, " ago")),
            TlsProblem::NotValidYet(time) => {
                write!(f, "the {peer}'s certificate is not valid yet{}", Rough(*time, " to go"))
            }
            TlsProblem::UnknownIssuer => write!(
                f,
                "the {peer}'s certificate was issued by nobody whom we trust (with_{}roots_pem names an authority)",
                if *us == Side::Server { "client_" } else { "" }
            ),
            TlsProblem::WrongIssuer => write!(
                f,
                "the {peer}'s certificate is not signed by the authority of that name that we trust (was one of the two made anew?)"
            ),
            TlsProblem::NoHttp2 => write!(
                f,
                "the {peer} did not agree on HTTP/2 in the TLS handshake (ALPN \"h2\"), as gRPC demands{}",
                if *us == Side::Client { "; is it a gRPC server?" } else { "" }
            ),
            TlsProblem::CertificateMissing => {
                write!(f, "the {peer} presented no certificate, and this server demands one")
            }
            TlsProblem::CertificateRequired => {
                write!(f, "the {peer} demands a client certificate, and we have none (with_identity_pem)")
            }
            TlsProblem::CertificateRefused(alert) => write!(f, "the {peer} refused our certificate: {alert}"),
            TlsProblem::NameUnknown => write!(f, "the {peer} does not know the name that we asked for (SNI)"),
            TlsProblem::Incompatible => match cause {
                Some(rustls::Error::AlertReceived(_)) | None => {
                    write!(f, "the {peer} and we have no TLS version, cipher suite or signature scheme in common")
                }
                Some(cause) => write!(f, "the {peer} and we have no TLS in common: {cause}"),
            },
            TlsProblem::ClosedInHandshake => {
                write!(f, "the {peer} closed the connection during the TLS handshake{}", hint(*us))
            }
            TlsProblem::Truncated => write!(f, "the {peer}'s bytes ended inside a TLS record"),
            TlsProblem::TooLarge { what, limit } => {
                write!(f, "the {peer} sent more than {limit} bytes of {what}")
            }
            TlsProblem::Alert(alert) => write!(f, "the {peer} gave the TLS connection up: {alert}"),
            TlsProblem::BadCertificate | TlsProblem::Broken => {
                let what = if *problem == TlsProblem::Broken { "TLS fault of the" } else { "bad certificate of the" };
                match cause {
                    Some(cause) => write!(f, "{what} {peer}: {cause}"),
                    // rustls did not come to say more.
                    None => write!(f, "{what} {peer}: a bad record after our close_notify"),
                }
            }
        }
    }
}

fn hint(us: Side) -> &'static str {
    match us {
        Side::Client => " (does it speak TLS on this port?)",
        Side::Server => "",
    }
}

/// ", only for "a" and "b"".
struct Names<'a>(&'a [String]);

impl fmt::Display for Names<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        /// A certificate may have a hundred.
        const SHOWN: usize = 4;
        if self.0.is_empty() {
            return f.write_str(": it names nobody");
        }
        for (i, name) in self.0.iter().take(SHOWN).enumerate() {
            write!(f, "{}{name:?}", if i == 0 { ", only for " } else { ", " })?;
        }
        match self.0.len().saturating_sub(SHOWN) {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}

/// ", 3 days ago"; nothing where the time is unknown.
struct Rough(Duration, &'static str);

impl fmt::Display for Rough {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (n, unit) = match self.0.as_secs() {
            0 => return Ok(()),
            s if s < 120 => (s, "seconds"),
            s if s < 2 * 3_600 => (s / 60, "minutes"),
            s if s < 2 * 86_400 => (s / 3_600, "hours"),
            s => (s / 86_400, "days"),
        };
        write!(f, ", {n} {unit}{}", self.1)
    }
}

impl fmt::Debug for TlsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsError")
            .field("us", &self.0.us)
            .field("problem", &self.0.problem)
            .field("cause", &self.0.cause)
            .finish()
    }
}

impl std::error::Error for TlsError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.cause.as_ref().map(|cause| cause as _)
    }
}

/// Settings that cannot be used.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum TlsConfigError {
    /// PEM text that does not parse.
    Pem {
        /// What was to be read.
        what: &'static str,
        /// The parser's words.
        error: String,
    },
    /// No certificate where one is needed.
    NoCertificate {
        /// What it is needed for.
        what: &'static str,
    },
    /// A certificate that cannot be used.
    BadCertificate {
        /// What it was for.
        what: &'static str,
        /// The verifier's words.
        error: rustls::Error,
    },
    /// PEM text without a private key.
    NoKey,
    /// A private key in no known format.
    BadKey,
    /// The private key belongs to another certificate.
    KeyMismatch,
    /// Nobody is trusted, so that every server would be refused.
    NoRoots,
    /// The roots that the system trusts cannot be read.
    NativeRoots(String),
    /// A server's name that is no name and no address.
    ServerName(String),
    /// No feature and no `with_provider` says who does the cryptography.
    NoProvider,
    /// Refused by rustls.
    Rustls(rustls::Error),
}

impl TlsConfigError {
    pub(crate) fn of_identity(error: rustls::Error) -> Self {
        match error {
            rustls::Error::InconsistentKeys(rustls::InconsistentKeys::KeyMismatch) => TlsConfigError::KeyMismatch,
            error @ rustls::Error::InvalidCertificate(_) => {
                TlsConfigError::BadCertificate { what: "the certificate", error }
            }
            other => TlsConfigError::Rustls(other),
        }
    }
}

impl fmt::Display for TlsConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TLS settings: ")?;
        match self {
            TlsConfigError::Pem { what, error } => write!(f, "{what} is no good PEM: {error}"),
            TlsConfigError::NoCertificate { what } => {
                write!(f, "no certificate found for {what}; expected \"-----BEGIN CERTIFICATE-----\"")
            }
            TlsConfigError::BadCertificate { what, error } => write!(f, "{what}: {error}"),
            TlsConfigError::NoKey => f.write_str("no private key found; expected \"-----BEGIN PRIVATE KEY-----\""),
            TlsConfigError::BadKey => f.write_str("the private key is neither PKCS #8 nor PKCS #1 nor SEC1"),
            TlsConfigError::KeyMismatch => f.write_str("the private key does not belong to the certificate"),
            TlsConfigError::NoRoots => f.write_str(
                "no authority is trusted, so that every server would be refused; \
                 name one (with_roots_pem), or trust whom the system trusts (feature `native-roots`; of a runtime, `tls-native-roots`)",
            ),
            TlsConfigError::NativeRoots(error) => write!(f, "the system's roots: {error}"),
            TlsConfigError::ServerName(name) => write!(f, "the server's name {name:?} is no name and no address"),
            TlsConfigError::NoProvider => {
                f.write_str("no cryptography: turn the feature `ring` or `aws-lc-rs` on (of a runtime, `tls` or `tls-aws-lc-rs`), or use with_provider")
            }
            TlsConfigError::Rustls(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for TlsConfigError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            TlsConfigError::BadCertificate { error, .. } | TlsConfigError::Rustls(error) => Some(error),
            _ => None,
        }
    }
}

/// What is built already has no mistakes: lets a builder take it or its settings.
impl From<std::convert::Infallible> for TlsConfigError {
    fn from(never: std::convert::Infallible) -> Self {
        match never {}
    }
}
