//! What both runtimes promise alike: each scenario once, run on both (`tests/`), and what their own tests share.
//!
//! A scenario is a function that is generic over [`Runtime`]; [`on_both!`] makes a test of it for each, so that a failure names
//! its runtime. What only one of them promises is tested in its crate, with the same tools: [`Setup`] is a server of the
//! [`toy`] service, [`Cli`] a client that is the core's own connection, [`World`] a server with TLS.
//!
//! What it does not do: calls from one runtime's client to the other's server (`interop/tests/pairings`).
#![allow(missing_docs)]

pub mod broken;
pub mod cli;
pub mod greeter;
pub mod methods;
pub mod peer;
pub mod process;
pub mod proxy;
pub mod refuser;
pub mod runtime;
pub mod setup;
pub mod sockets;
pub mod toy;
pub mod world;

pub use cli::Cli;
pub use runtime::{Runtime, Smol, Std};
pub use setup::Setup;
pub use world::World;

use std::time::Duration;

/// Longer than anything takes here: a guard against hanging, no assertion about time.
pub const LONG: Duration = Duration::from_secs(20);

/// Tests of these scenarios: each once on rt-std and once on rt-smol.
#[macro_export]
macro_rules! on_both {
    ($($scenario:ident,)+) => {
        mod on_rt_std {
            $(#[test] fn $scenario() { super::$scenario::<$crate::Std>() })+
        }
        mod on_rt_smol {
            $(#[test] fn $scenario() { super::$scenario::<$crate::Smol>() })+
        }
    };
}
