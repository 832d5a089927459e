//! Certificates and keys as users hand them in: PEM text or DER.

use crate::TlsConfigError;
use rustls::RootCertStore;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::fmt;
use std::sync::Arc;

/// A certificate with its chain, and its private key.
#[derive(Clone)]
pub(crate) struct Identity {
    chain: Vec<CertificateDer<'static>>,
    key: Arc<PrivateKeyDer<'static>>,
}

impl Identity {
    pub(crate) fn pem(chain: &[u8], key: &[u8]) -> Result<Self, TlsConfigError> {
        let chain = certificates(chain, "the certificate")?;
        let key = PrivateKeyDer::from_pem_slice(key).map_err(|error| match error {
            pem::Error::NoItemsFound => TlsConfigError::NoKey,
            other => TlsConfigError::Pem { what: "the private key", error: other.to_string() },
        })?;
        Ok(Identity { chain, key: Arc::new(key) })
    }

    pub(crate) fn der<C: Into<Vec<u8>>>(
        chain: impl IntoIterator<Item = C>,
        key: impl Into<Vec<u8>>,
    ) -> Result<Self, TlsConfigError> {
        let chain: Vec<_> = chain.into_iter().map(|der| CertificateDer::from(der.into())).collect();
        if chain.is_empty() {
            return Err(TlsConfigError::NoCertificate { what: "the certificate" });
        }
        let key = PrivateKeyDer::try_from(key.into()).map_err(|_| TlsConfigError::BadKey)?;
        Ok(Identity { chain, key: Arc::new(key) })
    }

    /// As rustls takes them.
    pub(crate) fn parts(&self) -> (Vec<CertificateDer<'static>>, PrivateKeyDer<'static>) {
        (self.chain.clone(), self.key.clone_key())
    }
}

/// The key is not told.
impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity").field("certificates", &self.chain.len()).finish_non_exhaustive()
    }
}

/// All certificates of a PEM text; `what` they are for.
pub(crate) fn certificates(text: &[u8], what: &'static str) -> Result<Vec<CertificateDer<'static>>, TlsConfigError> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(text).collect();
    let found = found.map_err(|error| TlsConfigError::Pem { what, error: error.to_string() })?;
    if found.is_empty() { Err(TlsConfigError::NoCertificate { what }) } else { Ok(found) }
}

/// Adds to those who are trusted.
pub(crate) fn trust(
    store: &mut RootCertStore,
    certificates: Vec<CertificateDer<'static>>,
    what: &'static str,
) -> Result<(), TlsConfigError> {
    for certificate in certificates {
        store.add(certificate).map_err(|error| TlsConfigError::BadCertificate { what, error })?;
    }
    Ok(())
}
