//! What a call costs. `bench-inproc` is the program; README.md in this folder has the commands and says how to read them.

pub mod inproc;

#[allow(missing_docs)]
pub mod load {
    //! The service that is called.
    proto_core::include_proto!("bench.v1");
}
