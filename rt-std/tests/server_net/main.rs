//! The blocking server over real sockets: what the async one does otherwise, or cannot. (What both do:
//! `rt-common/testing/tests/server`.)
//!
//! Times here are guards against hanging; nothing is asserted about how long anything takes.

mod bounds;
mod calls;
mod stops;
