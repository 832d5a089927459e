//! Async gRPC, for any executor.
//!
//! One driver task a connection moves the bytes; callers write inline when nobody else is writing. What decides anything
//! is in `proto_core`.

pub mod os;
