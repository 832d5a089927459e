//! Blocking gRPC on plain threads.
