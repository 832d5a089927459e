//! What a runtime's channel makes of its target and of the TLS settings that it was given.

use crate::ClientTls;
use crate::client::TlsConnector;
use crate::error::{TlsConfigError, TlsError};
use crate::stage::Stage;
use proto_core::Status;
use proto_core::channel::Target;
use proto_core::grpc::{Local, Origin, Seen};
use std::io::{self, ErrorKind};

/// TLS to one target: settings, and the host whose certificate is expected.
#[derive(Clone, Debug)]
pub struct TlsTarget {
    connector: TlsConnector,
    host: String,
}

impl TlsTarget {
    /// For this target, with these settings if there are some. `None`: it speaks plain text. A target that begins with `https://`
    /// has settings by default; one that begins with `http://` contradicts them; any other speaks TLS when there are some.
    ///
    /// # Errors
    /// INVALID_ARGUMENT: settings that cannot be used, or that contradict the target.
    pub fn new(
        target: &Target,
        asked: Option<Result<TlsConnector, TlsConfigError>>,
    ) -> Result<Option<TlsTarget>, Status> {
        let refused = |status: Status| status.with_origin(Origin::Local(Local::BadRequest)).with_seen(Seen::No);
        let asked = match asked {
            None if !target.is_secure() => return Ok(None),
            Some(_) if target.to_string().to_ascii_lowercase().starts_with("http://") => {
                let text =
                    format!("target \"{target}\" asks for plain text, but TLS settings were given; expected https://");
                return Err(refused(Status::invalid_argument(text)));
            }
            None => ClientTls::new().build(),
            Some(asked) => asked,
        };
        let mistake = |error: TlsConfigError| {
            refused(Status::invalid_argument(format!("target \"{target}\": {error}")).with_source(error))
        };
        // Whoever listens on a Unix socket is this machine.
        let host = target.host().unwrap_or("localhost").to_owned();
        Ok(Some(TlsTarget { connector: asked.map_err(mistake)?, host }))
    }

    /// The stage of a new connection.
    ///
    /// # Errors
    /// The host is no name to verify.
    pub fn stage(&self) -> Result<Stage, TlsError> {
        self.connector.stage(&self.host)
    }
}

/// As pipes report it.
impl From<TlsError> for io::Error {
    fn from(error: TlsError) -> Self {
        io::Error::new(ErrorKind::InvalidData, error)
    }
}
