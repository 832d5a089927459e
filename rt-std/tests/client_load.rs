//! More calls than a connection has places for: they wait, and none is lost.

mod support;

use bytes::Bytes;
use proto_core::Config;
use proto_core::rpc::Front;
use rt_std::Channel;
use rt_std::os::Pipe;
use rt_std::os::unix::{RealOs, SocketPipe};
use std::net::TcpListener;
use std::sync::Arc;
use support::peer::{self, Behaviour};
use support::{ECHO, request};

const CALLS: u32 = 20_000;

#[test]
fn twenty_thousand_calls_offered_to_one_connection_with_a_hundred_slots_are_all_answered() {
    let config = Config { max_concurrent_streams: 100, ..Config::default() };
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    let server = std::thread::spawn(move || {
        let (stream, _) = listener.accept().expect("a connection");
        let pipe: Arc<dyn Pipe> = Arc::new(SocketPipe::from_tcp(stream).expect("it is connected"));
        peer::serve(&RealOs, &*pipe, &Behaviour { config, ..Behaviour::default() });
    });
    let channel = Channel::connect(address.to_string()).expect("the peer takes connections");
    let later = channel.later();
    let pending: Vec<_> = (0..CALLS).map(|i| later.unary(&ECHO, request(&i.to_be_bytes()))).collect();
    for (i, pending) in pending.into_iter().enumerate() {
        let reply: Bytes = pending.wait().expect("a reply").into_inner();
        assert_eq!(reply, (i as u32).to_be_bytes().to_vec(), "each call has its own reply");
    }
    channel.shutdown(std::time::Duration::ZERO);
    server.join().expect("one connection served them all");
}
