//! Of a runtime without TLS: targets that ask for it are refused by name.

use crate::ServerError;
use proto_core::Status;
use proto_core::channel::Target;
use proto_core::grpc::{Local, Origin, Seen};
use std::convert::Infallible;

/// What was asked of a channel's builder: nothing can be.
pub type Asked = Option<Infallible>;

/// A channel's.
#[derive(Clone, Debug)]
pub struct ClientSecurity {
    scheme: &'static str,
}

impl ClientSecurity {
    /// For this target. `runtime` is the crate whose feature is off.
    ///
    /// # Errors
    /// UNIMPLEMENTED: the target asks for TLS.
    pub fn new(target: &Target, _asked: Asked, runtime: &str) -> Result<Self, Status> {
        if target.is_secure() {
            let text = format!(
                "target \"{target}\" asks for TLS, which is not compiled in: turn the feature `tls` of {runtime} on"
            );
            return Err(Status::unimplemented(text).with_origin(Origin::Local(Local::BadRequest)).with_seen(Seen::No));
        }
        Ok(ClientSecurity { scheme: target.scheme() })
    }

    /// `:scheme` of the requests.
    pub fn scheme(&self) -> &'static str {
        self.scheme
    }
}

/// A server's.
#[derive(Clone, Debug, Default)]
pub struct ServerSecurity;

impl ServerSecurity {
    /// There is nothing that could be wrong.
    ///
    /// # Errors
    /// None.
    pub fn check(&self) -> Result<(), ServerError> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_target_that_asks_for_tls_is_refused_by_name() {
        let target = Target::parse("https://db.example:443").expect("a target");
        let status = ClientSecurity::new(&target, None, "rt-std").expect_err("there is no TLS");
        let text = "target \"https://db.example:443\" asks for TLS, which is not compiled in: turn the feature `tls` of rt-std on";
        assert_eq!((status.code(), status.message()), (proto_core::Code::Unimplemented, text));
    }

    #[test]
    fn a_target_that_asks_for_none_has_its_scheme() {
        let target = Target::parse("db.example:50051").expect("a target");
        assert_eq!(ClientSecurity::new(&target, None, "rt-std").map(|s| s.scheme()).ok(), Some("http"));
    }
}
