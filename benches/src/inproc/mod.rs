//! Client and server in one process and one thread, wired together in memory: [`run`].
//!
//! It does what a pair of runtimes does for a call (typed messages, options and contexts, dispatch by the router, events,
//! timers, a lock around the connection), without sockets, waiting and wake-ups. So an instruction count of it is the cost
//! of the protocol and of the typed layer.

mod client;
mod desk;
mod server;
mod tls;
mod wire;
mod world;

pub use world::{Report, run};

/// Which method is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// One message each way.
    Unary,
    /// One message there, `count` back.
    ServerStreaming,
}

/// What to do.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    /// Which method.
    pub mode: Mode,
    /// Calls in all.
    pub calls: u64,
    /// Calls that are under way at once.
    pub concurrency: u64,
    /// Bytes of a message's payload.
    pub size: usize,
    /// Server streaming: replies of a call.
    pub count: u32,
    /// Entries of metadata with each request, and as many with each reply.
    pub metadata: usize,
    /// Streams that the server allows at once; calls beyond them wait in the client.
    pub streams: Option<u32>,
    /// TLS between the two.
    pub tls: bool,
}

/// The payload of call number `call`: its number, as far as there is room, and a pattern.
fn payload(call: u64, size: usize) -> Vec<u8> {
    let mut payload = vec![0x5a; size];
    let number = call.to_le_bytes();
    let n = size.min(number.len());
    payload[..n].copy_from_slice(&number[..n]);
    payload
}

/// Is this the payload of call number `call`?
fn is_payload(bytes: &[u8], call: u64, size: usize) -> bool {
    let number = call.to_le_bytes();
    let n = size.min(number.len());
    bytes.len() == size && bytes[..n] == number[..n] && bytes[n..].iter().fold(true, |same, b| same & (*b == 0x5a))
}
