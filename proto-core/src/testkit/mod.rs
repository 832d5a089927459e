//! For tests: random numbers on a seed, a virtual clock, two HTTP/2 connections over a link in memory, and one with a scripted peer.
//!
//! Nothing here is used by the protocol itself. Feature `testkit`.

mod clock;
mod h2_pair;
mod h2_raw;
mod random;

pub use clock::Clock;
pub use h2_pair::{Chop, H2Pair};
pub use h2_raw::{H2Raw, RawFrame};
pub use random::Random;
