//! Targets: what a user names a server by.

use super::address::Address;
use super::target_error::{TargetError, TargetProblem};
use crate::h1::is_name;
use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::{String, ToString};
use core::fmt;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};

/// A parsed target.
///
/// | written | means |
/// |---|---|
/// | `host:port`, `10.0.0.7:50051`, `[::1]:50051` | plaintext |
/// | `dns:///host:port`, `dns:host:port` | the same |
/// | `http://host:port` | the same |
/// | `https://host:port` | TLS |
/// | `unix:path`, `unix:///absolute/path` | a Unix socket, plaintext |
///
/// There is no default port. Schemes may be in any case. User info, a path (but "/" after http and https), a query or a fragment
/// is an error: nothing is ignored in silence.
///
/// ```
/// use proto_core::channel::Target;
///
/// let target = Target::parse("https://api.example:443")?;
/// assert_eq!((target.scheme(), target.authority()), ("https", "api.example:443"));
///
/// let error = Target::parse("api.example").unwrap_err();
/// assert_eq!(error.to_string(), r#"target "api.example": no port; expected one, as in "api.example:50051""#);
/// # Ok::<(), proto_core::channel::TargetError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    text: String,
    secure: bool,
    endpoint: Endpoint,
    authority: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Endpoint {
    Host { host: String, port: u16, literal: Option<Address> },
    Unix(Address),
}

impl Target {
    /// Parses a target.
    pub fn parse(target: &str) -> Result<Target, TargetError> {
        match parse(target) {
            Ok((secure, endpoint)) => {
                let authority = endpoint.authority();
                Ok(Target { text: target.to_owned(), secure, endpoint, authority })
            }
            Err(problem) => Err(TargetError::new(target, problem)),
        }
    }

