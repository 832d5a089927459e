//! A client and a server, and operations on them.

use super::Op;
use super::talk::Talk;
use crate::input::Input;
use proto_core::call::{CallOptions, Head, Recv, SendError};
use proto_core::connection::Event;
use proto_core::error::{ConnectionError, ErrorCode};
use proto_core::testkit::{Break, Faults, KINDS, Pair};
use proto_core::{Config, MessageBuf, Metadata, Status};
use std::time::Duration;

/// Bytes of an input before its operations.
pub(super) const OPTIONS: usize = 2 * 14 + 1;

/// Operations that there are; those below `PEACEFUL` break nothing.
pub(super) const KINDS_OF_OPERATION: u8 = 24;
pub(super) const PEACEFUL: u8 = 18;

/// Lengths of messages, bytes.
const LENGTHS: [usize; 10] = [0, 1, 5, 17, 60, 100, 700, 3_000, 20_000, 70_000];

/// Calls of one input, at most.
const MOST_CALLS: usize = 100;

/// Metadata of one call, bytes at most.
const METADATA: usize = 600;

pub(super) struct World {
    pub(super) pair: Pair,
    configs: [Config; 2],
    pub(super) talks: Vec<Talk>,
    /// `accept` had nothing: an event has to say that it has.
    pub(super) waits_to_accept: bool,
    buf: MessageBuf,
}

fn config(input: &mut Input<'_>) -> Config {
    let second = Duration::from_secs(1);
    Config {
        stream_window: input.pick(&[1, 16, 100, 1_000, 65_536]),
        loan_pool: input.pick(&[100, 5_000, 16 << 20]),
        max_receive_message_size: input.pick(&[100_000, 5_000, 60]),
        max_concurrent_streams: input.pick(&[100, 1, 2]),
        max_pending_calls: input.pick(&[1_000, 0, 2]),
        max_unsent_per_call: input.pick(&[65_536, 1, 1_000]),
        max_unsent: input.pick(&[1 << 20, 1, 20_000]),
        keepalive_interval: input.pick(&[None, Some(second), Some(10 * second)]),
        min_ping_interval: input.pick(&[Duration::ZERO, 300 * second]),
        idle_timeout: input.pick(&[None, None, Some(5 * second)]),
        max_age: input.pick(&[None, None, None, Some(20 * second)]),
        max_age_grace: input.pick(&[None, Some(3 * second)]),
        stall_timeout: input.pick(&[Some(300 * second), None, Some(second)]),
        header_table_size: input.pick(&[4_096, 0, 100]),
        keepalive_without_calls: true,
        connection_window: 65_535,
        ..Config::default()
    }
}

impl World {
    pub(super) fn new(input: &mut Input<'_>) -> Self {
        let configs = [config(input), config(input)];
        let faults = match input.byte() {
            0..64 => Faults::NONE,
            64..80 => Faults::BYTE_BY_BYTE,
            seed => Faults::delays(seed.into()),
        };
        let [client, server] = configs.clone();
        World {
            pair: Pair::new(client, server, faults),
            configs,
            talks: Vec::new(),
            waits_to_accept: false,
            buf: MessageBuf::new(),
        }
    }

    pub(super) fn act(&mut self, op: Op) {
        let Op { what, which, amount } = op;
        let time = Duration::from_millis([0, 1, 5, 30, 200, 1_000, 7_000, 60_000][usize::from(amount % 8)]);
        let call = usize::from(which).checked_rem(self.talks.len()).unwrap_or(0);
        match what % KINDS_OF_OPERATION {
            0 => self.start(which, amount),
            1 => self.ask(call, amount, true),
            2 | 3 => self.ask(call, amount, false),
            4 => self.finish_asking(call),
            5 => drop(self.hear(call)),
            6 => self.reply(call, amount),
            7 | 8 => self.answer(call, amount),
            9 => drop(self.accept()),
            10 => drop(self.listen(call)),
            11 => self.send_headers(call, amount),
            12 => drop(self.pair.step()),
            13 => self.pair.advance(time.min(Duration::from_millis(50))),
            14 => drop(self.pair.settle()),
            15 => self.stall(which, amount),
            16 => self.pair.faults = Faults::delays(amount.into()),
            17 => self.events(),
            18 => self.finish_answering(call, amount),
            19 => self.pair.advance(time),
            20 => self.pair.skip(time),
            21 => self.give_up(call, which, amount),
            22 if amount < 64 => self.break_down(which, amount),
            23 if amount < 64 => self.shut_down(which, time),
            _ => {}
        }
    }

