//! For tests: random numbers on a seed, a virtual clock, and two HTTP/2 connections over a link in memory.
//!
//! Nothing here is used by the protocol itself. Feature `testkit`.

mod random;

pub use random::Random;
