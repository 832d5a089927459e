//! How a call ends in the eyes of its client, whatever the server does.

use super::raw::{Left, Raw};
use super::{Played, matches};
use interop::cases::LIMIT;
use interop::runtime::Runtime;
use proto_build_testing::hello::v1::{HelloRequest, HelloServiceClient};
use proto_core::Status;
use proto_core::error::ErrorCode;
use proto_core::rpc::{Request, RequestOptions};
use std::error::Error;
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::thread;
use std::time::Duration;

/// What the server does with every call.
type Act = Arc<dyn Fn(Raw) -> Left + Send + Sync>;

/// A server that does the same on every connection.
struct Server {
    target: String,
    over: Arc<AtomicBool>,
}

impl Server {
    fn new(act: Act) -> std::io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let (target, over) = (listener.local_addr()?.to_string(), Arc::new(AtomicBool::new(false)));
        let shared = over.clone();
        thread::spawn(move || {
            while !shared.load(SeqCst) {
                // Who connects and says nothing ends the test, or has thought better of it.
                let Ok(raw) = Raw::accept(&listener) else { continue };
                let act = act.clone();
                thread::spawn(move || {
                    if let Ok(Some(raw)) = act(raw) {
                        raw.wait();
                    }
                });
            }
        });
        Ok(Server { target, over })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.over.store(true, SeqCst);
        let _ = TcpStream::connect(&self.target);
    }
}

#[derive(Clone, Copy)]
enum Call {
    Unary,
    /// Server streaming.
    Replies,
    /// In 100 ms.
    Hurried,
    /// Cancelled by its application.
    Cancelled,
}

/// How a call ends: what the server does with which, and what the client learns ("..." stands for the system's words).
type Row = (&'static str, Call, fn(Raw) -> Left, &'static str);

/// More streams than there will be.
const ALL: u32 = 0x7fff_ffff;
const REFUSED_STREAM: u32 = 7;

const ROWS: &[Row] = &[
    (
        "the deadline passes",
        Call::Hurried,
        Raw::stay,
        "DEADLINE_EXCEEDED: the deadline passed while waiting for the response",
    ),
    ("the application cancels", Call::Cancelled, Raw::stay, "CANCELLED: cancelled by the application"),
    (
        "the server ends the call, and drains",
        Call::Unary,
        |raw| raw.go_away(ALL, 0, "")?.respond(Some("5"))?.stay(),
        "NOT_FOUND",
    ),
    ("the server ends the call, and is gone", Call::Unary, |raw| raw.respond(Some("5"))?.die(), "NOT_FOUND"),
    (
        "the server refuses the call",
        Call::Unary,
        Raw::refuse,
        "UNAVAILABLE: the server did not take the call: it refused the stream (REFUSED_STREAM)",
    ),
    (
        "the server drains without the call",
        Call::Unary,
        |raw| raw.go_away(0, 0, "")?.stay(),
        "UNAVAILABLE: the server did not take the call: the peer sent GOAWAY with NO_ERROR (0)",
    ),
    (
        "the server goes without the call, for a reason",
        Call::Unary,
        |raw| raw.go_away(0, 11, "too_many_pings")?.hang_up(),
        "UNAVAILABLE: the server did not take the call: the peer sent GOAWAY with ENHANCE_YOUR_CALM (11): too_many_pings",
    ),
    (
        "the server drains, and hangs up",
        Call::Unary,
        |raw| raw.go_away(ALL, 0, "")?.hang_up(),
        "UNAVAILABLE: the connection ended while waiting for the response: the peer sent GOAWAY with NO_ERROR (0)",
    ),
    (
        "the server goes for a reason",
        Call::Unary,
        |raw| raw.go_away(ALL, 11, "too_many_pings")?.hang_up(),
        "UNAVAILABLE: the connection ended while waiting for the response: the peer sent GOAWAY with ENHANCE_YOUR_CALM \
         (11): too_many_pings",
    ),
    (
        "the server goes for a reason, and is gone, while it answers",
        Call::Replies,
        |raw| raw.respond(None)?.go_away(ALL, 11, "too_many_pings")?.die(),
        "UNAVAILABLE: the connection ended while receiving the response: the peer sent GOAWAY with ENHANCE_YOUR_CALM \
         (11): too_many_pings",
    ),
    (
        "the server hangs up",
        Call::Unary,
        Raw::hang_up,
        "UNAVAILABLE: the connection ended while waiting for the response: the connection was lost: the peer closed it \
         without GOAWAY",
    ),
    (
        "the server hangs up while it answers",
        Call::Replies,
        |raw| raw.respond(None)?.hang_up(),
        "UNAVAILABLE: the connection ended while receiving the response: the connection was lost: the peer closed it \
         without GOAWAY",
    ),
    (
        "the server dies",
        Call::Unary,
        Raw::die,
        "UNAVAILABLE: the connection ended while waiting for the response: the connection was lost: ...",
    ),
    (
        "the server dies while it answers",
        Call::Replies,
        |raw| raw.respond(None)?.die(),
        "UNAVAILABLE: the connection ended while receiving the response: the connection was lost: ...",
    ),
    (
        "the server breaks HTTP/2",
        Call::Unary,
        |raw| raw.break_http2()?.stay(),
        "UNAVAILABLE: the connection ended while waiting for the response: the peer broke the protocol: DATA on stream 0 \
         (RFC 9113 section 6.1); ended with PROTOCOL_ERROR",
    ),
];

