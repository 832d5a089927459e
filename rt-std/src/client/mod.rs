//! The blocking client.

pub(crate) mod driver;
