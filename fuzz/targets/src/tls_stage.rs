//! The TLS stage (`proto_tls`): a server's and a client's end that are fed any bytes, and both wired together by a network that chops, stops and
//! changes bytes. No panic; an error stays; how bytes are chopped changes nothing; plaintext arrives as it was sent, up to where bytes were
//! changed; what is reported as written has left; nothing follows a close_notify; and without faults everything arrives and both ends close
//! properly.
//!
//! Keys and nonces come from the system, so that two runs of one input differ in them, and in nothing that is asserted.

use crate::input::Input;
use proto_core::testkit::Random;
use proto_tls::{ClientTls, Outbox, ServerTls, Stage, TlsAcceptor, TlsConnector};
use std::panic;
use std::sync::{LazyLock, Once};

/// Plaintext of one direction, bytes at most.
const LONGEST: usize = 200_000;
/// Of the second byte: the end that is fed has closed before.
const CLOSED: u8 = 0x80;

/// Made once: a self-signed certificate, and whoever trusts it.
static ENDS: LazyLock<(TlsConnector, TlsAcceptor)> = LazyLock::new(|| {
    let key = rcgen::KeyPair::generate_for(&rcgen::PKCS_ED25519).expect("the system has random numbers");
    let names = rcgen::CertificateParams::new(["localhost".to_owned()]).expect("a good name");
    let certificate = names.self_signed(&key).expect("good parameters").pem();
    let client = ClientTls::new().with_roots_pem(&certificate).build().expect("good settings");
    let server = ServerTls::new(&certificate, key.serialize_pem()).build().expect("good settings");
    (client, server)
});

fn client() -> Stage {
    ENDS.0.stage("localhost").expect("a good name")
}

fn server() -> Stage {
    ENDS.1.stage().expect("good settings")
}

/// libFuzzer's panic hook aborts before anybody can catch a panic. The one that the stage catches (`proto_tls::Stage::close`) is kept from it.
fn let_the_stage_catch() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let others = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            let in_rustls = info.location().is_some_and(|at| at.file().contains("rustls"));
            let text = info.payload().downcast_ref::<&str>().copied().unwrap_or_default();
            if !(in_rustls && text.contains("sent_fatal_alert")) {
                others(info);
            }
        }));
    });
}

/// See the module.
pub fn run(data: &[u8]) {
    let_the_stage_catch();
    let mut input = Input::new(data);
    match input.byte() % 3 {
        0 => alone(&mut input, server),
        1 => alone(&mut input, client),
        _ => Wired::new().run(&mut input),
    }
}

/// One end that is fed bytes, perhaps after it has closed: in pieces, and one by one.
fn alone(input: &mut Input<'_>, make: fn() -> Stage) {
    let how = input.byte();
    let mut random = Random::seed(how.into());
    let bytes = input.rest();
    let stage = || {
        let mut stage = make();
        if how & CLOSED != 0 {
            stage.close();
        }
        stage
    };
    let whole = feed(stage(), bytes, |left| left);
    assert_eq!(feed(stage(), bytes, |left| 1 + random.below(left.min(100))), whole, "chopping changes nothing");
}

/// Feeds it, and says whether it failed; the end of the bytes is no fault here.
fn feed(mut stage: Stage, bytes: &[u8], mut size: impl FnMut(usize) -> usize) -> bool {
    let (mut rest, mut out, mut plaintext) = (bytes, Vec::new(), [0; 512]);
    stage.poll_transmit(&mut out);
    while !rest.is_empty() {
        let (piece, tail) = rest.split_at(size(rest.len()));
        rest = tail;
        if let Err(error) = stage.receive(piece) {
            assert!(!error.to_string().is_empty());
            assert_eq!(stage.receive(b"more"), Err(error.clone()), "it stays so");
            assert_eq!(stage.failure(), Some(&error));
            assert!(!stage.is_established() && stage.send([&b"x"[..]]) == 0);
        }
        assert_eq!(stage.read(&mut plaintext), 0, "nobody has agreed on keys");
        stage.poll_transmit(&mut out);
    }
    let failed = stage.failure().is_some();
    assert!(stage.receive_eof().is_err(), "it ended inside the handshake");
    failed
}

/// One end of two.
struct End {
    stage: Stage,
    outbox: Outbox,
    /// Plaintext to be sent; `reported` of it has left.
    queue: Vec<u8>,
    reported: usize,
    /// Ciphertext on its way.
    wire: Vec<u8>,
    /// Plaintext that was read.
    got: usize,
    closed: bool,
}

impl End {
    fn new(stage: Stage) -> Self {
        End { stage, outbox: Outbox::new(), queue: Vec::new(), reported: 0, wire: Vec::new(), got: 0, closed: false }
    }

