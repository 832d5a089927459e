//! The code that `build.rs` makes from the `.proto` files of the examples.

pub mod greeter;
pub mod port;

/// From `proto/hello.proto`.
pub mod hello {
    proto_core::include_proto!("hello.v1");
}

/// From `proto/route_guide.proto`.
pub mod route_guide {
    proto_core::include_proto!("routeguide.v1");
}

/// From `proto/chat.proto`.
pub mod chat {
    proto_core::include_proto!("chat.v1");
}

/// From `proto/lookup.proto`.
pub mod lookup {
    proto_core::include_proto!("lookup.v1");
}
