//! Blocking gRPC on plain threads.

#[cfg(not(unix))]
compile_error!(
    "rt-std runs on Unix systems so far: its seam to the operating system (`os`) has no other implementation"
);

mod client;
pub mod os;
pub mod server;
mod sync;
#[cfg(feature = "testkit")]
pub mod testkit;

pub use client::{
    BackoffConfig, Bidi, Cancel, Channel, ChannelBuilder, ClientStreaming, Later, Pending, Requests, State, Streaming,
    settled,
};
pub use proto_core::rpc::{
    Context, IntoRequest, Peer, Pusher, Receiver, Request, RequestOptions, Response, SendError, Sender, TryRecvError,
    TrySendError,
};
pub use proto_core::{Code, Metadata, Status};
pub use server::{Running, Server, Stop, serve_connection};
