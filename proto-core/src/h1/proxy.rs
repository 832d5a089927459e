//! An HTTP proxy as its users name it: `http://user:password@host:port`.

use crate::grpc::{Local, Origin, Seen, Status};
use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use core::fmt;
use core::net::Ipv6Addr;

/// The port of `http://` (RFC 9110 section 4.2.1).
const DEFAULT_PORT: u16 = 80;

/// An HTTP proxy that is asked for tunnels (CONNECT), in plain text.
///
/// `http://host`, `http://host:port`, `http://user:password@host:port`, each also without `http://`, as environment variables have
/// it. Without a port it is 80. User and password are percent-decoded, and go out as Basic credentials (RFC 7617). A lone "/" may follow,
/// nothing else may.
///
/// `Display` and `Debug` leave the credentials out.
///
/// ```
/// use proto_core::h1::Proxy;
///
/// let proxy = Proxy::parse("http://ada:p%40ss@proxy.example:3128/")?;
/// assert_eq!((proxy.host(), proxy.port(), proxy.to_string().as_str()), ("proxy.example", 3128, "proxy.example:3128"));
/// assert!(Proxy::parse("socks5://proxy.example:1080").unwrap_err().to_string().contains("socks5"));
/// # Ok::<(), proto_core::h1::ProxyError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Proxy {
    host: String,
    port: u16,
    /// The value of `proxy-authorization`.
    authorization: Option<String>,
}

/// A proxy that cannot be used. The text says what is wrong with it, and what was expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProxyError {
    /// What named it: "proxy", or a variable of the environment.
    named_by: &'static str,
    proxy: String,
    problem: ProxyProblem,
}

/// What is wrong with the name of a proxy.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ProxyProblem {
    /// A scheme that we do not speak (`https`, `socks5`).
    Scheme(String),
    /// No host.
    NoHost,
    /// A host that is neither a name nor an address.
    Host(String),
    /// A port that is not a number from 1 to 65535.
    Port(String),
    /// A bad escape, a control character, or a ":" in the user's name. The text is left out of the error.
    Credentials,
    /// A path, query or fragment.
    Unexpected(String),
}

impl Proxy {
    /// Parses it.
    pub fn parse(proxy: &str) -> Result<Proxy, ProxyError> {
        parse(proxy).map_err(|problem| {
            let shown = match proxy.rsplit_once('@') {
                Some((before, after)) => {
                    let scheme = before.split_once("://").map_or("", |(scheme, _)| scheme);
                    format!("{scheme}{}...@{after}", if scheme.is_empty() { "" } else { "://" })
                }
                None => proxy.to_owned(),
            };
            ProxyError { named_by: "proxy", proxy: shown, problem }
        })
    }

    /// Its host, without brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// The value of `proxy-authorization`, if there are credentials.
    pub(super) fn authorization(&self) -> Option<&str> {
        self.authorization.as_deref()
    }
}

/// `host:port`.
impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Proxy({self}{})", if self.authorization.is_some() { ", with credentials" } else { "" })
    }
}

impl core::str::FromStr for Proxy {
    type Err = ProxyError;
    fn from_str(proxy: &str) -> Result<Self, ProxyError> {
        Proxy::parse(proxy)
    }
}

fn parse(proxy: &str) -> Result<Proxy, ProxyProblem> {
    let rest = match proxy.split_once("://") {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("http") => rest,
        Some((scheme, _)) => return Err(ProxyProblem::Scheme(scheme.to_owned())),
        None => proxy,
    };
    // A password may have a "/" that should have been escaped: the last "@" counts.
    let (user_info, address) = rest.rsplit_once('@').map_or((None, rest), |(user, address)| (Some(user), address));
    let authorization = user_info.map(basic).transpose()?;
    let end = address.find(['/', '?', '#']).unwrap_or(address.len());
    let (authority, more) = address.split_at(end);
    if !matches!(more, "" | "/") {
        return Err(ProxyProblem::Unexpected(more.to_owned()));
    }
    let (host, port) = split(authority)?;
    let port = match port {
        None => DEFAULT_PORT,
        Some(port) => match port.parse() {
            Ok(number) if number > 0 && port.bytes().all(|b| b.is_ascii_digit()) => number,
            _ => return Err(ProxyProblem::Port(port.to_owned())),
        },
    };
    Ok(Proxy { host: host.to_owned(), port, authorization })
}

