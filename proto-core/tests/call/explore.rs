//! All interleavings of a few operations on two calls, with windows shorter than a message, a pool of loans for little more than one, and room for
//! hardly any unsent byte. Whatever came before: from then on everybody finishes what is begun, and whoever waits does nothing before an event
//! wakes it. Every call must end at both sides: no state that can be reached leaves both sides waiting for ever.

use proto_core::call::{CallId, CallOptions, Head, Kind, Recv, SendError};
use proto_core::connection::{Connection, Event};
use proto_core::testkit::{Faults, Pair, explore};
use proto_core::{Config, MessageBuf, Metadata, Status};
use std::fmt;

/// What may happen next, to one of the calls.
#[derive(Clone, Copy, Debug)]
enum Step {
    ClientSends,
    ClientFinishes,
    ClientReceives,
    ClientCancels,
    ServerAccepts,
    ServerReceives,
    ServerSends,
    ServerFinishes,
    ToServer,
    ToClient,
}

use Step::*;

const CALLS: usize = 2;

fn steps() -> Vec<(usize, Step)> {
    let of_calls =
        [ClientSends, ClientFinishes, ClientReceives, ClientCancels, ServerReceives, ServerSends, ServerFinishes];
    let both = (0..CALLS).flat_map(|call| of_calls.map(|step| (call, step)));
    both.chain([(0, ServerAccepts), (0, ToServer), (0, ToClient)]).collect()
}

/// One side of a call, and what it waits for.
#[derive(Clone, Debug, Default)]
struct Party {
    /// Not known yet, or let go of.
    id: Option<CallId>,
    waits_to_receive: bool,
    waits_to_send: bool,
    /// Messages that it sent.
    sent: usize,
    /// It has said that it sends no more.
    finished: bool,
    /// It has heard how the call ended (server: that the client has finished).
    heard: bool,
    over: bool,
}

struct World {
    pair: Pair,
    client: [Party; CALLS],
    server: [Party; CALLS],
    /// `accept` had nothing: only `Event::Incoming` says that it has.
    waits_to_accept: bool,
}

/// All that the future depends on.
impl fmt::Debug for World {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let World { pair, client, server, waits_to_accept } = self;
        write!(f, "{pair:?} {client:?} {server:?} {waits_to_accept}")
    }
}

/// Longer than the window.
const MESSAGE: &[u8] = b"0123456";

fn config(streams: u32) -> Config {
    Config {
        stream_window: 4,
        // Raised to twice the largest message with its prefix.
        loan_pool: 1,
        max_receive_message_size: MESSAGE.len(),
        max_unsent_per_call: 1,
        max_unsent: 20,
        max_concurrent_streams: streams,
        ..Config::default()
    }
}

impl World {
    /// Two calls, started; with room for `streams` of them at once.
    fn new(streams: u32) -> Self {
        let mut pair = Pair::new(config(streams), config(streams), Faults::NONE);
        assert!(pair.settle());
        let now = pair.now();
        let client = [(); CALLS].map(|()| {
            let options = CallOptions { kind: Kind::BIDI, ..CallOptions::default() };
            let id = pair.client.start(now, Head::new("/a/b"), &options).expect("it starts");
            Party { id: Some(id), ..Party::default() }
        });
        assert!(pair.settle());
        World { pair, client, server: Default::default(), waits_to_accept: false }
    }

    /// Events are taken before it, as runtimes take them: what came before somebody began to wait wakes nobody.
    fn step(&mut self, call: usize, step: Step) {
        self.wake();
        match step {
            ClientSends => drop(self.client_sends(call)),
            ClientFinishes => self.client_finishes(call),
            ClientReceives => self.client_receives(call),
            ClientCancels => {
                let now = self.pair.now();
                if let Some(Ok(mut handle)) = self.client[call].id.map(|id| self.pair.client.call(id)) {
                    handle.cancel(now, Status::OK);
                }
            }
            ServerAccepts => drop(self.accept()),
            ServerReceives => self.server_receives(call),
            ServerSends => drop(self.server_sends(call)),
            ServerFinishes => self.server_finishes(call),
            ToServer => self.carry(true),
            ToClient => self.carry(false),
        }
    }

