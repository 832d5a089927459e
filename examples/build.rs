//! Rust code from the `.proto` files of the examples.

fn main() -> proto_build::Result {
    proto_build::compile(
        &["proto/hello.proto", "proto/route_guide.proto", "proto/chat.proto", "proto/lookup.proto"],
        &["proto"],
    )
}
