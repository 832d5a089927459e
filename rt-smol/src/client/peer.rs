//! For tests of the client: the core's server at the other end of a scripted pipe.

use crate::scripted::ScriptPipe;
use bytes::Buf;
use proto_core::call::{CallId, Kind, Recv};
use proto_core::connection::{Event, Server};
use proto_core::time::Instant;
use proto_core::{Config, Connection, Incoming, MessageBuf, Metadata, Outgoing, Status};

/// The server. It answers nothing by itself but what HTTP/2 wants.
pub(super) struct Peer {
    pub(super) pipe: ScriptPipe,
    /// The requests that came.
    pub(super) served: Vec<Vec<u8>>,
    /// Calls that were cancelled.
    pub(super) cancelled: usize,
    /// Calls whose requests have ended.
    pub(super) ended: usize,
    server: Connection<Server>,
    incoming: Incoming,
    /// Writes that it has read.
    read: usize,
    ids: Vec<CallId>,
}

impl Peer {
    pub(super) fn new(pipe: ScriptPipe, now: Instant) -> Self {
        let server = Connection::server(Config::default(), now);
        Peer {
            pipe,
            served: Vec::new(),
            cancelled: 0,
            ended: 0,
            server,
            incoming: Incoming::new(),
            read: 0,
            ids: Vec::new(),
        }
    }

    /// Reads everything.
    pub(super) fn serve(&mut self, now: Instant) {
        for write in self.pipe.writes().drain(..).skip(self.read) {
            self.read += 1;
            self.incoming.extend_from_slice(&write);
            self.server.receive(now, &mut self.incoming).expect("it is HTTP/2");
        }
        while let Some(event) = self.server.poll_event() {
            match event {
                Event::Incoming => {
                    while let Some(id) = self.server.accept() {
                        self.accepted(now, id);
                    }
                }
                Event::Readable(id) => self.receive(now, id),
                Event::Ended(_) => self.cancelled += 1,
                _ => {}
            }
        }
        self.transmit(now);
    }

    fn accepted(&mut self, now: Instant, id: CallId) {
        let mut call = self.server.call(id).expect("it was just accepted");
        let kind = if call.head().path == "/t.T/Chat" { Kind::BIDI } else { Kind::UNARY };
        call.set_kind(kind);
        self.ids.push(id);
        self.receive(now, id);
    }

    fn receive(&mut self, now: Instant, id: CallId) {
        let mut message = MessageBuf::new();
        while let Ok(mut call) = self.server.call(id) {
            match call.recv(now, &mut message) {
                Recv::Message => self.served.push(message.copy_to_bytes(message.remaining()).to_vec()),
                Recv::End => {
                    self.ended += 1;
                    return;
                }
                Recv::Pending | Recv::Failed(_) => return,
            }
        }
    }

    /// Answers the call that came as the n-th.
    pub(super) fn reply_to(&mut self, now: Instant, n: usize, body: &[u8]) {
        let mut call = self.server.call(self.ids[n]).expect("it runs");
        call.reply(now, &Metadata::new(), body, &Metadata::new()).expect("it is short");
        self.transmit(now);
    }

    /// Ends the call that came as the n-th well.
    pub(super) fn finish(&mut self, now: Instant, n: usize) {
        let mut call = self.server.call(self.ids[n]).expect("it runs");
        assert!(call.finish(now, &Status::OK, &Metadata::new()));
        self.transmit(now);
    }

    fn transmit(&mut self, now: Instant) {
        let mut outgoing = Outgoing::new();
        while self.server.poll_transmit(now, &mut outgoing) {
            let mut segments = [&[][..]; 64];
            let count = outgoing.segments(&mut segments);
            let bytes = segments[..count].concat();
            outgoing.advance(bytes.len());
            self.pipe.feed(&bytes);
        }
    }
}
