//! The end of a sequence: the network is whole again, everybody finishes, and nothing may be left.

use super::world::World;
use proto_core::call::{CallOptions, Head, Kind, Recv};
use proto_core::testkit::Faults;
use proto_core::{MessageBuf, Metadata};

/// Rounds after which calls that still wait would wait for ever: each moves a window of each stream at least, and windows are one byte at least.
const MOST_ROUNDS: usize = 200_000;

impl World {
    /// See the module.
    pub(super) fn wind_up(mut self) {
        self.pair.faults = Faults::NONE;
        self.pair.capacity = usize::MAX;
        self.pair.stall_client(false);
        self.pair.stall_server(false);
        for _ in 0..MOST_ROUNDS {
            if !self.round() {
                break;
            }
        }
        self.blame();
        for (call, talk) in self.talks.iter().enumerate() {
            assert!(talk.over, "call {call} waits for ever at the client: {talk:?}\n{:?}", self.pair);
            assert!(talk.server.is_none(), "call {call} waits for ever at the server: {talk:?}\n{:?}", self.pair);
        }
        self.let_go();
        self.one_more_call();
    }

    /// Everybody who does not wait does what is to be done: only an event wakes those who wait. False when nothing has moved.
    fn round(&mut self) -> bool {
        let before = (self.pair.transferred(), self.waiting());
        assert!(self.pair.settle(), "bytes for ever");
        self.events();
        for call in 0..self.talks.len() {
            if !self.talks[call].client_waits.to_send {
                self.finish_asking(call);
            }
            while !self.talks[call].client_waits.to_receive && self.hear(call) {}
        }
        while !self.waits_to_accept && self.accept() {}
        for call in 0..self.talks.len() {
            while !self.talks[call].server_waits.to_receive && self.listen(call) {}
            if !self.talks[call].server_waits.to_receive {
                self.serve(call);
            }
        }
        assert!(self.pair.settle(), "bytes for ever");
        before != (self.pair.transferred(), self.waiting())
    }

    /// Sides of calls that are not over.
    fn waiting(&self) -> usize {
        self.talks.iter().map(|talk| usize::from(!talk.over) + usize::from(talk.server.is_some())).sum()
    }

    /// A handler ends when it has heard everything, or its call has failed.
    fn serve(&mut self, call: usize) {
        let now = self.pair.now();
        let talk = &mut self.talks[call];
        let Some(handle) = talk.server.and_then(|id| self.pair.server.call(id).ok()) else { return };
        if handle.outcome().is_some() {
            handle.release(now);
            talk.server = None;
        } else if talk.heard {
            if talk.kind.server_streams || talk.down.has_sent() {
                self.finish_answering(call, 0);
            } else {
                self.reply(call, 3);
            }
        }
    }

    /// Everybody lets go: nothing is left of any call, and the windows are whole.
    fn let_go(&mut self) {
        let now = self.pair.now();
        for talk in &mut self.talks {
            if let Some(handle) = talk.client.take().and_then(|id| self.pair.client.call(id).ok()) {
                handle.release(now);
            }
        }
        assert!(self.pair.settle(), "bytes for ever");
        self.events();
        let (client, server) = (&self.pair.client, &self.pair.server);
        assert_eq!((client.active_calls(), server.active_calls()), (0, 0), "calls are left");
        assert_eq!((client.unsent(), server.unsent()), (0, 0), "bytes are stuck: {:?}", self.pair);
        assert_eq!((client.borrowed(), server.borrowed()), (0, 0), "loans are not returned");
        if client.is_closed() || server.is_closed() {
            return;
        }
        for (from, to) in [(client.windows(), server.windows()), (server.windows(), client.windows())] {
            assert_eq!(from.send, to.receive, "both count the same window");
            assert_eq!(to.receive + i64::from(to.owed), 65_535, "the window is whole, but for what is owed");
        }
    }

    /// A connection that stands carries one more call.
    fn one_more_call(mut self) {
        let now = self.pair.now();
        let (client, server) = (&mut self.pair.client, &mut self.pair.server);
        if [client.is_draining(), client.is_closed(), server.is_draining(), server.is_closed()].contains(&true) {
            return;
        }
        let id = client.start(now, Head::new("/last"), &CallOptions::default()).expect("it stands");
        let message = [7; 60];
        assert!(self.pair.settle());
        // Its HEADERS have left: where the bound of what may be unsent is tiny, they were in the way.
        let now = self.pair.now();
        self.pair.client.call(id).expect("started").send_last(now, &message[..]).expect("nothing is in the way");
        assert!(self.pair.settle());
        let served = self.pair.server.accept().expect("it arrives");
        let (mut buf, none) = (MessageBuf::new(), Metadata::new());
        let mut answered = false;
        for _ in 0..1_000 {
            let now = self.pair.now();
            if !answered && let Ok(mut call) = self.pair.server.call(served) {
                call.set_kind(Kind::UNARY);
                if matches!(call.recv(now, &mut buf), Recv::Message) {
                    call.reply(now, &none, &message[..], &none).expect("always accepted");
                    call.release(now);
                    answered = true;
                }
            }
            assert!(self.pair.settle());
            match self.pair.client.call(id).expect("not released").recv(now, &mut buf) {
                Recv::Pending => {}
                Recv::Message => return,
                other => panic!("{other:?}"),
            }
        }
        panic!("the last call waits for ever: {:?}", self.pair);
    }
}