    fn queue(&mut self, n: usize) {
        let n = n.min(LONGEST - self.queue.len());
        if !self.closed {
            let at = self.queue.len();
            self.queue.extend((at..at + n).map(pattern));
        }
    }

    /// One write to a socket that takes `room` bytes.
    fn write(&mut self, room: usize) {
        assert!(!self.closed || !self.stage.wants_output(), "nothing follows a close_notify");
        self.outbox.fill(&mut self.stage, [&self.queue[self.reported..]]);
        let bytes = self.outbox.bytes();
        let n = bytes.len().min(room);
        self.wire.extend_from_slice(&bytes[..n]);
        self.outbox.advance(n);
        self.reported += self.outbox.take_accepted();
        assert!(self.reported <= self.queue.len(), "nothing is reported that was not to be sent");
    }

    fn read(&mut self, n: usize) {
        let mut plaintext = vec![0; n];
        let n = self.stage.read(&mut plaintext);
        self.got(&plaintext[..n]);
    }

    fn got(&mut self, plaintext: &[u8]) {
        for byte in plaintext {
            assert_eq!(*byte, pattern(self.got), "byte {} of the plaintext", self.got);
            self.got += 1;
        }
    }

    /// Ends this direction, once everything has left.
    fn close(&mut self) {
        if self.stage.is_established() && self.reported == self.queue.len() {
            self.stage.close();
            self.outbox.collect(&mut self.stage);
            self.closed = true;
        }
    }
}

fn pattern(at: usize) -> u8 {
    (at * 31 % 251) as u8
}

/// Two ends and what is between them.
struct Wired {
    ends: [End; 2],
    /// Bytes were changed on the way.
    changed: bool,
}

impl Wired {
    fn new() -> Self {
        Wired { ends: [End::new(client()), End::new(server())], changed: false }
    }

    fn run(mut self, input: &mut Input<'_>) {
        for _ in 0..1_000 {
            if input.is_empty() {
                break;
            }
            let what = input.byte();
            let amount = usize::from(input.byte());
            let from = usize::from(what & 1);
            let many = amount * amount;
            match what / 2 % 8 {
                0 | 1 => self.ends[from].queue(many),
                2 => self.ends[from].write(many),
                3 => self.carry(from, many),
                4 => self.ends[from].read(many),
                5 => {
                    self.ends[from].write(usize::MAX);
                    self.carry(from, usize::MAX);
                }
                6 => self.change(from, input.u16().into(), amount),
                _ => self.ends[from].close(),
            }
        }
        self.finish();
    }

    /// Some of what one end wrote arrives at the other, if that reads.
    fn carry(&mut self, from: usize, most: usize) {
        let [client, server] = &mut self.ends;
        let (from, to) = if from == 0 { (client, server) } else { (server, client) };
        if to.stage.wants_input() {
            let n = from.wire.len().min(most);
            // With an odd number of bytes, what there is room for is read at once.
            if n % 2 == 0 {
                let outcome = to.stage.receive(&from.wire[..n]);
                assert!(outcome.is_ok() || self.changed, "{outcome:?}");
            } else {
                let mut plaintext = vec![0; n / 2];
                let read = to.stage.receive_into(&from.wire[..n], &mut plaintext);
                to.got(&plaintext[..read]);
                assert!(to.stage.failure().is_none() || self.changed, "{:?}", to.stage);
            }
            from.wire.drain(..n);
        }
    }

    /// A byte changes on the way.
    fn change(&mut self, from: usize, at: usize, by: usize) {
        let wire = &mut self.ends[from].wire;
        if !wire.is_empty() && by != 0 {
            let at = at % wire.len();
            // Below 256.
            wire[at] ^= by as u8;
            self.changed = true;
        }
    }

    /// The network works, both ends send what they have, and close.
    fn finish(mut self) {
        for _ in 0..10_000 {
            let before = self.progress();
            for from in 0..2 {
                self.ends[from].close();
                self.ends[from].write(usize::MAX);
                self.carry(from, usize::MAX);
                self.ends[from].read(16 * 1024);
            }
            if self.progress() == before {
                break;
            }
        }
        let [client, server] = &self.ends;
        for (from, to) in [(client, server), (server, client)] {
            assert!(to.got <= from.queue.len());
            if !self.changed {
                assert!(to.stage.failure().is_none() && from.closed && to.stage.is_peer_closed());
                assert_eq!((from.reported, to.got), (from.queue.len(), from.queue.len()), "everything arrives");
            }
        }
    }

