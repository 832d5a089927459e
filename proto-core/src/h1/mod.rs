//! HTTP/1.1 where gRPC meets it: CONNECT proxies of a client, and an HTTP/1.1 client on a gRPC port.
//!
//! - [`Connect`] asks a proxy for a tunnel; [`Proxy`] names one; [`NoProxy`] says who is reached without.
//! - `refusal` recognises an HTTP/1.x request where an HTTP/2 preface is expected, and words the answer.
//!
//! All of it is pure: bytes in, bytes out. What it does not do: carry requests over HTTP/1.1, read bodies, read the environment. Who
//! calls it: `connection` (the refusal), `channel` (which proxy), and runtimes (the tunnel, before a connection gets the transport).

mod connect;
mod head;
mod no_proxy;
mod proxy;
mod refusal;

pub use connect::{Connect, ConnectError};
pub use no_proxy::NoProxy;
pub(crate) use proxy::is_name;
pub use proxy::{Proxy, ProxyError, ProxyProblem};
pub(crate) use refusal::{Look, Refusal};
