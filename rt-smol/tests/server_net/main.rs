//! The async server over real sockets and other pipes: what the blocking one does otherwise, or cannot. (What both do:
//! `rt-common/testing/tests/server`.) The client is the core's own connection on the other runtime's pipes.
//!
//! Times here are guards against hanging; nothing is asserted about how long anything takes.

mod bounds;
mod calls;
mod ends;
mod stops;
