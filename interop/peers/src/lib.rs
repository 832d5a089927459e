//! What tonic's client and server share.

/// Messages, clients and servers of `interop/proto/test.proto`, by tonic.
pub mod testing {
    #![allow(clippy::all, missing_docs)]
    tonic::include_proto!("grpc.testing");
}

/// Comes back as initial metadata.
pub const ECHO_INITIAL: &str = "x-grpc-test-echo-initial";
/// Comes back as trailing metadata.
pub const ECHO_TRAILING: &str = "x-grpc-test-echo-trailing-bin";

/// The value of `--name VALUE` or `--name=VALUE` on the command line.
pub fn flag(name: &str) -> Option<String> {
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        match arg.strip_prefix("--").and_then(|arg| arg.strip_prefix(name)) {
            Some("") => return args.next(),
            Some(rest) if rest.starts_with('=') => return Some(rest[1..].to_owned()),
            _ => {}
        }
    }
    None
}
