//! The cases that a blocking client runs against a TestService, each on a connection that the others have used before.
//! They are those of `interop/ccore/client.py`, by the same names, and a few that only this client can express.
//!
//! A case ends within its calls' deadline ([`LIMIT`]); what it returns is the first thing that was not as wanted.

mod check;
mod ends;
mod large;
mod load;
mod metadata;
mod mixed;
mod shapes;
mod status;

use crate::testing::{
    EchoStatus, Payload, ResponseParameters, SimpleRequest, StreamingOutputCallRequest, TestServiceClient,
};
use rt_std::{Channel, Request, RequestOptions};
use std::error::Error;
use std::time::Duration;

/// Longer than any call takes; one that reaches it has hung.
pub const LIMIT: Duration = Duration::from_secs(30);

/// Nothing, or what was not as it should be.
pub type Outcome = Result<(), Box<dyn Error>>;

/// Something that must hold between our client and the server.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    /// The name by which it is chosen.
    pub name: &'static str,
    /// Runs it.
    pub run: fn(&Peer) -> Outcome,
}

/// The server under test.
#[derive(Clone, Debug)]
pub struct Peer {
    channel: Channel,
    test: TestServiceClient<Channel>,
}

impl Peer {
    /// The server at the other end of this channel.
    pub fn new(channel: Channel) -> Self {
        Peer { test: TestServiceClient::new(channel.clone()), channel }
    }
}

macro_rules! cases {
    ($($module:ident: $($name:ident),+;)+) => {
        /// All of them, in the order in which they are run.
        pub const ALL: &[Case] = &[$($(Case { name: stringify!($name), run: $module::$name }),+),+];
    };
}

cases! {
    shapes: empty_unary, large_unary, server_streaming, client_streaming, ping_pong, empty_stream, many_small_messages;
    metadata: metadata;
    status: status_code_and_message, every_status_code, special_status_message, status_details, unimplemented_method,
        unimplemented_service;
    ends: deadline_reaches_the_server, timeout_on_sleeping_server, cancel_after_begin, cancel_after_first_response,
        cancel_from_another_thread, dropped_call_is_cancelled;
    large: four_megabytes, message_over_the_limit;
    load: concurrent_unary, concurrent_large_unary, concurrent_streams, pending_unary;
    mixed: mixed_calls;
}

/// The case of this name.
pub fn find(name: &str) -> Option<&'static Case> {
    ALL.iter().find(|case| case.name == name)
}

/// The options of a call that must not hang.
fn limited() -> RequestOptions {
    RequestOptions::new().with_timeout(LIMIT)
}

/// A request that must not hang.
fn request<M>(message: M) -> Request<M> {
    Request::with_options(message, limited())
}

fn payload(size: usize) -> Option<Payload> {
    Some(Payload { body: vec![0; size], ..Payload::default() })
}

/// A unary request with a payload of `up` bytes, for a reply with one of `down` bytes.
fn simple(up: usize, down: i32) -> SimpleRequest {
    SimpleRequest { payload: if up == 0 { None } else { payload(up) }, response_size: down, ..SimpleRequest::default() }
}

/// A request for replies with payloads of these sizes.
fn wish(sizes: impl IntoIterator<Item = i32>) -> StreamingOutputCallRequest {
    let response_parameters = sizes.into_iter().map(|size| ResponseParameters { size, interval_us: 0 }).collect();
    StreamingOutputCallRequest { response_parameters, ..StreamingOutputCallRequest::default() }
}

/// A request for one reply that comes after a minute.
fn wish_late() -> StreamingOutputCallRequest {
    let late = ResponseParameters { size: 1, interval_us: 60_000_000 };
    StreamingOutputCallRequest { response_parameters: vec![late], ..StreamingOutputCallRequest::default() }
}

/// The status that a call is to end with.
fn echo(code: i32, message: &str) -> Option<EchoStatus> {
    Some(EchoStatus { code, message: message.into() })
}
