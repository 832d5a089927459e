//! The async client over real sockets, against the blocking runtime's server and against small peers whose behaviour a
//! test bends.
//!
//! Times here are guards against hanging; nothing is asserted about how long anything takes.
#![allow(unreachable_pub, missing_docs)]

#[path = "../../../rt-std/tests/support/peer.rs"]
#[allow(dead_code)]
mod peer;
#[path = "../../../rt-std/tests/support/refuser.rs"]
#[allow(dead_code)]
mod refuser;

mod calls;
mod cancel_safety;
mod cancelling;
mod channel;
mod chaos;
mod ends;
mod executors;
mod phases;
mod retries;
mod server;

use bytes::Bytes;
use peer::Behaviour;
use proto_core::call::Kind;
use proto_core::rpc::{Front, Method, Raw};
use rt_smol::{Channel, Request, RequestOptions, Response, Status};
use rt_std::os::Pipe;
use rt_std::os::unix::{RealOs, SocketPipe};
use std::future::Future;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

/// The reply is the request.
static ECHO: Method<Bytes, Bytes> = Method::new::<Raw>("/t.T/Echo", Kind::UNARY);
/// Never answered.
static DROP: Method<Bytes, Bytes> = Method::new::<Raw>("/t.T/Drop", Kind::UNARY);
/// Answered when as many calls have come as the first byte says.
static MEET: Method<Bytes, Bytes> = Method::new::<Raw>("/t.T/Meet", Kind::UNARY);
/// The server closes the connection.
static DIE: Method<Bytes, Bytes> = Method::new::<Raw>("/t.T/Die", Kind::UNARY);
/// The first byte says how many replies, the second how long each is, in hundreds of bytes.
static STREAM: Method<Bytes, Bytes> = Method::new::<Raw>("/t.T/Stream", Kind::SERVER_STREAMING);
/// The reply is how many bytes came.
static COUNT: Method<Bytes, Bytes> = Method::new::<Raw>("/t.T/Count", Kind::CLIENT_STREAMING);
/// Each reply is a request.
static CHAT: Method<Bytes, Bytes> = Method::new::<Raw>("/t.T/Chat", Kind::BIDI);

const MS: Duration = Duration::from_millis(1);
/// Longer than anything here takes.
const LONG: Duration = Duration::from_secs(60);

fn request(body: &[u8]) -> Request<Bytes> {
    Request::new(Bytes::copy_from_slice(body))
}

fn none() -> RequestOptions {
    RequestOptions::new()
}

async fn unary(
    channel: &Channel,
    method: &'static Method<Bytes, Bytes>,
    body: &[u8],
) -> Result<Response<Bytes>, Status> {
    channel.unary(method, request(body)).await
}

/// Runs a test, and ends it if it hangs.
fn run<T>(test: impl Future<Output = T>) -> T {
    let late = async {
        smol::Timer::after(LONG).await;
        panic!("the test hangs")
    };
    smol::block_on(smol::future::or(test, late))
}

/// Serves on a free loopback port, for as long as the test's process runs.
fn serve(behaviour: Behaviour) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    std::thread::spawn(move || accept(&listener, &behaviour));
    address
}

fn accept(listener: &TcpListener, behaviour: &Behaviour) {
    while let Ok((stream, _)) = listener.accept() {
        let pipe: Arc<dyn Pipe> = Arc::new(SocketPipe::from_tcp(stream).expect("it is connected"));
        let behaviour = behaviour.clone();
        std::thread::spawn(move || peer::serve(&RealOs, &*pipe, &behaviour));
    }
}

/// A peer that does this with each connection.
fn raw_peer(act: impl Fn(TcpStream) + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    std::thread::spawn(move || {
        while let Ok((stream, _)) = listener.accept() {
            act(stream);
        }
    });
    address
}

async fn connect(address: SocketAddr) -> Channel {
    Channel::connect(address.to_string()).await.expect("the peer takes connections")
}
