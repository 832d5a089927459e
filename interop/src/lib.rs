//! What the programs that meet other implementations of gRPC and HTTP/2 share: the TestService of gRPC's interoperability
//! tests as a server ([`service`]) and the cases that a client runs against anybody's ([`cases`]).
//!
//! The programs are in `src/bin`; the scripts beside this crate run them against their peers.

pub mod args;
pub mod cases;
pub mod service;

/// Messages, clients and servers of `interop/proto/test.proto`.
pub mod testing {
    proto_core::include_proto!("grpc.testing");
}