/// Host, without brackets, and port.
fn split(authority: &str) -> Result<(&str, Option<&str>), ProxyProblem> {
    let bad = || ProxyProblem::Host(authority.to_owned());
    if let Some(bracketed) = authority.strip_prefix('[') {
        let (host, after) = bracketed.split_once(']').ok_or_else(bad)?;
        host.split('%').next().unwrap_or(host).parse::<Ipv6Addr>().map_err(|_| bad())?;
        return match after.strip_prefix(':') {
            Some(port) => Ok((host, Some(port))),
            None if after.is_empty() => Ok((host, None)),
            None => Err(bad()),
        };
    }
    let (host, port) = authority.split_once(':').map_or((authority, None), |(host, port)| (host, Some(port)));
    if host.is_empty() {
        return Err(ProxyProblem::NoHost);
    }
    if is_name(host) { Ok((host, port)) } else { Err(ProxyProblem::Host(host.to_owned())) }
}

/// A name that DNS or a hosts file can hold (RFC 1035 section 2.3.4; underscores occur). Others are written in punycode. (Targets
/// are read by it too.)
pub(crate) fn is_name(host: &str) -> bool {
    let labels = host.strip_suffix('.').unwrap_or(host);
    labels.len() <= 253
        && labels.split('.').all(|label| {
            matches!(label.len(), 1..=63) && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
        })
}

/// Basic credentials (RFC 7617 section 2).
fn basic(user_info: &str) -> Result<String, ProxyProblem> {
    let (user, password) = user_info.split_once(':').unwrap_or((user_info, ""));
    let (user, password) = (unescaped(user)?, unescaped(password)?);
    if user.contains(&b':') {
        return Err(ProxyProblem::Credentials);
    }
    let pair = [&user[..], b":", &password[..]].concat();
    Ok(format!("Basic {}", BASE64_STANDARD.encode(pair)))
}

/// Percent-decoded, without control characters.
fn unescaped(text: &str) -> Result<Vec<u8>, ProxyProblem> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        rest = tail;
        let mut byte = byte;
        if byte == b'%' {
            byte = crate::grpc::percent::escape(tail).ok_or(ProxyProblem::Credentials)?;
            rest = &tail[2..];
        }
        if byte.is_ascii_control() {
            return Err(ProxyProblem::Credentials);
        }
        out.push(byte);
    }
    Ok(out)
}

impl ProxyError {
    /// The same, of a proxy that this variable of the environment names.
    pub(crate) fn of_variable(self, name: &'static str) -> Self {
        ProxyError { named_by: name, ..self }
    }

    /// The proxy as it was given, but for the credentials.
    pub fn proxy(&self) -> &str {
        &self.proxy
    }

    /// What is wrong with it.
    pub fn problem(&self) -> &ProxyProblem {
        &self.problem
    }
}

impl fmt::Display for ProxyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {:?}: {}", self.named_by, self.proxy, self.problem)
    }
}

impl fmt::Display for ProxyProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const FORM: &str = "expected http://host:port or http://user:password@host:port";
        match self {
            ProxyProblem::Scheme(scheme) => write!(f, "{scheme:?} proxies are not supported; {FORM}"),
            ProxyProblem::NoHost => write!(f, "no host; {FORM}"),
            ProxyProblem::Host(host) => {
                write!(f, "{host:?} is no host; expected a name, an IPv4 address, or an IPv6 address in brackets")
            }
            ProxyProblem::Port(port) => write!(f, "{port:?} is no port; expected a number from 1 to 65535"),
            ProxyProblem::Credentials => f.write_str(
                "the user info is not valid; expected user:password without control characters, other special characters as in %40",
            ),
            ProxyProblem::Unexpected(rest) => write!(f, "{rest:?} after the port; expected nothing there"),
        }
    }
}

impl core::error::Error for ProxyError {}

