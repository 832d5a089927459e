//! Everything at once, on a seed: calls of both kinds, cancelled or not, over a pipe that takes bytes as it likes; tasks are
//! polled in any order, and only when they were woken. Whatever is left when nobody is woken any more was forgotten by us.

use super::rig::{Rig, Task, echo};
use bytes::Bytes;
use futures_lite::future::yield_now;
use proto_core::call::CallId;
use proto_core::grpc::Code;
use proto_core::rpc::{Decode, Encode, Raw, ServerCall};
use proto_core::testkit::Random;
use proto_core::{Metadata, Status};

/// One call of the client.
struct Call {
    id: CallId,
    streams: bool,
    /// What was sent; what came back is the same, each message behind this many bytes.
    sent: Vec<Vec<u8>>,
    received: Vec<Vec<u8>>,
    open: bool,
    ended: Option<Code>,
}

/// A unary call is answered by its request; the first byte says after how many waits. A stream gives every message back.
async fn handler(mut call: ServerCall) -> (ServerCall, Result<(), Status>) {
    if call.context.method() == "/t.T/Unary" {
        let (mut call, result) = echo(call);
        for _ in 0..call.reply.message.first().copied().unwrap_or_default() % 4 {
            yield_now().await;
        }
        call.reply.headers = Metadata::new();
        return (call, result);
    }
    let mut requests = call.async_receiver(<Raw as Decode<Bytes>>::decode);
    let mut replies = call.async_sender(<Raw as Encode<Bytes>>::encode);
    let result = async {
        while let Some(message) = requests.recv().await? {
            if message[0] % 3 == 0 {
                yield_now().await;
            }
            replies.send(message).await?;
        }
        Ok(())
    }
    .await;
    drop((requests, replies));
    (call, result)
}

struct World {
    rig: Rig,
    random: Random,
    tasks: Vec<Task>,
    calls: Vec<Call>,
    /// On the way from the client.
    wire: Vec<u8>,
}

impl World {
    fn new(seed: u64) -> Self {
        let rig = Rig::serving(|call, _| handler(call));
        World { rig, random: Random::seed(seed), tasks: Vec::new(), calls: Vec::new(), wire: Vec::new() }
    }

    fn message(&mut self) -> Vec<u8> {
        let length = if self.random.one_in(10) { 1 + self.random.below(60_000) } else { 1 + self.random.below(200) };
        vec![self.random.below(256) as u8; length]
    }

    fn start(&mut self) {
        let message = self.message();
        let streams = self.random.one_in(2);
        let (id, sent) = match streams {
            true => (self.rig.bidi(), Vec::new()),
            false => (self.rig.unary(&message), vec![message]),
        };
        self.calls.push(Call { id, streams, sent, received: Vec::new(), open: streams, ended: None });
    }

    /// Something that the client does to one of its calls.
    fn act(&mut self) {
        let message = self.message();
        let (now, which, what) = (self.rig.now(), self.random.below(self.calls.len().max(1)), self.random.below(10));
        let Some(call) = self.calls.get_mut(which).filter(|call| call.ended.is_none()) else { return };
        match what {
            0 => {
                let core = self.rig.client.call(call.id).expect("it was not released");
                core.release(now);
                call.ended = Some(Code::Cancelled);
            }
            1 if call.open => {
                call.open = false;
                let _ = self.rig.client.call(call.id).expect("it was not released").finish(now);
            }
            2..=6 if call.open => {
                let mut core = self.rig.client.call(call.id).expect("it was not released");
                if core.send(now, &message[..]).is_ok() {
                    call.sent.push(message);
                }
            }
            _ => self.pull(which),
        }
    }

    /// The client takes what has come of a call.
    fn pull(&mut self, which: usize) {
        while self.calls[which].ended.is_none() {
            match self.rig.take(self.calls[which].id) {
                Ok(message) => self.calls[which].received.push(message),
                Err(None) => return,
                Err(Some(code)) => {
                    self.calls[which].ended = Some(code);
                    let now = self.rig.now();
                    self.rig.client.call(self.calls[which].id).expect("it was not released").release(now);
                }
            }
        }
    }

    /// Some of what the client has written arrives.
    fn arrive(&mut self, all: bool) {
        self.wire.extend(self.rig.output());
        let count = if all { self.wire.len() } else { self.random.below(self.wire.len() + 1) };
        let bytes: Vec<u8> = self.wire.drain(..count).collect();
        if !bytes.is_empty() {
            self.rig.pipe.feed(&bytes);
        }
    }

    /// Polls one of those that were woken; false: there is none.
    fn poll(&mut self) -> bool {
        self.tasks.extend(self.rig.spawned());
        self.tasks.retain(|task| !task.is_finished());
        let mut woken: Vec<usize> = (0..self.tasks.len()).filter(|&i| self.tasks[i].wants_poll()).collect();
        if self.rig.woken() > 0 {
            woken.push(usize::MAX);
        }
        if woken.is_empty() {
            return false;
        }
        match woken[self.random.below(woken.len())] {
            usize::MAX => self.rig.poll(),
            which => self.tasks[which].poll(),
        }
        true
    }

    fn step(&mut self) {
        match self.random.below(20) {
            0 if self.calls.len() < 30 => self.start(),
            0..=4 => self.act(),
            5..=7 => self.arrive(false),
            8 => {
                let room: Vec<usize> = (0..self.random.below(4)).map(|_| 1 + self.random.below(3000)).collect();
                self.rig.pipe.room(&room);
            }
            9 => self.rig.pipe.room_for_all(),
            10..=12 => self.rig.listen(),
            _ => {
                self.poll();
            }
        }
    }

    /// Nothing stands in the way any more: everything comes to its end, without a poll of anybody who was not woken.
    fn finish(&mut self) {
        self.rig.pipe.room_for_all();
        let now = self.rig.now();
        for call in self.calls.iter_mut().filter(|call| call.open && call.ended.is_none()) {
            let _ = self.rig.client.call(call.id).expect("it was not released").finish(now);
        }
        for _ in 0..10_000 {
            while self.poll() {}
            self.rig.listen();
            (0..self.calls.len()).for_each(|which| self.pull(which));
            self.arrive(true);
            if self.calls.iter().all(|call| call.ended.is_some()) && self.rig.woken() == 0 && !self.poll() {
                return;
            }
        }
    }
}

#[test]
fn whoever_is_to_go_on_is_woken_and_every_call_gets_what_it_sent() {
    for seed in 0..200 {
        let mut world = World::new(seed);
        for _ in 0..400 {
            world.step();
        }
        world.finish();
        for (n, call) in world.calls.iter().enumerate() {
            match call.ended {
                Some(Code::Ok) => assert_eq!(call.received, call.sent, "seed {seed}, call {n}"),
                Some(Code::Cancelled) => assert!(call.sent.starts_with(&call.received), "seed {seed}, call {n}"),
                other => {
                    panic!("seed {seed}, call {n} (streams: {}): {other:?}, {:?}", call.streams, world.rig.hub.counts())
                }
            }
        }
        assert_eq!(world.rig.hub.running(), 0, "seed {seed}: a handler is left");
        assert_eq!(world.rig.hub.counts().unsent, 0, "seed {seed}: output is left");
    }
}
