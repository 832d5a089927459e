//! The cases that a client runs against a TestService, each on a connection that the others have used before. They are
//! written once, and run on every runtime ([`Runtime`]). The names are those of gRPC's own interoperability tests, where
//! those have them, and of `interop/ccore/client.py`.
//!
//! A case ends within its calls' deadline ([`LIMIT`]); what it returns is the first thing that was not as wanted.

mod check;
mod ends;
mod large;
mod load;
mod metadata;
mod mixed;
mod negative;
mod orca;
mod shapes;
mod status;

use crate::runtime::Runtime;
use crate::testing::{
    EchoStatus, Payload, ResponseParameters, SimpleRequest, StreamingOutputCallRequest, TestServiceClient,
};
use proto_core::rpc::{Request, RequestOptions};
use std::error::Error;
use std::pin::Pin;
use std::time::Duration;

/// Longer than any call takes; one that reaches it has hung.
pub const LIMIT: Duration = Duration::from_secs(30);

/// Nothing, or what was not as it should be.
pub type Outcome = Result<(), Box<dyn Error>>;

/// Something that must hold between our client, on the runtime `F`, and the server.
#[derive(Clone, Copy, Debug)]
pub struct Case<F: Runtime> {
    /// The name by which it is chosen.
    pub name: &'static str,
    /// It needs a server that does more than the official ones (`interop/proto/test.proto` says what).
    pub extended: bool,
    run: for<'a> fn(&'a Peer<F>) -> Running<'a>,
}

/// A case under way.
type Running<'a> = Pin<Box<dyn Future<Output = Outcome> + 'a>>;

impl<F: Runtime> Case<F> {
    /// Runs it.
    pub async fn run(&self, peer: &Peer<F>) -> Outcome {
        (self.run)(peer).await
    }
}

/// The server under test.
#[derive(Clone, Debug)]
pub struct Peer<F> {
    channel: F,
    test: TestServiceClient<F>,
    extended: bool,
}

impl<F: Runtime> Peer<F> {
    /// The server at the other end of this channel, one of this repository's.
    pub fn new(channel: F) -> Self {
        Peer { test: TestServiceClient::new(channel.clone()), channel, extended: true }
    }

    /// A server that does what the official ones do, and no more.
    pub fn official(channel: F) -> Self {
        Peer { extended: false, ..Peer::new(channel) }
    }
}

impl<F: Runtime> Peer<F> {
    /// The large unary call, with payloads of these sizes.
    pub(crate) async fn large(&self, up: usize, down: i32) -> Outcome {
        let reply = F::settle(self.test.unary_call(request(simple(up, down)))).await?;
        check::zeros("reply", reply.payload.as_ref(), down as usize)
    }
}

macro_rules! cases {
    ($($(#[$docs:meta])* $list:ident { $($extended:literal $module:ident: $($name:ident),+;)+ })+) => {$(
        $(#[$docs])*
        pub fn $list<F: Runtime>() -> Vec<Case<F>> {
            vec![$($(Case {
                name: stringify!($name),
                extended: $extended,
                run: |peer| Box::pin($module::$name(peer)),
            }),+),+]
        }
    )+};
}

cases! {
    /// What a server that works must answer, in the order in which they are run.
    all {
    false shapes: empty_unary, large_unary, cacheable_unary, server_streaming, client_streaming, ping_pong, empty_stream;
    true shapes: half_duplex, many_small_messages;
    false metadata: custom_metadata;
    true metadata: metadata;
    false status: status_code_and_message, special_status_message, unimplemented_method, unimplemented_service;
    true status: every_status_code, status_details;
    true ends: deadline_reaches_the_server;
    false ends: timeout_on_sleeping_server, cancel_after_begin, cancel_after_first_response;
    true ends: cancel_from_elsewhere, dropped_call_is_cancelled;
    true large: four_megabytes, message_over_the_limit;
    true load: concurrent_unary, concurrent_streams, pending_unary;
    false load: concurrent_large_unary, pick_first_unary;
    false orca: orca_per_rpc, orca_oob;
    true mixed: mixed_calls;
    }
    /// Those that each want a server that misbehaves in the case's own way.
    misbehaving {
    false negative: goaway, rst_after_header, rst_during_data, rst_after_data, ping, max_streams;
    }
}

/// The case of this name.
pub fn find<F: Runtime>(name: &str) -> Option<Case<F>> {
    all().into_iter().chain(misbehaving()).find(|case| case.name == name)
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
