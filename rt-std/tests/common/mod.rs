//! What the tests of the server share.
#![allow(dead_code, unreachable_pub, missing_docs)]

pub mod cli;
pub mod toy;
