//! Targets: what a user names a server by.

use super::orders::Address;
use crate::grpc::Status;
use alloc::string::String;
use core::fmt;

/// A parsed target.
///
/// | written | means |
/// |---|---|
/// | `host:port`, `10.0.0.7:50051`, `[::1]:50051` | plaintext |
/// | `dns:///host:port` | the same |
/// | `http://host:port` | the same |
/// | `https://host:port` | TLS |
/// | `unix:path`, `unix:///absolute/path` | a Unix socket, plaintext |
///
/// There is no default port. Schemes in any case. User info, a path (but "/") or a query is an error, and not ignored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    host: String,
}

impl Target {
    /// Parses a target.
    pub fn parse(target: &str) -> Result<Target, TargetError> {
        let _ = target;
        todo!()
    }
    /// `:scheme` of the requests: "https" with TLS, otherwise "http".
    pub fn scheme(&self) -> &'static str {
        todo!()
    }
    /// Does it ask for TLS?
    pub fn is_secure(&self) -> bool {
        self.scheme() == "https"
    }
    /// The host, without brackets (and for TLS the name to verify). `None` for a Unix socket.
    pub fn host(&self) -> Option<&str> {
        Some(&self.host)
    }
    /// The port. `None` for a Unix socket.
    pub fn port(&self) -> Option<u16> {
        todo!()
    }
    /// `:authority` of the requests: `host:port` as RFC 3986 writes it, "localhost" for a Unix socket.
    pub fn authority(&self) -> &str {
        todo!()
    }
    /// The address, if the target is one: nothing to resolve.
    pub fn literal(&self) -> Option<&Address> {
        todo!()
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.host)
    }
}

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
    /// No host.
    NoHost,
    /// A host that no name or address can be.
    Host(String),
    /// No port.
    NoPort,
    /// A port that is not a number from 1 to 65535.
    Port(String),
    /// An IPv6 address without brackets.
    Brackets,
    /// Something that a target does not have.
    Unexpected {
        /// "user info", "a path", "a query", "a fragment", "a DNS server".
        part: &'static str,
        /// Its text.
        value: String,
    },
}

impl TargetError {
    /// The target as it was given.
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
        write!(f, "target {:?}: {:?}", self.target, self.problem)
    }
}

impl core::error::Error for TargetError {}

impl From<TargetError> for Status {
    fn from(error: TargetError) -> Self {
        Status::invalid_argument(alloc::format!("{error}"))
    }
}
