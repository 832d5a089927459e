//! Programs that meet other implementations of gRPC and HTTP/2. The scripts beside this crate run them.
