//! Async gRPC, for any executor.
//!
//! One driver task a connection moves the bytes; callers write inline when nobody else is writing. What decides anything
//! is in `proto_core`.

mod client;
pub mod os;
#[cfg(test)]
mod scripted;
pub mod server;
mod sync;

pub use client::{
    BackoffConfig, Bidi, Cancel, Channel, ChannelBuilder, ClientStreaming, Requests, State, Streaming, Unary,
};
pub use os::Address;
pub use proto_core::grpc::{Local, MetadataError, Origin, Seen};
pub use proto_core::rpc::asynchronous::{Pusher, Receiver, Sender};
pub use proto_core::rpc::{
    Context, IntoRequest, Peer, Request, RequestOptions, Response, SendError, TryRecvError, TrySendError,
};
pub use proto_core::{Code, Metadata, Status};
pub use server::{Report, Running, Server, ServerBuilder, ServerError, Stop, serve_connection};
