//! What a call costs. The programs are `bench-inproc` and `bench-stream`; README.md in this folder has the commands and says how to
//! read them.

pub mod inproc;
pub mod stream;

#[allow(missing_docs)]
pub mod load {
    //! The service that is called.
    proto_core::include_proto!("bench.v1");
}
