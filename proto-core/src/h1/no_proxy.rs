//! Who is reached without a proxy: what the variable `no_proxy` says.

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;
use core::net::IpAddr;

/// A list of exceptions, as the environment variable `no_proxy` has it: entries between commas or white space.
///
/// | entry | matches |
/// |---|---|
/// | `*` | everything |
/// | `example.com` | that name, and every name below it |
/// | `.example.com`, `*.example.com` | every name below it |
/// | `10.0.0.7`, `::1`, `[::1]` | that address |
/// | `10.0.0.0/8`, `fd00::/8` | every address of that block |
/// | any of them but the block, with `:port` (an IPv6 address in brackets then) | that port alone |
///
/// Names are compared without regard to case and to a dot at their end; an address is never matched by a name. These are the rules of
/// grpc-go (golang.org/x/net/http/httpproxy); there is no standard. An entry that is none of these is ignored, as everywhere else.
///
/// ```
/// use proto_core::h1::NoProxy;
///
/// let exceptions = NoProxy::parse("example.com, 10.0.0.0/8");
/// assert!(exceptions.matches("db.example.com", 443) && exceptions.matches("10.1.2.3", 443));
/// assert!(!exceptions.matches("example.org", 443));
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NoProxy {
    entries: Vec<Entry>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Entry {
    All,
    /// A name in lower case; with `itself`, not only what is below it.
    Name {
        name: String,
        itself: bool,
        port: Option<u16>,
    },
    Address {
        address: IpAddr,
        port: Option<u16>,
    },
    Block {
        address: IpAddr,
        bits: u32,
    },
}

impl NoProxy {
    /// Reads a list.
    pub fn parse(list: &str) -> NoProxy {
        let entries = list.split(|c: char| c == ',' || c.is_whitespace());
        NoProxy { entries: entries.filter_map(entry).collect() }
    }

    /// Is this host, a name or an address without brackets, reached without a proxy?
    pub fn matches(&self, host: &str, port: u16) -> bool {
        let host = plain_name(host);
        let address = address(&host);
        self.entries.iter().any(|entry| entry.matches(&host, address, port))
    }
}

impl Entry {
    fn matches(&self, host: &str, host_address: Option<IpAddr>, host_port: u16) -> bool {
        match self {
            Entry::All => true,
            Entry::Name { name, itself, port } => {
                let below = |host: &str| host.strip_suffix(name.as_str()).is_some_and(|front| front.ends_with('.'));
                host_address.is_none()
                    && port.is_none_or(|port| port == host_port)
                    && ((*itself && host == name) || below(host))
            }
            Entry::Address { address, port } => {
                host_address == Some(*address) && port.is_none_or(|port| port == host_port)
            }
            Entry::Block { address, bits } => host_address.is_some_and(|host| in_block(host, *address, *bits)),
        }
    }
}

/// What an entry of the list means; `None` if it means nothing.
fn entry(text: &str) -> Option<Entry> {
    if text == "*" {
        return Some(Entry::All);
    }
    if let Some((network, bits)) = text.split_once('/') {
        let (network, bits) = (network.trim_matches(['[', ']']).parse::<IpAddr>().ok()?, bits.parse::<u32>().ok()?);
        let widest = if network.is_ipv4() { 32 } else { 128 };
        if bits > widest {
            return None;
        }
        // One form for IPv4 that is written as IPv6, as of the addresses that are looked up.
        let (address, bits) = match (network.to_canonical(), bits.checked_sub(widest - 32)) {
            (IpAddr::V4(v4), Some(bits)) => (IpAddr::V4(v4), bits),
            _ => (network, bits),
        };
        return Some(Entry::Block { address, bits });
    }
    if let Some(address) = address(text.trim_matches(['[', ']'])) {
        return Some(Entry::Address { address, port: None });
    }
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) => (host, Some(port.parse().ok()?)),
        None => (text, None),
    };
    if let Some(address) = address(host.trim_matches(['[', ']'])) {
        return Some(Entry::Address { address, port });
    }
    let host = plain_name(host);
    let below = host.strip_prefix('*').unwrap_or(&host);
    let (name, itself) = below.strip_prefix('.').map_or((below, true), |name| (name, false));
    (!name.is_empty()).then(|| Entry::Name { name: name.to_owned(), itself, port })
}

/// In lower case, without a dot at the end.
fn plain_name(host: &str) -> String {
    host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase()
}