    /// One end reads; the other only writes.
    fn carry(&mut self, to_server: bool) {
        self.pair.stall_client(to_server);
        self.pair.stall_server(!to_server);
        assert!(self.pair.settle());
        self.pair.stall_client(false);
        self.pair.stall_server(false);
    }

    /// True if it was accepted.
    fn client_sends(&mut self, call: usize) -> bool {
        let now = self.pair.now();
        let party = &mut self.client[call];
        let Some(Ok(mut handle)) = party.id.map(|id| self.pair.client.call(id)) else { return false };
        sent(party, handle.send(now, MESSAGE))
    }

    fn client_finishes(&mut self, call: usize) {
        let now = self.pair.now();
        let party = &mut self.client[call];
        let Some(Ok(mut handle)) = party.id.map(|id| self.pair.client.call(id)) else { return };
        // An end is taken whatever is in the way.
        assert!(handle.finish(now).is_ok() || party.finished || handle.outcome().is_some());
        party.finished = true;
    }

    /// Pulls until there is nothing. When the call is over the client lets go of it.
    fn client_receives(&mut self, call: usize) {
        let now = self.pair.now();
        let party = &mut self.client[call];
        let Some(Ok(mut handle)) = party.id.map(|id| self.pair.client.call(id)) else { return };
        loop {
            match handle.recv(now, &mut MessageBuf::new()) {
                Recv::Message => {}
                Recv::Pending => return party.waits_to_receive = true,
                Recv::End | Recv::Failed(_) => break,
            }
        }
        handle.release(now);
        *party = Party { heard: true, over: true, ..Party::default() };
    }

    /// True if there was a call. Its place is the first that is free: the calls come in their order.
    fn accept(&mut self) -> bool {
        let Some(id) = self.pair.server.accept() else {
            self.waits_to_accept = true;
            return false;
        };
        self.waits_to_accept = false;
        self.pair.server.call(id).expect("accepted").set_kind(Kind::BIDI);
        let party = self.server.iter_mut().find(|party| party.id.is_none() && !party.over).expect("two calls");
        party.id = Some(id);
        true
    }

    fn server_receives(&mut self, call: usize) {
        let now = self.pair.now();
        let party = &mut self.server[call];
        let Some(Ok(mut handle)) = party.id.map(|id| self.pair.server.call(id)) else { return };
        loop {
            match handle.recv(now, &mut MessageBuf::new()) {
                Recv::Message => {}
                Recv::Pending => return party.waits_to_receive = true,
                Recv::End | Recv::Failed(_) => return party.heard = true,
            }
        }
    }

    fn server_sends(&mut self, call: usize) -> bool {
        let now = self.pair.now();
        let party = &mut self.server[call];
        let Some(Ok(mut handle)) = party.id.map(|id| self.pair.server.call(id)) else { return false };
        sent(party, handle.send(now, MESSAGE))
    }

    /// The handler ends, and lets go of the call.
    fn server_finishes(&mut self, call: usize) {
        let now = self.pair.now();
        let party = &mut self.server[call];
        let Some(Ok(mut handle)) = party.id.map(|id| self.pair.server.call(id)) else { return };
        handle.finish(now, &Status::OK, &Metadata::new());
        handle.release(now);
        *party = Party { finished: true, heard: true, over: true, ..Party::default() };
    }

    /// Events wake whoever they name, and nobody else.
    fn wake(&mut self) {
        wake(&mut self.pair.client, &mut self.client);
        self.waits_to_accept &= !wake(&mut self.pair.server, &mut self.server);
    }

