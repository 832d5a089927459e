//! The channel in virtual time: each rule as a scenario, random sequences of inputs, and a thousand servers in one thread.

mod connecting;
mod fleet;
mod lifetime;
mod proxy;
mod random;
mod replay;
mod statuses;
mod target;
mod world;
