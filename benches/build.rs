//! The service that the programs call.

fn main() -> proto_build::Result {
    proto_build::compile(&["proto/load.proto"], &["proto"])
}