    /// Everybody who is awake does what is left to do: a client sends one message more and finishes, a handler hears everything, answers and ends.
    fn work(&mut self) {
        while !self.waits_to_accept && self.accept() {}
        for call in 0..CALLS {
            let party = &self.client[call];
            if !party.finished && !party.waits_to_send && (party.sent > 0 || self.client_sends(call)) {
                self.client_finishes(call);
            }
            if !self.client[call].waits_to_receive {
                self.client_receives(call);
            }
            if !self.server[call].heard && !self.server[call].waits_to_receive {
                self.server_receives(call);
            }
            let party = &self.server[call];
            if party.heard && !party.waits_to_send && (party.sent > 0 || self.server_sends(call)) {
                self.server_finishes(call);
            }
        }
    }

    /// See the module.
    fn wind_up(mut self, history: &[(usize, Step)]) {
        for _ in 0..100 {
            self.work();
            assert!(self.pair.settle());
            self.wake();
        }
        let ended = |parties: &[Party; CALLS]| parties.iter().all(|party| party.over || party.id.is_none());
        assert!(ended(&self.client), "a client waits for ever after {history:?}: {self:?}");
        assert!(ended(&self.server), "a handler waits for ever after {history:?}: {self:?}");
        let Pair { client, server, .. } = &self.pair;
        assert_eq!((client.active_calls(), server.active_calls()), (0, 0), "{history:?}");
        assert_eq!((client.unsent(), server.unsent()), (0, 0), "{history:?}");
        assert_eq!((client.borrowed(), server.borrowed()), (0, 0), "{history:?}");
        assert_eq!(client.windows().send, server.windows().receive, "{history:?}");
        assert_eq!(server.windows().send, client.windows().receive, "{history:?}");
    }
}

/// True unless it has to be tried again: what the call's end refuses is done with.
fn sent(party: &mut Party, outcome: Result<(), SendError>) -> bool {
    party.waits_to_send = matches!(outcome, Err(SendError::Blocked));
    party.sent += usize::from(outcome.is_ok());
    !party.waits_to_send
}

/// True if there are calls to be accepted.
fn wake<R>(connection: &mut Connection<R>, parties: &mut [Party; CALLS]) -> bool {
    let mut incoming = false;
    while let Some(event) = connection.poll_event() {
        let (id, to_receive, to_send) = match event {
            Event::Readable(id) => (id, true, false),
            Event::Writable(id) => (id, false, true),
            Event::Ended(id) => (id, true, true),
            event => {
                incoming |= event == Event::Incoming;
                continue;
            }
        };
        if let Some(party) = parties.iter_mut().find(|party| party.id == Some(id)) {
            party.waits_to_receive &= !to_receive;
            party.waits_to_send &= !to_send;
        }
    }
    incoming
}

fn drop<T>(_: T) {}

/// `DEPTH` looks further: five times the work a step.
fn explore_with(streams: u32, opening: &[(usize, Step)]) -> usize {
    let depth = std::env::var("DEPTH").ok().and_then(|n| n.parse().ok()).unwrap_or(3);
    let opened = || {
        let mut world = World::new(streams);
        opening.iter().for_each(|&(call, step)| world.step(call, step));
        world
    };
    explore(
        depth,
        &steps(),
        opened,
        |world, (call, step)| world.step(call, step),
        |world, history| {
            world.wind_up(&[opening, history].concat());
        },
    )
}

/// Both calls are known to the server, and somebody waits for what has not come.
const KNOWN: [(usize, Step); 5] =
    [(0, ToServer), (0, ServerAccepts), (0, ServerAccepts), (0, ServerReceives), (1, ClientReceives)];

#[test]
fn no_interleaving_leaves_a_call_waiting_for_ever() {
    // The server knows of both and has accepted neither; has accepted both.
    for opening in [&[][..], &KNOWN] {
        let states = explore_with(2, opening);
        println!("{states} states");
        assert!(states > 50);
    }
}

#[test]
fn no_interleaving_leaves_a_call_waiting_for_ever_that_waits_for_its_turn() {
    let states = explore_with(1, &[]);
    println!("{states} states");
    assert!(states > 50);
}