    /// What must hold at any time.
    pub(super) fn check(&mut self) {
        let now = self.pair.now();
        self.pair.client.handle_timeout(now);
        self.pair.server.handle_timeout(now);
        assert!(self.pair.next_timeout().is_none_or(|due| due > now), "what is due is served");
        let largest = LENGTHS[LENGTHS.len() - 1] + METADATA;
        let held = self.pair.server.memory();
        let bound = self.configs[1].memory_bound(largest);
        assert!(held <= bound, "the server holds {held} bytes, its bound is {bound}");
        // A client's calls are its application's: they count instead of the streams that a server allows.
        let calls = self.pair.client.active_calls().max(1) as u32;
        let bound = Config { max_concurrent_streams: calls, ..self.configs[0].clone() }.memory_bound(largest);
        let held = self.pair.client.memory();
        assert!(held <= bound, "the client holds {held} bytes, its bound is {bound}");
    }

    fn metadata(amount: u8) -> Metadata {
        let mut metadata = Metadata::new();
        if amount & 1 == 1 {
            metadata.insert("x-a", &"v".repeat(usize::from(amount))).expect("good");
            metadata.insert_bin("x-b-bin", &vec![amount; usize::from(amount)]).expect("good");
        }
        metadata
    }

    fn start(&mut self, which: u8, amount: u8) {
        if self.talks.len() == MOST_CALLS {
            return;
        }
        let now = self.pair.now();
        let kind = KINDS[usize::from(which % 4)];
        let deadline = (amount >= 192).then(|| now + Duration::from_millis(u64::from(amount - 192) * 20));
        let options = CallOptions { kind, deadline, metadata: Self::metadata(amount), ..CallOptions::default() };
        // The path tells the server which of the calls it is.
        let path = format!("/test/{}", self.talks.len());
        if let Ok(id) = self.pair.client.start(now, Head::new(&path), &options) {
            self.talks.push(Talk { kind, client: Some(id), ..Talk::default() });
        }
    }

    /// The client sends, and half-closes if it is the last message.
    pub(super) fn ask(&mut self, call: usize, amount: u8, last: bool) {
        let now = self.pair.now();
        let Some(talk) = self.talks.get_mut(call) else { return };
        let Some(mut handle) = talk.client.and_then(|id| self.pair.client.call(id).ok()) else { return };
        let len = LENGTHS[usize::from(amount) % LENGTHS.len()];
        let message = talk.up.next(call, true, len);
        let sent = if last { handle.send_last(now, &message) } else { handle.send(now, &message) };
        talk.client_waits.to_send = matches!(sent, Err(SendError::Blocked));
        match sent {
            Ok(()) => {
                talk.up.accepted(len);
                talk.up.ended |= last;
            }
            Err(SendError::Blocked | SendError::TooLarge(_)) => {}
            Err(SendError::Ended) => assert!(talk.up.ended || talk.up.has_sent() || handle.outcome().is_some()),
        }
    }

    pub(super) fn finish_asking(&mut self, call: usize) {
        let now = self.pair.now();
        let Some(talk) = self.talks.get_mut(call) else { return };
        // One message is owed where the client does not stream.
        if !talk.kind.client_streams && !talk.up.has_sent() {
            return self.ask(call, 3, true);
        }
        let Some(mut handle) = talk.client.and_then(|id| self.pair.client.call(id).ok()) else { return };
        talk.up.ended |= handle.finish(now).is_ok();
    }

