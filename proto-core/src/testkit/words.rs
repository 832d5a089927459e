//! What a server says to two calls, computed once: for models of a client's driver, in which every interleaving of threads hears
//! the same words.

use crate::buf::{Incoming, Outgoing, Payload};
use crate::call::{CallId, CallOptions, Head, Kind};
use crate::config::Config;
use crate::connection::{Connection, Event, Server};
use crate::grpc::Metadata;
use crate::time::Instant;
use alloc::vec::Vec;

/// The words of a server that answers two unary calls with empty messages.
#[derive(Clone, Debug)]
pub struct Words {
    /// Its half of the handshake.
    pub greeting: Vec<u8>,
    /// Its replies to the two calls, by the order in which those were started, to be said in the order asked for.
    pub replies: [Vec<u8>; 2],
    /// Bytes of the two requests.
    pub requests: usize,
}

/// What this side has to write.
fn said<R>(side: &mut Connection<R>) -> Vec<u8> {
    let (mut outgoing, mut all) = (Outgoing::new(), Vec::new());
    while side.poll_transmit(Words::NOW, &mut outgoing) {
        let mut segments = [&[][..]; 64];
        let count = outgoing.segments(&mut segments);
        let bytes = segments[..count].concat();
        outgoing.advance(bytes.len());
        all.extend(bytes);
    }
    all
}

impl Words {
    /// When all of it is said: the clock of a model stands there.
    pub const NOW: Instant = Instant::from_nanos(1_000_000_000);

    /// What the calls are made to.
    pub const HEAD: Head<'static> = Head { path: "/t.T/Echo", authority: None };

    /// To two calls; `first`, 0 or 1, is answered first. (Later headers lean on earlier ones.)
    ///
    /// # Panics
    /// When the core does not take its own words.
    pub fn new(first: usize) -> Words {
        let mut client = Connection::client(Config::default(), Self::NOW);
        let mut server = Connection::server(Config::default(), Self::NOW);
        let mut heard = said(&mut client);
        let handshake = heard.len();
        for _ in 0..2 {
            let id = client.start(Self::NOW, Self::HEAD, &CallOptions::default()).expect("it starts");
            client.call(id).expect("it runs").send_last(Self::NOW, Payload::Slice(b"")).expect("there is room");
        }
        heard.extend(said(&mut client));
        let mut incoming = Incoming::new();
        incoming.extend_from_slice(&heard);
        server.receive(Self::NOW, &mut incoming).expect("it is HTTP/2");
        let greeting = said(&mut server);
        let ids = accepted(&mut server);
        let mut replies = [const { Vec::new() }; 2];
        for n in [first, 1 - first] {
            let mut call = server.call(ids[n]).expect("it runs");
            call.set_kind(Kind::UNARY);
            call.reply(Self::NOW, &Metadata::new(), Payload::Slice(b""), &Metadata::new()).expect("it is short");
            replies[n] = said(&mut server);
        }
        Words { greeting, replies, requests: heard.len() - handshake }
    }
}

/// The calls that have come.
fn accepted(server: &mut Connection<Server>) -> Vec<CallId> {
    let mut ids = Vec::new();
    while let Some(event) = server.poll_event() {
        if event == Event::Incoming {
            ids.extend(core::iter::from_fn(|| server.accept()));
        }
    }
    ids
}
