//! What the server says in a model: computed once, since every interleaving hears the same words.

use proto_core::call::{CallOptions, Head, Kind};
use proto_core::connection::{Connection, Event, Server};
use proto_core::time::Instant;
use proto_core::{Config, Incoming, Metadata, Outgoing, Payload};

/// Where the clock of a model stands.
pub(super) const NOW: Instant = Instant::from_nanos(1_000_000_000);

pub(super) const HEAD: Head<'_> = Head { path: "/t.T/Echo", authority: None };

/// The words of a server.
pub(super) struct Words {
    /// Its half of the handshake.
    pub(super) greeting: Vec<u8>,
    /// Its replies to two calls, by the order in which those were started, to be said in the order asked for.
    pub(super) replies: [Vec<u8>; 2],
    /// Bytes of the two requests.
    pub(super) requests: usize,
}

fn take(outgoing: &mut Outgoing, into: &mut Vec<u8>) {
    let mut segments = [&[][..]; 64];
    let count = outgoing.segments(&mut segments);
    let bytes = segments[..count].concat();
    outgoing.advance(bytes.len());
    into.extend(bytes);
}

fn said(server: &mut Connection<Server>) -> Vec<u8> {
    let (mut outgoing, mut all) = (Outgoing::new(), Vec::new());
    while server.poll_transmit(NOW, &mut outgoing) {
        take(&mut outgoing, &mut all);
    }
    all
}

impl Words {
    /// To two unary calls with empty messages; `first` is answered first. (Later headers lean on earlier ones.)
    pub(super) fn new(first: usize) -> Words {
        let mut client = Connection::client(Config::default(), NOW);
        let mut server = Connection::server(Config::default(), NOW);
        let (mut outgoing, mut heard) = (Outgoing::new(), Vec::new());
        while client.poll_transmit(NOW, &mut outgoing) {
            take(&mut outgoing, &mut heard);
        }
        let handshake = heard.len();
        for _ in 0..2 {
            let id = client.start(NOW, HEAD, &CallOptions::default()).expect("it starts");
            client.call(id).expect("it runs").send_last(NOW, Payload::Slice(b"")).expect("there is room");
        }
        while client.poll_transmit(NOW, &mut outgoing) {
            take(&mut outgoing, &mut heard);
        }
        let mut incoming = Incoming::new();
        incoming.extend_from_slice(&heard);
        server.receive(NOW, &mut incoming).expect("it is HTTP/2");
        let greeting = said(&mut server);
        let mut ids = Vec::new();
        while let Some(event) = server.poll_event() {
            if event == Event::Incoming {
                ids.extend(std::iter::from_fn(|| server.accept()));
            }
        }
        let mut replies = [const { Vec::new() }; 2];
        for n in [first, 1 - first] {
            let mut call = server.call(ids[n]).expect("it runs");
            call.set_kind(Kind::UNARY);
            call.reply(NOW, &Metadata::new(), Payload::Slice(b""), &Metadata::new()).expect("it is short");
            replies[n] = said(&mut server);
        }
        Words { greeting, replies, requests: heard.len() - handshake }
    }
}
