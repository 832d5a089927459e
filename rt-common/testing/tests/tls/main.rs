//! Client and server over TLS, on real sockets: mutual TLS, certificates that change, mistakes, peers that mean no good, tunnels.
//!
//! Times here are guards against hanging; nothing is asserted about how long anything takes.

mod calls;
mod mistakes;
mod others;
mod peers;
mod tunnel;
