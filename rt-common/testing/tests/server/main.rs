//! Servers over real sockets: calls, bounds, stops, panics, and peers that mean no good. The client is the core's own connection.
//!
//! Times here are guards against hanging; nothing is asserted about how long anything takes.

mod bounds;
mod calls;
mod faults;
mod peers;
mod stops;
