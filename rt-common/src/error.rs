//! Why a server could not be started, or could not go on.

use crate::Address;
use crate::stream::StreamError;
use proto_core::grpc::{Code, Status};
use proto_core::rpc::{DuplicateService, Report};
use std::fmt;
use std::io;

/// Why a server could not be started, or could not go on. The text names the address and what the system said of it.
#[derive(Debug)]
#[non_exhaustive]
pub enum ServerError {
    /// The address cannot be resolved, or names nothing to listen on.
    Address {
        /// As it was given.
        address: String,
        /// The resolver's words.
        source: io::Error,
    },
    /// Nobody can listen there: in use, not ours, not permitted.
    Bind {
        /// Where.
        address: Address,
        /// The system's words.
        source: io::Error,
    },
    /// Two services of one name.
    DuplicateService(DuplicateService),
    /// No service was added: every call would be UNIMPLEMENTED.
    NoService,
    /// TLS settings that cannot be used.
    #[cfg(feature = "tls")]
    Tls(proto_tls::TlsConfigError),
    /// The system has no thread, descriptor or poller to serve with.
    System {
        /// What was being done.
        doing: &'static str,
        /// The system's words.
        source: io::Error,
    },
    /// The stream of `serve_connection` has failed: by itself, not since the peer has gone (that
    /// is an end like any other).
    Stream {
        /// How.
        source: StreamError,
        /// What was served before.
        report: Report,
    },
}

impl ServerError {
    /// Of what the system refused while this was done ("making a poller").
    pub fn system(doing: &'static str) -> impl Fn(io::Error) -> Self {
        move |source| ServerError::System { doing, source }
    }
}

impl fmt::Display for ServerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ServerError::Address { address, source } => {
                write!(f, "cannot listen on {address:?}: {source}; expected host:port")?;
                f.write_str(instead(address))
            }
            ServerError::Bind { address, source } if source.kind() == io::ErrorKind::AddrInUse => {
                write!(f, "cannot listen on {address}: the address is in use")?;
                match address {
                    Address::Tcp(_) => f.write_str(" by another server (port 0 takes a free one)"),
                    #[cfg(unix)]
                    Address::Unix(_) => f.write_str(" (remove the file if no server uses it)"),
                }
            }
            #[cfg(unix)]
            ServerError::Bind { address: address @ Address::Unix(path), source }
                if source.kind() == io::ErrorKind::NotFound =>
            {
                let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
                let folder = folder.unwrap_or(std::path::Path::new("."));
                write!(f, "cannot listen on {address}: the directory {} does not exist", folder.display())
            }
            ServerError::Bind { address, source } => write!(f, "cannot listen on {address}: {source}"),
            ServerError::DuplicateService(error) => error.fmt(f),
            #[cfg(feature = "tls")]
            ServerError::Tls(error) => error.fmt(f),
            ServerError::NoService => f.write_str("the server has no service: add one with `add_service`"),
            ServerError::System { doing, source } => write!(f, "{doing}: {source}"),
            ServerError::Stream { source, report } => write!(f, "serving one connection ({report}): {source}"),
        }
    }
}

/// What somebody meant who gave this address, where it can be told.
fn instead(address: &str) -> &'static str {
    if address.starts_with("unix:") {
        " (a Unix socket is listened on with `bind_unix`)"
    } else if address.contains("://") {
        " without a scheme"
    } else if address.starts_with(':') {
        ": 127.0.0.1 as the host is for this machine alone, [::] or 0.0.0.0 for all networks"
    } else {
        ""
    }
}

impl std::error::Error for ServerError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            ServerError::Address { source, .. }
            | ServerError::Bind { source, .. }
            | ServerError::System { source, .. } => Some(source),
            ServerError::DuplicateService(error) => Some(error),
            ServerError::Stream { source, .. } => Some(source),
            ServerError::NoService => None,
            #[cfg(feature = "tls")]
            ServerError::Tls(error) => Some(error),
        }
    }
}

/// For `?` in functions that return a `Status`.
impl From<ServerError> for Status {
    fn from(error: ServerError) -> Self {
        Status::new(Code::Unavailable, error.to_string()).with_source(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_in_the_notation_of_others_is_told_what_is_expected() {
        for (address, hint) in [
            ("unix:/run/hello.sock", "bind_unix"),
            ("http://127.0.0.1:50051", "without a scheme"),
            (":50051", "0.0.0.0"),
            ("localhost", "expected host:port"),
        ] {
            let source = io::Error::new(io::ErrorKind::InvalidInput, "the resolver's words");
            let error = ServerError::Address { address: address.into(), source }.to_string();
            assert!(error.contains(address) && error.contains(hint), "{error}");
        }
    }
}
