//! What the programs that meet other implementations of gRPC and HTTP/2 share: the TestService of gRPC's interoperability
//! tests as a server ([`service`]) and the cases that a client runs against anybody's ([`cases`]).
//!
//! The programs are in `src/bin`; the scripts beside this crate run them against their peers.

pub mod args;
pub mod cases;
pub mod dial;
pub mod runtime;
pub mod service;
pub mod soak;

/// Messages, clients and servers of `interop/proto`, by package.
mod proto {
    proto_core::include_protos!();
}

pub use proto::grpc::testing;
pub use proto::xds::data::orca::v3 as orca;
pub use proto::xds::service::orca::v3 as orca_service;
