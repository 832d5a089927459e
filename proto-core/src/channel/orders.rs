//! What a channel orders, and the names in those orders.

use super::address::Address;
use super::proxy::Tunnel;
use alloc::string::String;
use core::fmt;
use core::time::Duration;

/// Names an attempt to connect, and the connection that it becomes. Never used twice in one channel, so a late report about
/// an old one is recognised and ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionKey(pub(super) u64);

impl fmt::Display for ConnectionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "connection {}", self.0)
    }
}

/// What the runtime has to do, in this order.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub enum Order {
    /// Look up the addresses of this name, then `handle_resolved`. At most one lookup is wanted at a time; a late answer
    /// is still welcome.
    Resolve {
        /// The name, without brackets or port.
        host: String,
        /// Goes into every address found.
        port: u16,
    },
    /// Begin to connect without blocking; with a `tunnel`, have it made through the proxy that this address leads to; make a client
    /// `Connection` on it. Then `handle_connected` when the transport stands, the tunnel included, `handle_ready` when the peer's
    /// SETTINGS came, or `handle_failed`; and `handle_stage` on the way, if there are stages. The channel keeps the time-out.
    Connect {
        /// The name of the attempt, and of the connection later.
        key: ConnectionKey,
        /// Where to: the server, or its proxy.
        address: Address,
        /// The tunnel to have made there, when it is a proxy.
        tunnel: Option<Tunnel>,
    },
    /// Give this attempt up and drop what belongs to it. No report is needed.
    Abort {
        /// Which.
        key: ConnectionKey,
    },
    /// End this connection: GOAWAY, let its calls run for `grace`, close; then `handle_closed`. May come again with
    /// another `grace`, when the channel is shut down a second time.
    Close {
        /// Which.
        key: ConnectionKey,
        /// How long its calls may go on. Zero: cut them now. `Duration::MAX`: as long as they like.
        grace: Duration,
    },
}

impl Order {
    /// The attempt or connection that it is about.
    pub(super) fn key(&self) -> Option<ConnectionKey> {
        match self {
            Order::Resolve { .. } => None,
            Order::Connect { key, .. } | Order::Abort { key } | Order::Close { key, .. } => Some(*key),
        }
    }
}