/// As an address, without a zone; one form for IPv4 that is written as IPv6.
fn address(host: &str) -> Option<IpAddr> {
    let ip: IpAddr = host.split('%').next().unwrap_or(host).parse().ok()?;
    Some(ip.to_canonical())
}

/// Do the first `bits` agree? `bits` is within the width of `network`.
fn in_block(address: IpAddr, network: IpAddr, bits: u32) -> bool {
    // What is shifted by its whole width is nothing: all addresses agree in no bits.
    match (address, network) {
        (IpAddr::V4(a), IpAddr::V4(b)) => (a.to_bits() ^ b.to_bits()).checked_shr(32 - bits).unwrap_or(0) == 0,
        (IpAddr::V6(a), IpAddr::V6(b)) => (a.to_bits() ^ b.to_bits()).checked_shr(128 - bits).unwrap_or(0) == 0,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(list: &str, matching: &[(&str, u16)], others: &[(&str, u16)]) {
        let list = NoProxy::parse(list);
        for (host, port) in matching {
            assert!(list.matches(host, *port), "{host}:{port} by {list:?}");
        }
        for (host, port) in others {
            assert!(!list.matches(host, *port), "{host}:{port} by {list:?}");
        }
    }

    #[test]
    fn names_match_themselves_and_what_is_below() {
        let (a, below, deep) = (("example.com", 1), ("a.example.com", 1), ("b.a.EXAMPLE.com.", 1));
        let others = [("notexample.com", 1), ("example.com.org", 1), ("com", 1), ("10.0.0.1", 1)];
        for list in ["example.com", "EXAMPLE.COM.", " x ,\texample.com", "x example.com"] {
            check(list, &[a, below, deep], &others);
        }
        for list in [".example.com", "*.example.com"] {
            check(list, &[below, deep], &[a, others[0]]);
        }
    }

    #[test]
    fn an_asterisk_matches_everything_and_nothing_matches_nothing() {
        check("*", &[("a", 1), ("::1", 2)], &[]);
        check("", &[], &[("a", 1), ("", 1), ("10.0.0.1", 1)]);
        check(" , ,.,*.,:,/", &[], &[("a", 1), ("", 1), (".", 1)]);
    }

    #[test]
    fn ports_narrow_an_entry() {
        check(
            "a.b:443, 10.0.0.1:1,[::1]:2",
            &[("a.b", 443), ("x.a.b", 443), ("10.0.0.1", 1), ("::1", 2)],
            &[("a.b", 80), ("10.0.0.1", 2), ("::1", 1)],
        );
        check("a.b:x,a.b:99999", &[], &[("a.b", 443)]);
    }

    #[test]
    fn addresses_match_however_they_are_written() {
        check(
            "10.0.0.1,::1,[fd00::2]",
            &[("10.0.0.1", 9), ("0:0::1", 9), ("FD00::2", 9), ("::ffff:10.0.0.1", 9)],
            &[("10.0.0.10", 9), ("1.10.0.0.1", 9), ("fd00::3", 9)],
        );
        check("fe80::1", &[("fe80::1%eth0", 9)], &[]);
        // A name that ends like an address is a name.
        check("0.0.1", &[], &[("10.0.0.1", 9)]);
    }

    #[test]
    fn blocks_match_their_addresses() {
        check(
            "10.1.0.0/16,fd00::/8,192.168.7.9/24",
            &[("10.1.255.255", 1), ("fdff::1", 1), ("192.168.7.1", 1)],
            &[("10.2.0.0", 1), ("fe00::1", 1), ("192.168.8.1", 1), ("a.b", 1)],
        );
        check("0.0.0.0/0", &[("1.2.3.4", 1)], &[("::1", 1)]);
        check("::ffff:10.1.0.0/112", &[("10.1.2.3", 1), ("::ffff:10.1.2.3", 1)], &[("10.2.0.0", 1), ("::1", 1)]);
        check("::/0", &[("::1", 1)], &[("1.2.3.4", 1)]);
        check("10.0.0.1/32,::1/128", &[("10.0.0.1", 1), ("::1", 1)], &[("10.0.0.2", 1), ("::2", 1)]);
        check("10.0.0.0/33,::/129,a/8,10.0.0.0/-1,10.0.0.0/", &[], &[("10.0.0.0", 1), ("::", 1), ("a", 1)]);
    }
}
