//! Which library does the cryptography.

use crate::TlsConfigError;
use rustls::crypto::CryptoProvider;
use rustls::server::ProducesTickets;
use std::sync::Arc;

/// The one that was asked for, or the first of the features that are on.
pub(crate) fn provider(chosen: Option<&Arc<CryptoProvider>>) -> Result<Arc<CryptoProvider>, TlsConfigError> {
    if let Some(chosen) = chosen {
        return Ok(chosen.clone());
    }
    #[cfg(feature = "ring")]
    return Ok(Arc::new(rustls::crypto::ring::default_provider()));
    #[cfg(all(feature = "aws-lc-rs", not(feature = "ring")))]
    return Ok(Arc::new(rustls::crypto::aws_lc_rs::default_provider()));
    #[cfg(not(any(feature = "ring", feature = "aws-lc-rs")))]
    Err(TlsConfigError::NoProvider)
}

/// Makes tickets by which clients resume their sessions without the server's remembering them. `None`: the server
/// remembers the last ones instead.
pub(crate) fn ticketer() -> Option<Arc<dyn ProducesTickets>> {
    #[cfg(feature = "ring")]
    return rustls::crypto::ring::Ticketer::new().ok();
    #[cfg(all(feature = "aws-lc-rs", not(feature = "ring")))]
    return rustls::crypto::aws_lc_rs::Ticketer::new().ok();
    #[cfg(not(any(feature = "ring", feature = "aws-lc-rs")))]
    None
}