    /// The client pulls. True while there may be more.
    pub(super) fn hear(&mut self, call: usize) -> bool {
        let now = self.pair.now();
        let Some(talk) = self.talks.get_mut(call) else { return false };
        let Some(mut handle) = talk.client.and_then(|id| self.pair.client.call(id).ok()) else { return false };
        let recv = handle.recv(now, &mut self.buf);
        talk.client_waits.to_receive = matches!(recv, Recv::Pending);
        match recv {
            Recv::Message => {
                talk.down.arrived(call, false, &mut self.buf);
                return true;
            }
            Recv::Pending => assert!(handle.outcome().is_none(), "a call that is over never waits"),
            Recv::End => {
                assert!(talk.down.is_complete() && talk.down.ended, "call {call}: OK, and messages are missing");
                talk.over = true;
            }
            Recv::Failed(status) => {
                assert!(!status.is_ok() && handle.outcome().is_some());
                talk.over = true;
            }
        }
        false
    }

    /// The server takes a new call. True if there was one.
    pub(super) fn accept(&mut self) -> bool {
        let found = self.pair.server.accept();
        self.waits_to_accept = found.is_none();
        let Some(id) = found else { return false };
        let mut handle = self.pair.server.call(id).expect("accepted");
        let path = handle.head().path;
        let call: usize = path.strip_prefix("/test/").and_then(|n| n.parse().ok()).expect("our own path");
        let talk = self.talks.get_mut(call).expect("a call that was started");
        assert!(talk.server.is_none(), "call {call} came twice");
        handle.set_kind(talk.kind);
        talk.server = Some(id);
        true
    }

    /// The server pulls. True while there may be more.
    pub(super) fn listen(&mut self, call: usize) -> bool {
        let now = self.pair.now();
        let Some(talk) = self.talks.get_mut(call) else { return false };
        let Some(mut handle) = talk.server.and_then(|id| self.pair.server.call(id).ok()) else { return false };
        let recv = handle.recv(now, &mut self.buf);
        talk.server_waits.to_receive = matches!(recv, Recv::Pending);
        match recv {
            Recv::Message => {
                talk.up.arrived(call, true, &mut self.buf);
                return true;
            }
            Recv::Pending => assert!(handle.outcome().is_none(), "a call that is over never waits"),
            Recv::End if handle.outcome().is_none() => {
                assert!(talk.up.is_complete() && talk.up.ended, "call {call}: the end, and messages are missing");
                talk.heard = true;
            }
            Recv::End | Recv::Failed(_) => assert!(handle.outcome().is_some()),
        }
        false
    }

    fn send_headers(&mut self, call: usize, amount: u8) {
        let now = self.pair.now();
        let id = self.talks.get(call).and_then(|talk| talk.server);
        let Some(mut handle) = id.and_then(|id| self.pair.server.call(id).ok()) else { return };
        handle.send_headers(now, &Self::metadata(amount));
    }

    fn answer(&mut self, call: usize, amount: u8) {
        let now = self.pair.now();
        let Some(talk) = self.talks.get_mut(call) else { return };
        let Some(mut handle) = talk.server.and_then(|id| self.pair.server.call(id).ok()) else { return };
        let len = LENGTHS[usize::from(amount) % LENGTHS.len()];
        if handle.send(now, &talk.down.next(call, false, len)).is_ok() {
            talk.down.accepted(len);
        }
    }

    /// A whole reply, and the handler is done.
    pub(super) fn reply(&mut self, call: usize, amount: u8) {
        let now = self.pair.now();
        let Some(talk) = self.talks.get_mut(call) else { return };
        let Some(mut handle) = talk.server.and_then(|id| self.pair.server.call(id).ok()) else { return };
        let len = LENGTHS[usize::from(amount) % LENGTHS.len()];
        let message = talk.down.next(call, false, len);
        if handle.reply(now, &Self::metadata(amount), &message, &Self::metadata(amount / 2)).is_ok() {
            talk.down.accepted(len);
            talk.down.ended = true;
            handle.release(now);
            talk.server = None;
        }
    }

