//! For tests, those of users included: random numbers on a seed, a virtual clock, connections over a link in memory
//! that chops, delays, and breaks ([`Pair`]), applications that do anything by chance, and a connection whose peer is
//! scripted frame by frame.
//!
//! Everything is pure: no sockets, no threads, and the same seed gives the same run. Nothing here is used by the
//! protocol itself. Feature `testkit`.

mod chance;
mod channel_by_chance;
mod clock;
mod explore;
mod faults;
mod h2_pair;
mod h2_raw;
mod network;
mod pair;
mod pipe;
mod random;
mod words;

pub use chance::{KINDS, LARGEST, client_by_chance, server_by_chance, take_events};
pub use channel_by_chance::ChannelByChance;
pub use clock::Clock;
pub use explore::explore;
pub use faults::{Break, Faults, Pieces};
pub use h2_pair::{Chop, H2Pair};
pub use h2_raw::{H2Raw, RawFrame};
pub use network::{Link, Network, Stuck};
pub use pair::{Endpoint, Pair};
pub use random::Random;
pub use words::Words;
