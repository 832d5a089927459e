//! Code that proto-build generates, compiled under strict lints, and a channel in memory on which to call it.
//! For the tests of proto-build only.
#![deny(missing_docs, unreachable_pub, dead_code, unused_qualifications, clippy::all, rustdoc::all)]

pub mod loopback;
pub mod loopback_async;
pub mod plain;

proto_core::include_protos!();

/// One package alone.
pub mod alone {
    proto_core::include_proto!("hello.v1");
}

/// Files without a package alone.
pub mod bare {
    proto_core::include_proto!();
}

/// With other options.
pub mod other {
    include!(concat!(env!("OUT_DIR"), "/other/mod.rs"));
}

/// The name under which `other` knows proto-core.
pub mod core_by_another_name {
    pub use proto_core::*;
}
