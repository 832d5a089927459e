//! How a call ends in the eyes of its handler: whatever the client does, or the server itself.

use super::raw::{Left, Raw};
use super::{Played, matches};
use proto_build_testing::hello::v1::{self, HelloRequest, HelloResponse, HelloServiceServer, blocking};
use proto_core::Status;
use proto_core::rpc::{Context, OnCancel, Request, Response, ToCancelToken};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Longer than a test.
const LONG: Duration = Duration::from_secs(600);

/// Tells what handlers learn: that a call is there, that its handler is at work, and how it ends.
#[derive(Clone)]
struct Service(Arc<Mutex<Sender<String>>>);

impl Service {
    fn tell(&self, what: impl Into<String>) {
        // Nobody asks any more when the test is over.
        let _ = self.0.lock().expect("no holder panics").send(what.into());
    }
}

impl OnCancel for Service {
    fn cancelled(&self, status: Status) {
        self.tell(status.to_string());
    }
}

/// Unary calls wait; server streams go on and on; the others receive. A future is dropped where it waits, and tells nothing.
macro_rules! handlers {
    ($trait:path, $runtime:ident, [$($async:ident)?], [$($await:tt)*], $sleep:ident) => {
        impl $trait for Service {
            $($async)? fn say_hello(&self, request: Request<HelloRequest>) -> Result<Response<HelloResponse>, Status> {
                self.tell("at work");
                let woken = request.context().$sleep(LONG)$($await)*;
                self.tell(woken.expect_err("the call has ended").to_string());
                Ok(HelloResponse::default().into())
            }

            $($async)? fn lots_of_replies(
                &self,
                _: Request<HelloRequest>,
                replies: &mut $runtime::Sender<HelloResponse>,
            ) -> Result<(), Status> {
                self.tell("at work");
                loop {
                    if let Err(status) = replies.send(HelloResponse { reply: "again".into() })$($await)* {
                        self.tell(status.to_string());
                        return Ok(());
                    }
                }
            }

            $($async)? fn lots_of_greetings(
                &self,
                _: &mut $runtime::Receiver<HelloRequest>,
            ) -> Result<Response<HelloResponse>, Status> {
                Err(Status::unimplemented("no row calls it"))
            }

            $($async)? fn bidi_hello(
                &self,
                requests: &mut $runtime::Receiver<HelloRequest>,
                _: &mut $runtime::Sender<HelloResponse>,
            ) -> Result<(), Status> {
                self.tell("at work");
                loop {
                    if let Err(status) = requests.recv()$($await)* {
                        self.tell(status.to_string());
                        return Ok(());
                    }
                }
            }

            fn on_call(&self, context: &mut Context) -> Result<(), Status> {
                context.to_cancel_token().expect("it is a call").subscribe(Arc::new(self.clone()));
                self.tell("called");
                Ok(())
            }
        }
    };
}

handlers!(blocking::HelloService, rt_std, [], [], sleep);
handlers!(v1::HelloService, rt_smol, [async], [.await], sleep_async);

/// Stops a server, with a grace; calls that last longer are cut.
type Stop = Box<dyn Fn(Duration)>;

/// Starts a server of a runtime: where it listens, and what stops it.
type Serve = fn(Service) -> (String, Stop);

fn on_std(service: Service) -> (String, Stop) {
    let server = rt_std::Server::builder().add_service(HelloServiceServer::blocking(service));
    let running = server.bind("127.0.0.1:0").expect("a free port").spawn();
    (running.address().to_string(), Box::new(move |grace| running.stop().graceful(grace)))
}

fn on_smol(service: Service) -> (String, Stop) {
    let server = rt_smol::Server::builder().add_service(HelloServiceServer::new(service));
    let running = server.bind("127.0.0.1:0").expect("a free port").spawn();
    (running.address().to_string(), Box::new(move |grace| running.stop().graceful(grace)))
}

/// What is called.
#[derive(Clone, Copy, PartialEq)]
enum Call {
    /// A unary method, whose message has not come: its handler has not begun.
    Head,
    Unary,
    /// A unary method, in 100 ms.
    Hurried,
    /// One that sends without an end.
    Replies,
    Bidi,
}

/// How a call ends: what happens to which, and what its handler learns ("..." stands for the system's words).
type Row = (&'static str, Call, fn(Raw, &Stop) -> Left, &'static str);

