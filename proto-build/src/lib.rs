//! Rust code from `.proto` files, in a build script and without `protoc`.
//!
//! ```no_run
//! // build.rs
//! fn main() -> proto_build::Result {
//!     proto_build::compile(&["proto/hello.proto"], &["proto"])
//! }
//! ```
//!
//! ```ignore
//! // src/lib.rs
//! pub mod hello { proto_core::include_proto!("hello.v1"); }
//! ```
//!
//! For a package `hello.v1` with a service `HelloService` the module holds
//! - the messages, by prost;
//! - `HelloServiceClient<F>`, a client over a channel `F` of any runtime;
//! - `HelloService`, the trait of its handlers for servers whose handlers are `async fn`s, and `blocking::HelloService`, for
//!   servers whose handlers are plain `fn`s that may block;
//! - `HelloServiceServer`, which makes a service of an implementation of either: `HelloServiceServer::new(Greeter)`,
//!   `HelloServiceServer::blocking(Greeter)`;
//! - `methods`, the descriptors by which both find their methods.
//!
//! Generated code names `::proto_core` alone, which re-exports prost and the well-known types: a user's `Cargo.toml` needs
//! a runtime, `proto-core`, and `proto-build` as a build dependency.
//!
//! # Names
//! Packages, messages, fields and enums are named as prost-build names them. Methods are `snake_case`; keywords become raw
//! identifiers (`r#type`, but `self_`). What would clash gets a trailing underscore: the second of two methods that differ in
//! case only, a method `New`, `Clone` or `OnCall`, a generated type or trait of the name of a message, the trait of a
//! service `FooClient` beside a service `Foo`.
//!
//! # Both forms of a server
//! One type may implement both traits. Handlers of the async form return futures that are `Send` and are written as
//! `async fn`s; what streams is of `proto_core::rpc::asynchronous` (with an example there), everything else is the same. The
//! trait is implemented for `Arc<T>` too (the blocking one for `Arc<T>` and `Box<T>`, `dyn` included; async traits cannot be
//! `dyn`). A call costs one allocation for its handler's future, whatever is nested in it.
//!
//! Who needs one form only, and compiles large services, leaves the other out: [`Builder::build_async_server`],
//! [`Builder::build_blocking_server`]. The rest of the choices about services: [`Builder::build_client`],
//! [`Builder::build_server`], [`Builder::generate_default_stubs`], [`Builder::codec_path`],
//! [`Builder::disable_package_emission`], [`Builder::proto_core_path`], [`Builder::disable_comments`].
//!
//! # Where files go
//! Into `OUT_DIR`: for each package a file of its name (`hello.v1.rs`; `_.rs` for files without a package), `all-packages.rs`
//! which nests them as modules (`proto_core::include_protos!`), and `file-descriptor-set.binpb`
//! (`proto_core::include_file_descriptor_set!`). A build script that compiles twice sets [`Builder::out_dir`] apart.
//!
//! What this crate does not do: it runs no `protoc` and formats with no `rustfmt`. The plugin for users of protoc and buf is
//! the binary `protoc-gen-proto-core` of this crate; see [`plugin`].
//!
//! # Features
//! `cleanup-markdown` (not on by default): comments of `.proto` files go through a Markdown parser on their way into the
//! documentation, as with prost-build's feature of this name.
#![forbid(unsafe_code)]

mod builder;
mod comments;
mod error;
mod generate;
mod names;
mod options;
mod parse;
pub mod plugin;
mod services;

pub use builder::{Builder, configure};
pub use error::{Error, Place, Problem, Result};
pub use prost_build;

use std::path::Path;

/// Compiles these `.proto` files, found in these include directories, into `OUT_DIR`. Without include directories the
/// files' own are searched. For anything else: [`configure`].
///
/// # Errors
/// A file that is missing or wrong (with path, line and column), or an `OUT_DIR` that cannot be written.
pub fn compile(protos: &[impl AsRef<Path>], includes: &[impl AsRef<Path>]) -> Result {
    configure().compile(protos, includes)
}
