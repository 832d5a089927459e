//! The pipe by itself, with a peer that is driven by hand.

use super::TlsPipe;
use crate::os::memory::MemoryPipe;
use crate::os::{Os, Pipe, RealOs};
use proto_tls::Stage;
use proto_tls::testkit::Authority;
use std::io::ErrorKind;
use std::sync::Arc;

/// Our pipe, a server's; its peer: the bytes and the stage.
struct World {
    pipe: Arc<dyn Pipe>,
    far: Arc<MemoryPipe>,
    peer: Stage,
}

impl World {
    /// After the handshake.
    fn new() -> Self {
        let os: Arc<dyn Os> = RealOs::shared();
        let authority = Authority::new("tests").expect("the system has random numbers");
        let server = authority.issue("localhost").expect("a name").server().build().expect("good settings");
        let peer = authority.client().build().expect("good settings").stage("localhost").expect("a name");
        let (near, far) = MemoryPipe::pair(&os);
        let pipe = TlsPipe::shared(&os, near, server.stage().expect("good settings"));
        let mut world = World { pipe, far, peer };
        assert!(!world.pipe.connected().expect("nothing has come"));
        while !world.pipe.connected().expect("a good peer") {
            world.exchange();
        }
        world.exchange();
        world
    }

    /// The peer says what it has to say, and hears what there is.
    fn exchange(&mut self) {
        let mut out = Vec::new();
        self.peer.poll_transmit(&mut out);
        self.say(&out);
        let mut buf = vec![0; 100_000];
        while let Ok(n @ 1..) = self.far.try_read(&mut buf) {
            self.peer.receive(&buf[..n]).expect("good records");
        }
    }

    fn say(&self, bytes: &[u8]) {
        if !bytes.is_empty() {
            assert_eq!(self.far.try_write(&[bytes]).expect("there is room"), bytes.len());
        }
    }

    /// A record with this in it.
    fn record(&mut self, plaintext: &[u8]) -> Vec<u8> {
        assert_eq!(self.peer.send([plaintext]), plaintext.len());
        let mut record = Vec::new();
        self.peer.poll_transmit(&mut record);
        record
    }
}

#[test]
fn what_was_read_before_a_fault_comes_before_it_and_what_comes_after_it_is_dropped() {
    let mut world = World::new();
    let (good, mut bad, late) = (world.record(b"good"), world.record(b"bad"), world.record(b"late"));
    *bad.last_mut().expect("a record has bytes") ^= 1;
    world.say(&[good, bad].concat());
    let mut buf = [0; 100];
    assert_eq!(world.pipe.try_read(&mut buf).expect("it was good"), 4);
    let error = world.pipe.try_read(&mut buf).expect_err("a byte was changed");
    assert!(error.to_string().starts_with("TLS fault of the client"), "{error}");
    world.say(&late);
    assert_eq!(world.pipe.try_read(&mut buf).expect_err("nothing counts any more").kind(), ErrorKind::WouldBlock);
    assert!(world.pipe.try_write(&[b"x"]).is_err());
    world.far.close();
    assert_eq!(world.pipe.try_read(&mut buf).expect("the end"), 0);
}

#[test]
fn a_read_fills_its_buffer_or_drains_the_pipe_and_a_wait_knows_what_is_left() {
    let mut world = World::new();
    let records = [world.record(&[1; 700]), world.record(&[2; 700])].concat();
    world.say(&records);
    let mut buf = [0; 1000];
    assert_eq!(world.pipe.try_read(&mut buf).expect("it is here"), 1000);
    assert!(world.pipe.wait(true, false, None).expect("400 bytes are left").read);
    assert_eq!(world.pipe.try_read(&mut buf).expect("it is here"), 400);
    assert_eq!(world.pipe.try_read(&mut buf).expect_err("that was all").kind(), ErrorKind::WouldBlock);
}

#[test]
fn an_end_inside_a_record_is_an_error_and_one_between_two_is_none() {
    for cut in [0, 1] {
        let mut world = World::new();
        let record = world.record(b"last");
        world.say(&record[..record.len() - cut]);
        world.far.close();
        let mut buf = [0; 100];
        if cut == 0 {
            assert_eq!(world.pipe.try_read(&mut buf).expect("the record was whole"), 4);
            assert_eq!(world.pipe.try_read(&mut buf).expect("the end"), 0);
        } else {
            let error = world.pipe.try_read(&mut buf).expect_err("a byte is missing");
            assert_eq!(error.to_string(), "the client's bytes ended inside a TLS record");
        }
    }
}

#[test]
fn a_write_that_does_not_fit_is_reported_by_the_records_that_left() {
    let mut world = World::new();
    // More than the pipe below holds.
    let text: Vec<u8> = (0..200_000).map(|i| (i % 251) as u8).collect();
    let (mut left, mut heard, mut buf) = (&text[..], Vec::new(), vec![0; 30_000]);
    while !left.is_empty() {
        match world.pipe.try_write(&[&left[..left.len().min(5)], &left[left.len().min(5)..]]) {
            Ok(n) => left = &left[n..],
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::WouldBlock);
                let n = world.far.try_read(&mut buf).expect("it is full");
                world.peer.receive(&buf[..n]).expect("good records");
                heard.extend(read(&mut world.peer));
            }
        }
    }
    // All is reported: all has left, without another write.
    world.exchange();
    heard.extend(read(&mut world.peer));
    assert!(heard == text);
}

fn read(stage: &mut Stage) -> Vec<u8> {
    let (mut all, mut buf) = (Vec::new(), [0; 5_000]);
    loop {
        match stage.read(&mut buf) {
            0 => return all,
            n => all.extend_from_slice(&buf[..n]),
        }
    }
}

/// Calls behind bytes that were not reported may be sent again elsewhere: they must not arrive here later.
#[test]
fn a_record_that_was_not_reported_does_not_leave_with_the_close() {
    let mut world = World::new();
    let text = vec![7; 200_000];
    let mut reported = 0;
    while let Ok(n) = world.pipe.try_write(&[&text[reported..]]) {
        reported += n;
    }
    let (mut heard, mut buf) = (0, vec![0; 100_000]);
    let n = world.far.try_read(&mut buf).expect("it is full");
    world.peer.receive(&buf[..n]).expect("good records");
    // There is room again, and the pipe closes.
    world.pipe.close();
    while let Ok(n @ 1..) = world.far.try_read(&mut buf) {
        world.peer.receive(&buf[..n]).expect("good records");
    }
    heard += read(&mut world.peer).len();
    assert_eq!(heard, reported);
}

#[test]
fn a_close_says_close_notify() {
    let mut world = World::new();
    assert_eq!(world.pipe.try_write(&[b"bye"]).expect("there is room"), 3);
    world.pipe.close();
    world.exchange();
    assert_eq!(read(&mut world.peer), b"bye");
    assert!(world.peer.is_peer_closed());
}
