//! The frames of gRPC's messages: any body, in DATA frames of any size, pulled at any time, at a server and at a client, against a deframer that
//! has the whole body before it.

use crate::input::Input;
use crate::wire;
use bytes::Buf;
use proto_core::call::{CallId, CallOptions, Head, Kind, Recv};
use proto_core::connection::{Connection, Event};
use proto_core::frame::{flag, kind};
use proto_core::h2::Side;
use proto_core::testkit::{Clock, Endpoint, H2Raw, Random};
use proto_core::{Code, Config, MessageBuf};

/// Longer bodies would need more than the window.
const LONGEST: usize = 60_000;

/// What a body means.
struct Expected<'a> {
    messages: Vec<&'a [u8]>,
    /// What is wrong with what stands behind the last message.
    fault: Option<Code>,
    /// A part of a message stands at the end.
    partial: bool,
}

fn expected(body: &[u8], limit: usize) -> Expected<'_> {
    let (mut rest, mut messages) = (body, Vec::new());
    loop {
        let fault = |code| Expected { messages: Vec::new(), fault: Some(code), partial: false };
        let expected = match *rest {
            [] => Expected { messages: Vec::new(), fault: None, partial: false },
            [flag, ..] if flag > 0 => fault(Code::Internal),
            [_, a, b, c, d, ref behind @ ..] => {
                let len = u32::from_be_bytes([a, b, c, d]) as usize;
                if len > limit {
                    fault(Code::ResourceExhausted)
                } else if let Some((message, behind)) = behind.split_at_checked(len) {
                    messages.push(message);
                    rest = behind;
                    continue;
                } else {
                    Expected { messages: Vec::new(), fault: None, partial: true }
                }
            }
            _ => Expected { messages: Vec::new(), fault: None, partial: true },
        };
        return Expected { messages, ..expected };
    }
}

/// See the module.
pub fn run(data: &[u8]) {
    let mut input = Input::new(data);
    let options = input.byte();
    let limit = input.pick(&[100, 0, 5, 4_096]);
    let random = Random::seed(input.byte().into());
    let body = input.take(LONGEST);
    let config = Config { max_receive_message_size: limit, ..Config::default() };
    let now = Clock::new().now();
    let play = Play { random, body, limit, eager: options & 2 == 2, ended: options & 4 == 4, got: Vec::new() };
    if options & 1 == 0 {
        let mut raw = H2Raw::over(Side::Server, Connection::server(config, now));
        raw.greet();
        raw.send_headers(1, &wire::REQUEST, false).expect("a good request");
        let id = raw.connection.accept().expect("a call");
        raw.connection.call(id).expect("accepted").set_kind(Kind::BIDI);
        play.run(raw, id, &[]);
    } else {
        let mut raw = H2Raw::over(Side::Client, Connection::client(config, now));
        raw.greet();
        let options = CallOptions { kind: Kind::BIDI, ..CallOptions::default() };
        let id = raw.connection.start(now, Head::new("/a.B/C"), &options).expect("the first call");
        raw.frames();
        raw.send_headers(1, &wire::RESPONSE, false).expect("a good answer");
        play.run(raw, id, &wire::block(&[("grpc-status", "0")]));
    }
}

struct Play<'a> {
    random: Random,
    body: &'a [u8],
    limit: usize,
    /// Pulls after every frame; otherwise when chance wants it.
    eager: bool,
    /// The peer ends the stream.
    ended: bool,
    got: Vec<Vec<u8>>,
}

impl Play<'_> {
    /// `trailers`: how the stream ends; by the last DATA frame where it is empty.
    fn run<R>(mut self, mut raw: H2Raw<Connection<R>>, id: CallId, trailers: &[u8])
    where
        Connection<R>: Endpoint,
    {
        let most = [1 + self.body.len(), 7, 300][self.random.below(3)];
        let mut last = Recv::Pending;
        let mut rest = self.body;
        while !rest.is_empty() {
            // Not too many frames of a few bytes, which would be an attack.
            let n = if self.random.one_in(4) { 1 + self.random.below(most) } else { most.max(64) };
            let (piece, tail) = rest.split_at(n.min(rest.len()));
            rest = tail;
            raw.send_data(1, piece, false).expect("good DATA");
            if self.eager || self.random.one_in(4) {
                last = self.pull(&mut raw, id);
            }
        }
        if self.ended && trailers.is_empty() {
            raw.send_data(1, &[], true).expect("good DATA");
        } else if self.ended {
            let flags = flag::END_HEADERS | flag::END_STREAM;
            // The stream may have been reset by then; that is no fault of the connection's.
            raw.send_frame(kind::HEADERS, flags, 1, trailers).expect("good trailers");
        }
        if matches!(last, Recv::Pending) {
            last = self.pull(&mut raw, id);
        }
        self.check(&last);
        while let Some(event) = raw.connection.poll_event() {
            assert!(!matches!(event, Event::Closed), "{:?}", raw.connection.close_reason());
        }
        let now = raw.clock.now();
        raw.connection.call(id).expect("not released").release(now);
        assert_eq!((raw.connection.active_calls(), raw.connection.borrowed()), (0, 0));
    }

    /// Pulls until there is no message.
    fn pull<R>(&mut self, raw: &mut H2Raw<Connection<R>>, id: CallId) -> Recv {
        let (now, mut buf) = (raw.clock.now(), MessageBuf::new());
        loop {
            let recv = raw.connection.call(id).expect("not released").recv(now, &mut buf);
            match recv {
                Recv::Message => self.got.push(buf.copy_to_bytes(buf.remaining()).to_vec()),
                other => return other,
            }
        }
    }

    fn check(&self, last: &Recv) {
        let Expected { messages, fault, partial } = expected(self.body, self.limit);
        let fault = fault.or((partial && self.ended).then_some(Code::Internal));
        let whole = fault.is_none();
        // A verdict of this side's comes at once: messages before the fault may be lost with it.
        assert!(self.got.len() == messages.len() || (!whole && self.got.len() < messages.len()));
        assert!(self.got.iter().zip(messages).all(|(got, message)| got == message));
        match (fault, last) {
            (None, Recv::End) => assert!(self.ended),
            (None, Recv::Pending) => assert!(!self.ended),
            (Some(code), Recv::Failed(status)) => assert_eq!(status.code(), code),
            (fault, last) => panic!("{last:?} instead of {fault:?}"),
        }
    }
}

/// Seeds: good messages, parts, and what breaks each rule.
pub fn seeds() -> Vec<Vec<u8>> {
    let good = [wire::message(b""), wire::message(b"Ada"), wire::message(&[7; 90])].concat();
    let bodies = [
        good.clone(),
        [&good[..], &[0, 0, 0]].concat(),
        [&good[..], &[0, 0, 0, 0, 50, 1, 2, 3]].concat(),
        [&good[..], &[1, 0, 0, 0, 0]].concat(),
        [&good[..], &[2]].concat(),
        [&good[..], &[0, 0, 0, 0, 101], &[7; 101]].concat(),
        [&good[..], &[0, 0xff, 0xff, 0xff, 0xff]].concat(),
        Vec::new(),
    ];
    let mut seeds = Vec::new();
    for options in 0..8 {
        for (at, body) in bodies.iter().enumerate() {
            seeds.push([&[options, 0, at as u8][..], body].concat());
        }
    }
    seeds
}
