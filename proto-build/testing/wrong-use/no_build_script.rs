// expect: no build script: write a build.rs that calls `proto_build::compile`
proto_core::include_proto!("hello.v1");

fn main() {}
