//! What is wrong with a target.

use crate::grpc::{Local, Origin, Seen, Status};
use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::{String, ToString};
use core::fmt;

/// A target that cannot be used. The text names the target, what is wrong with it, and what was expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TargetError {
    target: String,
    problem: TargetProblem,
}

/// What is wrong with a target.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum TargetProblem {
    /// A scheme that we do not know.
    Scheme(String),
    /// One slash after this scheme.
    Slash(String),
    /// No host.
    NoHost,
    /// A host that is neither a name nor an address.
    Host(String),
    /// No port after this host.
    NoPort(String),
    /// A port that is not a number from 1 to 65535.
    Port(String),
    /// An IPv6 address without brackets.
    Brackets(String),
    /// A Unix socket without a path.
    NoPath,
    /// User info before the host. Its text is left out of the error: it may be a password.
    UserInfo,
    /// Something that a target does not have.
    Unexpected {
        /// "a path", "a query", "a fragment", "a host" (of a Unix socket), "a DNS server".
        part: &'static str,
        /// Its text.
        value: String,
    },
}

impl TargetError {
    pub(super) fn new(target: &str, problem: TargetProblem) -> Self {
        let target = match target.rsplit_once('@') {
            Some((_, rest)) if problem == TargetProblem::UserInfo => format!("...@{rest}"),
            _ => target.to_owned(),
        };
        TargetError { target, problem }
    }

    /// The target as it was given, but for user info.
    pub fn target(&self) -> &str {
        &self.target
    }

    /// What is wrong with it.
    pub fn problem(&self) -> &TargetProblem {
        &self.problem
    }
}

impl fmt::Display for TargetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "target {:?}: {}", self.target, self.problem)
    }
}

impl fmt::Display for TargetProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const FORMS: &str = "host:port, http://host:port, https://host:port, dns:///host:port, unix:path";
        match self {
            TargetProblem::Scheme(scheme) => write!(f, "unknown scheme {scheme:?}; expected {FORMS}"),
            TargetProblem::Slash(scheme) => {
                write!(f, "one slash after \"{scheme}:\"; expected \"{scheme}://host:port\"")
            }
            TargetProblem::NoHost => write!(f, "no host; expected {FORMS}"),
            TargetProblem::Host(host) => write!(
                f,
                "{host:?} is no host; expected a name (letters, digits, '-', '_', '.'), an IPv4 address, or an IPv6 address in \
                 brackets"
            ),
            TargetProblem::NoPort(host) => write!(f, "no port; expected one, as in \"{host}:50051\""),
            TargetProblem::Port(port) => write!(f, "{port:?} is no port; expected a number from 1 to 65535"),
            TargetProblem::Brackets(address) => {
                write!(f, "an IPv6 address without brackets; expected \"[{address}]:port\"")
            }
            TargetProblem::NoPath => f.write_str("no path; expected unix:path or unix:///absolute/path"),
            TargetProblem::UserInfo => f.write_str("user info before the host; expected host:port alone"),
            TargetProblem::Unexpected { part: "a host", value } => {
                write!(f, "{value:?} where a Unix socket has no host; expected unix:path or unix:///absolute/path")
            }
            TargetProblem::Unexpected { part: "a DNS server", value } => {
                write!(f, "{value:?} names a DNS server, which is not supported; expected dns:///host:port")
            }
            TargetProblem::Unexpected { part, value } => {
                write!(f, "{part} ({value:?}) after the port; expected nothing there")
            }
        }
    }
}

impl core::error::Error for TargetError {}

impl From<TargetError> for Status {
    fn from(error: TargetError) -> Self {
        Status::invalid_argument(error.to_string())
            .with_origin(Origin::Local(Local::BadRequest))
            .with_seen(Seen::No)
            .with_source(error)
    }
}
