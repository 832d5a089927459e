//! Code for the services that the peers share.

fn main() -> proto_build::Result {
    // Default stubs: UnimplementedCall is what no server implements.
    proto_build::configure()
        .generate_default_stubs(true)
        .compile(&["proto/test.proto", "proto/orca_service.proto"], &["proto"])
}
