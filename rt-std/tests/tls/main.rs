//! Client and server over TLS: calls of every shape on real sockets, and on the simulated network, with faults. (What does not
//! depend on how calls are written: `rt-common/testing/tests/tls`.)
//!
//! Times here are guards against hanging; nothing is asserted about how long anything takes.
mod calls;
mod sim;
