//! What the fuzz targets do with their bytes, and the seeds that they start from.
//!
//! Each module is a target: `run` takes any bytes, panics where an invariant does not hold, and always ends; `seeds` makes inputs that reach
//! far. The entry points for libFuzzer (`fuzz/fuzz_targets`) are one line each; the tests of this crate run every target on its seeds and on
//! changed ones, so that no target rots. What chooses by chance is `proto_core::testkit`'s, which the random tests of the core use as well.

pub mod channel_machine;
pub mod client_bytes;
pub mod frame_reader;
pub mod grpc_deframing;
pub mod hpack_decode;
pub mod hpack_round_trip;
pub mod http1;
mod input;
pub mod metadata_and_status;
mod mutate;
mod one_end;
pub mod pair_operations;
pub mod server_bytes;
pub mod tls_stage;
mod wire;

pub use mutate::mutate;

/// One target.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// As `cargo fuzz list` names it.
    pub name: &'static str,
    /// Takes any bytes. Panics where something is wrong.
    pub run: fn(&[u8]),
    /// Inputs to start from, always the same.
    pub seeds: fn() -> Vec<Vec<u8>>,
}

/// Names each module once.
macro_rules! targets {
    ($($name:ident),* $(,)?) => {
        /// All targets, in the order of their names.
        pub const TARGETS: &[Target] =
            &[$(Target { name: stringify!($name), run: $name::run, seeds: $name::seeds }),*];
    };
}

targets![
    channel_machine,
    client_bytes,
    frame_reader,
    grpc_deframing,
    hpack_decode,
    hpack_round_trip,
    http1,
    metadata_and_status,
    pair_operations,
    server_bytes,
    tls_stage,
];