    fn progress(&self) -> impl PartialEq + use<> {
        self.ends.each_ref().map(|end| {
            let state = (end.stage.is_established(), end.stage.is_peer_closed(), end.stage.failure().is_some());
            (end.reported, end.got, end.closed, end.wire.len(), state)
        })
    }
}

/// An extension of a ClientHello (RFC 8446 section 4.2).
fn extension(kind: u16, body: &[u8]) -> Vec<u8> {
    [&kind.to_be_bytes()[..], &(body.len() as u16).to_be_bytes(), body].concat()
}

/// A ClientHello of TLS 1.3 in one record, always the same.
fn client_hello() -> Vec<u8> {
    let extensions = [
        extension(0, b"\0\x0c\0\0\x09localhost"),
        extension(10, &[0, 4, 0, 0x1d, 0, 0x17]),
        extension(13, &[0, 6, 8, 7, 4, 3, 8, 4]),
        extension(16, b"\0\x03\x02h2"),
        extension(43, &[4, 3, 4, 3, 3]),
        extension(45, &[1, 1]),
        extension(51, &[&[0, 36, 0, 0x1d, 0, 32][..], &[9; 32]].concat()),
    ]
    .concat();
    let body = [
        &[3, 3][..],
        &[7; 32],
        &[0],
        &[0, 6, 0x13, 1, 0x13, 2, 0x13, 3],
        &[1, 0],
        &(extensions.len() as u16).to_be_bytes(),
        &extensions,
    ]
    .concat();
    let handshake = [&[1, 0][..], &(body.len() as u16).to_be_bytes(), &body].concat();
    [&[22, 3, 1][..], &(handshake.len() as u16).to_be_bytes(), &handshake].concat()
}

/// Seeds: a good hello, strangers, and sequences of operations.
pub fn seeds() -> Vec<Vec<u8>> {
    let hello = client_hello();
    let server_hello = {
        let extensions = [extension(43, &[3, 4]), extension(51, &[&[0, 0x1d, 0, 32][..], &[9; 32]].concat())].concat();
        let body = [&[3, 3][..], &[7; 32], &[0, 0x13, 1, 0], &(extensions.len() as u16).to_be_bytes(), &extensions];
        let body = body.concat();
        let handshake = [&[2, 0][..], &(body.len() as u16).to_be_bytes(), &body].concat();
        [&[22, 3, 3][..], &(handshake.len() as u16).to_be_bytes(), &handshake].concat()
    };
    let alert = [21, 3, 3, 0, 2, 2, 40];
    let close = [21, 3, 3, 0, 2, 1, 0];
    let mut seeds = Vec::new();
    for (side, first) in [(0, &hello), (1, &server_hello)] {
        seeds.push([&[side, 1][..], first].concat());
        seeds.push([&[side, 1][..], first, &[20, 3, 3, 0, 1, 1], &[23, 3, 3, 0, 20], &[5; 20]].concat());
        for bytes in
            [&alert[..], &close, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"GET / HTTP/1.1\r\n\r\n", b"SSH-2.0-x\r\n"]
        {
            seeds.push([&[side, 5][..], bytes].concat());
            seeds.push([&[side, 0][..], first, bytes].concat());
        }
        seeds.push([&[side, 2][..], &first[..20]].concat());
        seeds.push([&[side, 2, 22, 3, 3, 0x40, 0][..], &[1; 200]].concat());
        seeds.push([&[side, CLOSED | 3][..], first, &[23, 3, 3, 0, 20], &[5; 20]].concat());
        seeds.push([&[side, CLOSED | 4, 22, 3, 3, 0, 4, 9, 0, 0, 0][..], first].concat());
    }
    // Two ends: all at once, in small pieces, with a changed byte, and closed early.
    seeds.push(vec![2]);
    seeds.push([&[2][..], &[0, 200, 1, 255, 10, 0, 11, 0, 10, 0, 11, 0, 10, 0, 9, 255, 8, 255]].concat());
    let mut small = vec![2];
    for n in 0..200_u8 {
        small.extend([n % 14, 1 + n % 40]);
        if n % 14 >= 12 {
            small.extend([n, 0]);
        }
    }
    seeds.push(small.iter().copied().filter(|b| *b != 12 && *b != 13).collect());
    seeds.push(small);
    seeds.push(vec![2, 10, 0, 11, 0, 10, 0, 14, 0, 0, 100, 15, 0, 10, 0, 11, 0]);
    // The client closes; then a record of the server's is changed, before anybody has read it.
    for at in [0, 3, 60] {
        seeds.push(vec![2, 10, 0, 11, 0, 10, 0, 11, 0, 14, 0, 1, 10, 5, 255, 13, 1, at, 0, 11, 0, 8, 255]);
    }
    seeds
}
