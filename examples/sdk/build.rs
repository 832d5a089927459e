//! Rust code from the service that the library wraps.

fn main() -> proto_build::Result {
    proto_build::compile(&["../proto/hello.proto"], &["../proto"])
}