impl From<ProxyError> for Status {
    fn from(error: ProxyError) -> Self {
        Status::invalid_argument(format!("{error}"))
            .with_origin(Origin::Local(Local::BadRequest))
            .with_seen(Seen::No)
            .with_source(error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    #[test]
    fn every_form_is_understood() {
        for (text, host, port, shown) in [
            ("http://proxy.example:3128", "proxy.example", 3128, "proxy.example:3128"),
            ("HTTP://proxy:3128/", "proxy", 3128, "proxy:3128"),
            ("proxy.example", "proxy.example", 80, "proxy.example:80"),
            ("http://[::1]:8080", "::1", 8080, "[::1]:8080"),
            ("http://[fe80::1%25eth0]", "fe80::1%25eth0", 80, "[fe80::1%25eth0]:80"),
            ("ada:pw@10.0.0.1:1", "10.0.0.1", 1, "10.0.0.1:1"),
        ] {
            let proxy = Proxy::parse(text).unwrap();
            assert_eq!((proxy.host(), proxy.port(), proxy.to_string().as_str()), (host, port, shown), "{text}");
        }
    }

    #[test]
    fn credentials_are_decoded_and_never_shown() {
        for (text, pair) in [
            ("http://Aladdin:open%20sesame@p:1", "Aladdin:open sesame"),
            ("http://ada@p:1", "ada:"),
            ("http://a%40b:%3A%2f@p:1", "a@b::/"),
            ("http://ada:a/b@c@p:1", "ada:a/b@c"),
            ("http://%c3%a4:x@p:1", "\u{e4}:x"),
        ] {
            let proxy = Proxy::parse(text).unwrap();
            let value = proxy.authorization().unwrap().strip_prefix("Basic ").unwrap();
            assert_eq!(BASE64_STANDARD.decode(value).unwrap(), pair.as_bytes(), "{text}");
            let shown = format!("{proxy} {proxy:?}");
            assert!(shown.contains("with credentials") && !shown.contains(value), "{shown}");
        }
        // RFC 7617 section 2.
        assert_eq!(
            Proxy::parse("Aladdin:open%20sesame@p").unwrap().authorization(),
            Some("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==")
        );
    }

    #[test]
    fn what_is_wrong_is_named_without_the_password() {
        for (text, problem) in [
            ("socks5://ada:secret@p:1", ProxyProblem::Scheme("socks5".into())),
            ("https://ada:secret@p:1", ProxyProblem::Scheme("https".into())),
            ("http://ada:secret@:1", ProxyProblem::NoHost),
            ("", ProxyProblem::NoHost),
            ("http://ada:secret@a b:1", ProxyProblem::Host("a b".into())),
            ("http://a..b:1", ProxyProblem::Host("a..b".into())),
            ("http://[::1", ProxyProblem::Host("[::1".into())),
            ("http://[::g]:1", ProxyProblem::Host("[::g]:1".into())),
            ("http://p:0", ProxyProblem::Port("0".into())),
            ("http://p:", ProxyProblem::Port(String::new())),
            ("http://p:+1", ProxyProblem::Port("+1".into())),
            ("http://p:99999", ProxyProblem::Port("99999".into())),
            ("http://p:1:2", ProxyProblem::Port("1:2".into())),
            ("http://ada:sec%zzret@p:1", ProxyProblem::Credentials),
            ("http://ada:sec%0d%0aret@p:1", ProxyProblem::Credentials),
            ("http://a%3Ada:secret@p:1", ProxyProblem::Credentials),
            ("http://p:1/path", ProxyProblem::Unexpected("/path".into())),
        ] {
            let error = Proxy::parse(text).unwrap_err();
            assert_eq!(error.problem(), &problem, "{text}");
            let shown = format!("{error} {error:?}");
            assert!(!shown.contains("sec") && !shown.contains("ada"), "{shown}");
        }
        assert_eq!(
            Proxy::parse("socks5://ada:secret@p:1").unwrap_err().to_string(),
            "proxy \"socks5://...@p:1\": \"socks5\" proxies are not supported; \
             expected http://host:port or http://user:password@host:port"
        );
    }
}
