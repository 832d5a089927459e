//! Client and server over TLS, on real sockets: calls of every shape, mutual TLS, mistakes, peers that mean no good; and each with
//! the blocking runtime at the other end.
//!
//! Times here are guards against hanging; nothing is asserted about how long anything takes.
#![allow(dead_code, unreachable_pub, missing_docs)]

mod calls;
mod mistakes;
mod peers;
#[path = "../../../rt-std/tests/support/proxy.rs"]
mod proxy;
mod sim;
mod tunnel;
mod world;
