//! Calls: both ends in memory, and each end against a scripted peer.

mod client;
mod ends;
mod explore;
mod http1;
mod life;
mod many;
mod random;
mod server;
mod shapes;
mod support;