const ROWS: &[Row] = &[
    (
        "the client cancels",
        Call::Bidi,
        |raw, _| raw.reset(8)?.stay(),
        "CANCELLED: the client cancelled the call (CANCEL) while handling the call",
    ),
    (
        "the client cancels before its message is there",
        Call::Head,
        |raw, _| raw.reset(8)?.stay(),
        "CANCELLED: the client cancelled the call (CANCEL) while handling the call",
    ),
    (
        "the client cancels, and is gone",
        Call::Unary,
        |raw, _| raw.reset(8)?.die(),
        "CANCELLED: the client cancelled the call (CANCEL) while handling the call",
    ),
    (
        "the client cancels, and is gone, while it is answered",
        Call::Replies,
        |raw, _| raw.reset(8)?.die(),
        "CANCELLED: the client cancelled the call (CANCEL) while handling the call",
    ),
    (
        "the client resets the stream for a reason of its own",
        Call::Unary,
        |raw, _| raw.reset(2)?.stay(),
        "CANCELLED: the client reset the stream with INTERNAL_ERROR (2) while handling the call",
    ),
    (
        "the client resets the stream for a reason that nobody knows",
        Call::Bidi,
        |raw, _| raw.reset(99)?.stay(),
        "CANCELLED: the client reset the stream with unknown code (99) while handling the call",
    ),
    (
        "the deadline passes",
        Call::Hurried,
        |raw, _| raw.stay(),
        "DEADLINE_EXCEEDED: the deadline passed while handling the call",
    ),
    (
        "the client dies",
        Call::Bidi,
        |raw, _| raw.die(),
        "CANCELLED: the connection ended while handling the call: the connection was lost: ...",
    ),
    (
        "the client dies while it is answered",
        Call::Replies,
        |raw, _| raw.die(),
        "CANCELLED: the connection ended while handling the call: the connection was lost: ...",
    ),
    (
        "the client hangs up",
        Call::Unary,
        |raw, _| raw.hang_up(),
        "CANCELLED: the connection ended while handling the call: the connection was lost: the peer closed it without GOAWAY",
    ),
    (
        "the client hangs up before its message is there",
        Call::Head,
        |raw, _| raw.hang_up(),
        "CANCELLED: the connection ended while handling the call: the connection was lost: the peer closed it without GOAWAY",
    ),
    (
        "the client hangs up while the server drains",
        Call::Unary,
        |raw, stop| {
            stop(LONG);
            raw.hang_up()
        },
        "CANCELLED: the connection ended while handling the call: the connection was lost: the peer closed it without GOAWAY",
    ),
    (
        "the client says goodbye, and hangs up",
        Call::Bidi,
        |raw, _| raw.go_away(0, 0, "")?.hang_up(),
        "CANCELLED: the connection ended while handling the call: the peer sent GOAWAY with NO_ERROR (0)",
    ),
    (
        "the client goes for a reason",
        Call::Bidi,
        |raw, _| raw.go_away(0, 2, "out of memory")?.hang_up(),
        "CANCELLED: the connection ended while handling the call: the peer sent GOAWAY with INTERNAL_ERROR (2): out of memory",
    ),
    (
        "the client goes for a reason, and is gone, while it is answered",
        Call::Replies,
        |raw, _| raw.go_away(0, 2, "out of memory")?.die(),
        "CANCELLED: the connection ended while handling the call: the peer sent GOAWAY with INTERNAL_ERROR (2): out of memory",
    ),
    (
        "the client breaks HTTP/2",
        Call::Bidi,
        |raw, _| raw.break_http2()?.stay(),
        "CANCELLED: the connection ended while handling the call: the peer broke the protocol: DATA on stream 0 \
         (RFC 9113 section 6.1); ended with PROTOCOL_ERROR",
    ),
    (
        "the server stops at once",
        Call::Unary,
        |raw, stop| {
            stop(Duration::ZERO);
            raw.stay()
        },
        "CANCELLED: the connection was shut down on this side while handling the call",
    ),
    (
        "the server's grace passes",
        Call::Bidi,
        |raw, stop| {
            stop(Duration::from_millis(50));
            raw.stay()
        },
        "CANCELLED: the connection was shut down on this side while handling the call",
    ),
];

/// Plays a row. `tells`: handlers come back, and tell what they have learned as well.
fn play(serve: Serve, tells: bool, &(_, call, act, wanted): &Row) -> Played {
    let (sender, learned) = channel();
    let (address, stop) = serve(Service(Arc::new(Mutex::new(sender))));
    let method = match call {
        Call::Head | Call::Unary | Call::Hurried => "SayHello",
        Call::Replies => "LotsOfReplies",
        Call::Bidi => "BidiHello",
    };
    let timeout = (call == Call::Hurried).then_some("100m");
    let mut raw = Raw::connect(&address)?.call(&format!("/hello.v1.HelloService/{method}"), timeout)?;
    assert_eq!(learned.recv()?, "called");
    if !matches!(call, Call::Head | Call::Bidi) {
        raw = raw.request()?;
    }
    if call != Call::Head {
        assert_eq!(learned.recv()?, "at work");
    }
    let left = act(raw, &stop)?;
    for _ in 0..if tells && call != Call::Head { 2 } else { 1 } {
        matches(&learned.recv()?, wanted)?;
    }
    drop(left);
    stop(Duration::ZERO);
    Ok(())
}

fn play_all(serve: Serve, tells: bool) {
    super::all(ROWS.iter().map(|row| (row.0, play(serve, tells, row))));
}

#[test]
fn a_handler_that_blocks_learns_how_its_call_ended() {
    play_all(on_std, true);
}

#[test]
fn a_handler_that_is_a_future_has_it_told_how_its_call_ended() {
    play_all(on_smol, false);
}
