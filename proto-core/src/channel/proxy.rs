//! Which proxy leads to a target, if any, and the tunnels that a channel orders through it (gRFC A1).

use super::address::Address;
use super::target::Target;
use crate::h1::{Connect, NoProxy, Proxy, ProxyError};
use alloc::borrow::ToOwned;
use alloc::string::String;
use core::fmt;
use core::net::{IpAddr, SocketAddr};

/// When a proxy is used.
///
/// The environment, as [`from_env`](Self::from_env) reads it:
///
/// | variable, the first that is set and not empty | says |
/// |---|---|
/// | `grpc_proxy`, `https_proxy`, `HTTPS_PROXY` | the proxy, see [`Proxy`] |
/// | `no_grpc_proxy`, `no_proxy`, `NO_PROXY` | who is reached without it, see [`NoProxy`] |
///
/// `localhost` and loopback addresses are reached without a proxy of the environment, as in grpc-go; Unix sockets without any proxy.
/// `http_proxy` counts for nothing, as in grpc-go and unlike gRPC's C core: it names proxies for plain HTTP requests, which as
/// a rule refuse tunnels to other ports.
///
/// ```
/// use proto_core::channel::{ProxyRules, Target};
///
/// let rules = ProxyRules::from_env(|name| match name {
///     "https_proxy" => Some("http://proxy.example:3128".to_owned()),
///     "no_proxy" => Some(".internal".to_owned()),
///     _ => None,
/// });
/// let proxy = rules.proxy_for(&Target::parse("api.example:443")?).unwrap().unwrap();
/// assert_eq!(proxy.to_string(), "proxy.example:3128");
/// assert_eq!(rules.proxy_for(&Target::parse("db.internal:443")?), Ok(None));
/// # Ok::<(), proto_core::channel::TargetError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProxyRules(Rule);

#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum Rule {
    #[default]
    Direct,
    Always(Proxy),
    Environment {
        variable: &'static str,
        proxy: Secret,
        except: NoProxy,
    },
}

/// The text of a variable that may hold a password.
#[derive(Clone, PartialEq, Eq)]
struct Secret(String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match Proxy::parse(&self.0) {
            Ok(proxy) => proxy.fmt(f),
            Err(error) => error.fmt(f),
        }
    }
}

impl ProxyRules {
    /// No proxy (the default).
    pub fn direct() -> Self {
        ProxyRules(Rule::Direct)
    }

    /// This proxy, for loopback addresses too.
    pub fn always(proxy: Proxy) -> Self {
        ProxyRules(Rule::Always(proxy))
    }

    /// What the environment says; `get` reads one variable.
    pub fn from_env(get: impl Fn(&str) -> Option<String>) -> Self {
        let first = |names: [&'static str; 3]| {
            let mut set = names.into_iter().filter_map(|name| Some((name, get(name)?)));
            set.find(|(_, value)| !value.is_empty())
        };
        match first(["grpc_proxy", "https_proxy", "HTTPS_PROXY"]) {
            None => Self::direct(),
            Some((variable, proxy)) => {
                let except = first(["no_grpc_proxy", "no_proxy", "NO_PROXY"]).map(|(_, list)| list).unwrap_or_default();
                ProxyRules(Rule::Environment { variable, proxy: Secret(proxy), except: NoProxy::parse(&except) })
            }
        }
    }

    /// The proxy for this target.
    ///
    /// # Errors
    /// The environment wants one for it and does not name it properly.
    pub fn proxy_for(&self, target: &Target) -> Result<Option<Proxy>, ProxyError> {
        let (Some(host), Some(port)) = (target.host(), target.port()) else { return Ok(None) };
        match &self.0 {
            Rule::Direct => Ok(None),
            Rule::Always(proxy) => Ok(Some(proxy.clone())),
            Rule::Environment { except, .. } if is_loopback(host) || except.matches(host, port) => Ok(None),
            Rule::Environment { variable, proxy, .. } => {
                Proxy::parse(&proxy.0).map(Some).map_err(|error| error.of_variable(variable))
            }
        }
    }
}

fn is_loopback(host: &str) -> bool {
    let name = host.strip_suffix('.').unwrap_or(host);
    name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok_and(|ip| ip.to_canonical().is_loopback())
}

/// A tunnel that a proxy is to make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tunnel {
    /// `host:port`, as in `:authority`.
    to: String,
    proxy: Proxy,
}

impl Tunnel {
    pub(super) fn new(target: &Target, proxy: &Proxy) -> Self {
        Tunnel { to: target.authority().to_owned(), proxy: proxy.clone() }
    }

    /// Where it leads: `host:port`.
    pub fn to(&self) -> &str {
        &self.to
    }