async fn outcome<F: Runtime>(channel: F, call: Call) -> Result<Status, Box<dyn Error>> {
    let hello = HelloServiceClient::new(channel);
    let options = match call {
        Call::Hurried => RequestOptions::new().with_timeout(Duration::from_millis(100)),
        Call::Cancelled => RequestOptions::new().cancel_on(&F::cancel_after(Duration::from_millis(50))),
        Call::Unary | Call::Replies => RequestOptions::new().with_timeout(LIMIT),
    };
    let request = Request::with_options(HelloRequest::default(), options);
    let end = match call {
        Call::Replies => F::next(&mut hello.lots_of_replies(request)).await.and_then(Result::err),
        _ => F::settle(hello.say_hello(request)).await.err(),
    };
    Ok(end.ok_or("it ended well")?)
}

async fn play<F: Runtime>(channel: impl Fn(&str) -> F, call: Call, act: Act, wanted: &str) -> Played {
    let server = Server::new(act)?;
    let status = outcome(channel(&server.target), call).await?;
    matches(&status.to_string(), wanted)
}

/// Every code of HTTP/2 with which a server can reset a stream (gRPC PROTOCOL-HTTP2.md, "Errors"), and one that nobody
/// knows.
async fn play_resets<F: Runtime>(channel: impl Fn(&str) -> F) -> Vec<(String, Played)> {
    let mut all = Vec::new();
    for (answered, call, phase) in
        [(false, Call::Unary, "waiting for the response"), (true, Call::Replies, "receiving the response")]
    {
        // A call that was refused before its answer began is sent again.
        for number in (0..=14).filter(|number| answered || *number != REFUSED_STREAM) {
            let act: Act = Arc::new(move |raw| {
                let raw = if answered { raw.respond(None)? } else { raw };
                raw.reset(number)?.stay()
            });
            let code = match number {
                REFUSED_STREAM => "UNAVAILABLE",
                8 => "CANCELLED",
                11 => "RESOURCE_EXHAUSTED",
                12 => "PERMISSION_DENIED",
                _ => "INTERNAL",
            };
            let name = ErrorCode::name_of(number);
            let wanted = format!("{code}: the peer reset the stream with {name} ({number}) while {phase}");
            all.push((format!("{name}, {phase}"), play(&channel, call, act, &wanted).await));
        }
    }
    all
}

async fn play_all<F: Runtime>(channel: impl Fn(&str) -> F) {
    let mut all = play_resets(&channel).await;
    for &(name, call, act, wanted) in ROWS {
        all.push((name.to_owned(), play(&channel, call, Arc::new(act), wanted).await));
    }
    super::all(all);
}

#[test]
fn a_client_that_blocks_learns_how_its_call_ended() {
    rt_std::settled(play_all(|target| rt_std::Channel::builder(target).build().expect("a target")));
}

#[test]
fn a_client_that_awaits_learns_how_its_call_ended() {
    smol::block_on(play_all(|target| rt_smol::Channel::builder(target).build().expect("a target")));
}