    /// `:scheme` of the requests: "https" with TLS, otherwise "http".
    pub fn scheme(&self) -> &'static str {
        if self.secure { "https" } else { "http" }
    }

    /// Does it ask for TLS?
    pub fn is_secure(&self) -> bool {
        self.secure
    }

    /// The host as it was written, without brackets (with TLS the name to verify). `None` for a Unix socket.
    pub fn host(&self) -> Option<&str> {
        match &self.endpoint {
            Endpoint::Host { host, .. } => Some(host),
            Endpoint::Unix(_) => None,
        }
    }

    /// The port. `None` for a Unix socket.
    pub fn port(&self) -> Option<u16> {
        match self.endpoint {
            Endpoint::Host { port, .. } => Some(port),
            Endpoint::Unix(_) => None,
        }
    }

    /// `:authority` of the requests: `host:port` as RFC 3986 section 3.2 writes it, without an IPv6 zone; "localhost" for a Unix
    /// socket.
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// The address, if the target is one: there is nothing to resolve.
    pub fn literal(&self) -> Option<&Address> {
        match &self.endpoint {
            Endpoint::Host { literal, .. } => literal.as_ref(),
            Endpoint::Unix(address) => Some(address),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl core::str::FromStr for Target {
    type Err = TargetError;
    fn from_str(target: &str) -> Result<Self, TargetError> {
        Target::parse(target)
    }
}

impl Endpoint {
    fn authority(&self) -> String {
        match self {
            Endpoint::Unix(_) => "localhost".to_owned(),
            // The peer knows nothing of this side's zones (RFC 6874 section 4).
            Endpoint::Host { host, port, .. } if host.contains(':') => {
                format!("[{}]:{port}", host.split('%').next().unwrap_or(host))
            }
            Endpoint::Host { host, port, .. } => format!("{host}:{port}"),
        }
    }
}

/// Whether TLS is asked for, and the endpoint.
fn parse(target: &str) -> Result<(bool, Endpoint), TargetProblem> {
    if let Some((scheme, rest)) = target.split_once("://") {
        return match scheme.to_ascii_lowercase().as_str() {
            "http" => Ok((false, uri_host(rest)?)),
            "https" => Ok((true, uri_host(rest)?)),
            "dns" => match rest.split_once('/') {
                Some(("", name)) => Ok((false, bare_host(name)?)),
                _ => Err(unexpected("a DNS server", rest.split('/').next().unwrap_or(rest))),
            },
            "unix" if rest.is_empty() => Err(TargetProblem::NoPath),
            "unix" if rest.starts_with('/') => Ok((false, Endpoint::Unix(Address::Unix(rest.to_owned())))),
            "unix" => Err(unexpected("a host", rest.split('/').next().unwrap_or(rest))),
            _ => Err(TargetProblem::Scheme(scheme.to_owned())),
        };
    }
    match target.split_once(':') {
        Some((scheme, "")) if scheme.eq_ignore_ascii_case("unix") => Err(TargetProblem::NoPath),
        Some((scheme, path)) if scheme.eq_ignore_ascii_case("unix") => {
            Ok((false, Endpoint::Unix(Address::Unix(path.to_owned()))))
        }
        // "dns:50051" is a host of that name.
        Some((scheme, name)) if scheme.eq_ignore_ascii_case("dns") && !is_number(name) => Ok((false, bare_host(name)?)),
        _ => Ok((false, bare_host(target)?)),
    }
}

/// `host:port` after `http://`: a lone "/" may follow.
fn uri_host(rest: &str) -> Result<Endpoint, TargetProblem> {
    bare_host(rest.strip_suffix('/').filter(|r| !r.contains(['/', '?', '#'])).unwrap_or(rest))
}

/// `host:port` and nothing else.
fn bare_host(text: &str) -> Result<Endpoint, TargetProblem> {
    let end = text.find(['/', '?', '#']).unwrap_or(text.len());
    let (authority, rest) = text.split_at(end);
    if authority.contains('@') {
        return Err(TargetProblem::UserInfo);
    }
    if let (Some('/'), Some(scheme)) = (rest.chars().next(), slip_of_scheme(authority)) {
        return Err(TargetProblem::Slash(scheme.to_owned()));
    }
    match rest.chars().next() {
        Some('/') => return Err(unexpected("a path", rest)),
        Some('?') => return Err(unexpected("a query", rest)),
        Some(_) => return Err(unexpected("a fragment", rest)),
        None => {}
    }
    match authority.strip_prefix('[') {
        Some(bracketed) => ipv6(authority, bracketed),
        None => name_or_ipv4(authority),
    }
}

/// "http" of `http:/host:port`: a scheme that one slash follows.
fn slip_of_scheme(authority: &str) -> Option<&str> {
    let scheme = authority.strip_suffix(':')?;
    ["http", "https"].iter().any(|known| scheme.eq_ignore_ascii_case(known)).then_some(scheme)
}

/// `::1]:50051`, what follows the opening bracket.
fn ipv6(authority: &str, bracketed: &str) -> Result<Endpoint, TargetProblem> {
    let bad = || TargetProblem::Host(authority.to_owned());
    let (host, after) = bracketed.split_once(']').ok_or_else(bad)?;
    let port = match after.strip_prefix(':') {
        Some(port) => parse_port(port, authority)?,
        None if after.is_empty() => return Err(TargetProblem::NoPort(authority.to_owned())),
        None => return Err(bad()),
    };
    let (ip, zone) = host.split_once('%').map_or((host, None), |(ip, zone)| (ip, Some(zone)));
    let ip: Ipv6Addr = ip.parse().map_err(|_| bad())?;
    let scope = match zone {
        None => Some(0),
        Some(zone) if is_number(zone) => Some(zone.parse().map_err(|_| bad())?),
        // The name of an interface: the resolver knows its number.
        Some(zone) if is_name(zone) => None,
        Some(_) => return Err(bad()),
    };
    let literal = scope.map(|scope| Address::Tcp(SocketAddr::V6(SocketAddrV6::new(ip, port, 0, scope))));
    Ok(Endpoint::Host { host: host.to_owned(), port, literal })
}

fn name_or_ipv4(authority: &str) -> Result<Endpoint, TargetProblem> {
    if authority.parse::<Ipv6Addr>().is_ok() {
        return Err(TargetProblem::Brackets(authority.to_owned()));
    }
    let (host, port) = authority.rsplit_once(':').map_or((authority, None), |(host, port)| (host, Some(port)));
    if host.is_empty() {
        return Err(TargetProblem::NoHost);
    }
    let ip = host.parse::<Ipv4Addr>().ok();
    // Digits and dots are an address or a slip of the pen; some resolvers would make something else of "10.1".
    let slip = ip.is_none() && host.contains('.') && host.bytes().all(|b| b == b'.' || b.is_ascii_digit());
    if slip || !is_name(host) {
        return Err(TargetProblem::Host(host.to_owned()));
    }
    let port = match port {
        Some(port) => parse_port(port, host)?,
        None => return Err(TargetProblem::NoPort(host.to_owned())),
    };
    let literal = ip.map(|ip| Address::Tcp(SocketAddr::new(IpAddr::V4(ip), port)));
    Ok(Endpoint::Host { host: host.to_owned(), port, literal })
}

fn parse_port(port: &str, host: &str) -> Result<u16, TargetProblem> {
    if port.is_empty() {
        return Err(TargetProblem::NoPort(host.trim_end_matches(':').to_string()));
    }
    match port.parse() {
        Ok(number) if number > 0 && is_number(port) => Ok(number),
        _ => Err(TargetProblem::Port(port.to_owned())),
    }
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

fn unexpected(part: &'static str, value: &str) -> TargetProblem {
    TargetProblem::Unexpected { part, value: value.to_owned() }
}
