//! Rust code from `.proto` files.