    /// The machine that asks for it, over a transport to the proxy.
    pub fn connect(&self) -> Connect {
        Connect::new(&self.to, &self.proxy)
    }
}

/// What is to be connected to first: the target, or its proxy.
#[derive(Debug)]
pub(super) struct Hop {
    /// As orders name it: without brackets.
    pub(super) host: String,
    pub(super) port: u16,
    /// The address, if it is one: there is nothing to resolve.
    pub(super) literal: Option<Address>,
    pub(super) tunnel: Option<Tunnel>,
}

impl Hop {
    pub(super) fn new(target: &Target, proxy: Option<&Proxy>) -> Self {
        match proxy.filter(|_| target.host().is_some()) {
            None => Hop {
                // A target without a host has a literal address.
                host: target.host().unwrap_or_default().to_owned(),
                port: target.port().unwrap_or_default(),
                literal: target.literal().cloned(),
                tunnel: None,
            },
            Some(proxy) => Hop {
                host: proxy.host().to_owned(),
                port: proxy.port(),
                literal: proxy.host().parse().ok().map(|ip| Address::Tcp(SocketAddr::new(ip, proxy.port()))),
                tunnel: Some(Tunnel::new(target, proxy)),
            },
        }
    }

    /// The name that the addresses belong to, unless there is nothing to resolve.
    pub(super) fn name(&self) -> Option<&str> {
        Some(self.host.as_str()).filter(|_| self.literal.is_none())
    }

    /// Where the tunnel leads, if there is one.
    pub(super) fn through(&self) -> Option<&str> {
        self.tunnel.as_ref().map(Tunnel::to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    fn rules(variables: &[(&str, &str)]) -> ProxyRules {
        ProxyRules::from_env(|name| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        })
    }

    fn through(rules: &ProxyRules, target: &str) -> Option<String> {
        rules.proxy_for(&Target::parse(target).unwrap()).unwrap().map(|proxy| proxy.to_string())
    }

    #[test]
    fn the_first_variable_that_is_set_counts() {
        let all = [("grpc_proxy", "a:1"), ("https_proxy", "b:1"), ("HTTPS_PROXY", "c:1"), ("http_proxy", "d:1")];
        for (n, proxy) in ["a:1", "b:1", "c:1"].into_iter().enumerate() {
            assert_eq!(through(&rules(&all[n..]), "x:1").as_deref(), Some(proxy));
        }
        assert_eq!(through(&rules(&all[3..]), "x:1"), None);
        assert_eq!(through(&rules(&[("grpc_proxy", ""), ("HTTPS_PROXY", "c:1")]), "x:1").as_deref(), Some("c:1"));
        let except = [("no_grpc_proxy", "a"), ("no_proxy", "b"), ("NO_PROXY", "c")];
        for (n, name) in ["a:1", "b:1", "c:1"].into_iter().enumerate() {
            let rules = rules(&[&all[..1], &except[n..]].concat());
            assert_eq!((through(&rules, name), through(&rules, "d:1").as_deref()), (None, Some("a:1")));
        }
    }

    #[test]
    fn loopback_goes_through_a_proxy_only_when_told_explicitly() {
        let environment = rules(&[("https_proxy", "proxy:3128")]);
        let explicit = ProxyRules::always(Proxy::parse("proxy:3128").unwrap());
        for target in ["localhost:1", "LOCALHOST.:1", "127.0.0.1:1", "127.8.9.1:1", "[::1]:1", "[::ffff:127.0.0.1]:1"] {
            assert_eq!(through(&environment, target), None, "{target}");
            assert_eq!(through(&explicit, target).as_deref(), Some("proxy:3128"), "{target}");
        }
        for target in ["10.0.0.1:1", "localhost.example:1"] {
            assert_eq!(through(&environment, target).as_deref(), Some("proxy:3128"), "{target}");
        }
        for rules in [&environment, &explicit] {
            assert_eq!(through(rules, "unix:/run/a"), None);
        }
        assert_eq!(through(&ProxyRules::direct(), "x:1"), None);
    }

    #[test]
    fn a_bad_proxy_of_the_environment_is_an_error_only_where_it_is_used() {
        let rules = rules(&[("https_proxy", "socks5://ada:secret@p:1"), ("no_proxy", "b")]);
        assert_eq!(through(&rules, "b:1"), None);
        let error = rules.proxy_for(&Target::parse("c:1").unwrap()).unwrap_err().to_string();
        assert!(error.starts_with("https_proxy \"socks5://...@p:1\": "), "{error}");
        assert!(!std::format!("{rules:?}").contains("secret"));
    }
}