    /// The handler ends, with OK mostly, and lets go.
    pub(super) fn finish_answering(&mut self, call: usize, amount: u8) {
        let now = self.pair.now();
        let Some(talk) = self.talks.get_mut(call) else { return };
        let Some(mut handle) = talk.server.and_then(|id| self.pair.server.call(id).ok()) else { return };
        let status = if amount % 4 == 3 { Status::aborted("100 %\n") } else { Status::OK };
        talk.down.ended |= handle.finish(now, &status, &Self::metadata(amount)) && status.is_ok();
        handle.release(now);
        talk.server = None;
    }

    /// One side cancels or lets go.
    fn give_up(&mut self, call: usize, which: u8, amount: u8) {
        let now = self.pair.now();
        let Some(talk) = self.talks.get_mut(call) else { return };
        let (client, release) = (which & 128 == 0, amount & 1 == 1);
        if client && let Some(mut handle) = talk.client.and_then(|id| self.pair.client.call(id).ok()) {
            if release {
                handle.release(now);
                (talk.client, talk.over) = (None, true);
            } else {
                handle.cancel(now, Status::OK);
                assert!(handle.outcome().is_some());
            }
        } else if let Some(mut handle) = talk.server.and_then(|id| self.pair.server.call(id).ok()) {
            if release {
                handle.release(now);
                talk.server = None;
            } else {
                handle.cancel(now, Status::aborted("enough"));
                assert!(handle.is_cancelled());
            }
        }
    }

    fn stall(&mut self, which: u8, amount: u8) {
        match which % 3 {
            0 => self.pair.stall_client(amount & 1 == 1),
            1 => self.pair.stall_server(amount & 1 == 1),
            _ => self.pair.capacity = if amount & 1 == 1 { 1 + usize::from(amount) } else { usize::MAX },
        }
    }

    fn break_down(&mut self, which: u8, amount: u8) {
        match which % 3 {
            0 => self.pair.cut(Break::Eof),
            1 => self.pair.cut(Break::Reset),
            _ => self.pair.faults = Faults::loss(amount.into(), 20_000),
        }
    }

    fn shut_down(&mut self, which: u8, grace: Duration) {
        let now = self.pair.now();
        if which & 1 == 0 { self.pair.client.shutdown(now, grace) } else { self.pair.server.shutdown(now, grace) }
    }

    /// Events wake the calls that they name. They name calls that live, and there is an end to them.
    pub(super) fn events(&mut self) {
        for _ in 0..10_000 {
            let Some(event) = self.pair.client.poll_event() else { break };
            if let Event::Readable(id) | Event::Writable(id) | Event::Ended(id) = event {
                assert!(self.pair.client.call(id).is_ok(), "{event:?} of a call that was released");
                let named = self.talks.iter_mut().find(|talk| talk.client == Some(id));
                named.expect("a call of ours").client_waits.wake(event);
            }
        }
        for _ in 0..10_000 {
            let Some(event) = self.pair.server.poll_event() else { break };
            if let Event::Readable(id) | Event::Writable(id) | Event::Ended(id) = event {
                assert!(self.pair.server.call(id).is_ok(), "{event:?} of a call that was released");
                let named = self.talks.iter_mut().find(|talk| talk.server == Some(id));
                named.expect("a call that was accepted").server_waits.wake(event);
            }
            self.waits_to_accept &= event != Event::Incoming;
        }
        assert!(
            self.pair.client.poll_event().is_none() && self.pair.server.poll_event().is_none(),
            "events without end"
        );
    }

    /// Neither end may say that the other broke the protocol; pings more often than a server likes are no fault of the client's machine.
    pub(super) fn blame(&self) {
        let [client, server] = &self.configs;
        let pings = client.keepalive_interval.is_some() && !server.min_ping_interval.is_zero();
        for reason in [self.pair.client.close_reason(), self.pair.server.close_reason()].into_iter().flatten() {
            if let ConnectionError::PeerMisbehaved { code, what } = reason {
                assert!(*code == ErrorCode::EnhanceYourCalm && pings, "one end says of the other: {code} {what}");
            }
        }
    }
}

fn drop<T>(_: T) {}
