//! Client and server over TLS, on real sockets: calls of every shape, mutual TLS, mistakes, peers that mean no good; and each with
//! the blocking runtime at the other end.
//!
//! Times here are guards against hanging; nothing is asserted about how long anything takes.
#![allow(unreachable_pub, missing_docs)]

mod calls;
mod mistakes;
mod peers;
mod world;
