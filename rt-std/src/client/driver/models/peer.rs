//! What the server says in a model: computed once, since every interleaving hears the same words.

use proto_core::call::{CallOptions, Head, Kind};
use proto_core::connection::{Client, Event, Server};
use proto_core::time::Instant;
use proto_core::{Config, Connection, Incoming, Metadata, Outgoing, Payload};

/// Where the clock of a model stands.
pub(super) const NOW: Instant = Instant::from_nanos(1_000_000_000);

pub(super) const HEAD: Head<'_> = Head { path: "/t.T/Echo", authority: None };

/// The words of a server.
#[derive(Clone, Debug)]
pub(super) struct Words {
    /// Its half of the handshake.
    pub(super) greeting: Vec<u8>,
    /// Its replies to the calls, by the order in which those were started, to be said in the order asked for.
    pub(super) replies: [Vec<u8>; 2],
}

fn take(outgoing: &mut Outgoing) -> Vec<u8> {
    let mut segments = [&[][..]; 64];
    let count = outgoing.segments(&mut segments);
    let bytes = segments[..count].concat();
    outgoing.advance(bytes.len());
    bytes
}

fn said_by_client(client: &mut Connection<Client>) -> Vec<u8> {
    let (mut outgoing, mut all) = (Outgoing::new(), Vec::new());
    while client.poll_transmit(NOW, &mut outgoing) {
        all.extend(take(&mut outgoing));
    }
    all
}

fn said_by_server(server: &mut Connection<Server>) -> Vec<u8> {
    let (mut outgoing, mut all) = (Outgoing::new(), Vec::new());
    while server.poll_transmit(NOW, &mut outgoing) {
        all.extend(take(&mut outgoing));
    }
    all
}

impl Words {
    /// To two unary calls with empty messages; `first` is answered first. (Later headers lean on earlier ones.)
    pub(super) fn new(first: usize) -> Words {
        let mut client = Connection::client(Config::default(), NOW);
        let mut server = Connection::server(Config::default(), NOW);
        for _ in 0..2 {
            let id = client.start(NOW, HEAD, &CallOptions::default()).expect("it starts");
            let mut call = client.call(id).expect("it runs");
            call.send_last(NOW, Payload::Slice(b"")).expect("there is room");
        }
        let mut incoming = Incoming::new();
        incoming.extend_from_slice(&said_by_client(&mut client));
        server.receive(NOW, &mut incoming).expect("it is HTTP/2");
        let greeting = said_by_server(&mut server);
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
            replies[n] = said_by_server(&mut server);
        }
        Words { greeting, replies }
    }
}
