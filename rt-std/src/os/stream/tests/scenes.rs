//! What is played: at one end a stream that somebody else made, as the runtime has it; at the other the bare link.

use crate::os::{ByteStream, Halves, Os, Pipe, StreamError};
use crate::testkit::{Sim, Task};
use proto_core::time::Instant;
use std::io::{self, ErrorKind, Read, Write};
use std::sync::Arc;
use std::time::Duration;

const MS: Duration = Duration::from_millis(1);
const SEC: Duration = Duration::from_secs(1);

/// A scene: its name, and how it is played.
pub(super) struct Scene {
    pub(super) name: &'static str,
    pub(super) play: fn(&Sim),
}

pub(super) const ALL: &[Scene] = &[
    Scene { name: "both ways, in non-blocking mode", play: |sim| both_ways(sim, turns(NEVER_WAITS, NEVER_WAITS)) },
    Scene { name: "both ways, with time-outs", play: |sim| both_ways(sim, turns(WAITS_A_LITTLE, WAITS_A_LITTLE)) },
    Scene { name: "both ways, with a read time-out", play: |sim| both_ways(sim, turns(WAITS_A_LITTLE, Waits)) },
    Scene { name: "both ways, in halves", play: |sim| both_ways(sim, halves(Waits, Waits)) },
    Scene {
        name: "both ways, in halves that give up",
        play: |sim| both_ways(sim, halves(NEVER_WAITS, WAITS_A_LITTLE)),
    },
    Scene { name: "questions and answers, in non-blocking mode", play: questions_and_answers },
    Scene { name: "a read that blocks", play: a_read_that_blocks },
    Scene { name: "a write that blocks", play: a_write_that_blocks },
    Scene {
        name: "a write that fails before replies come, in turns",
        play: |sim| replies(sim, turns(NEVER_WAITS, Fails)),
    },
    Scene { name: "a write that fails before replies come, in halves", play: |sim| replies(sim, halves(Waits, Fails)) },
    Scene { name: "a write that fails, and silence, in turns", play: |sim| silence(sim, turns(Waits, Fails)) },
    Scene { name: "a write that fails, and silence, in halves", play: |sim| silence(sim, halves(Waits, Fails)) },
    Scene { name: "a read that fails, in turns", play: |sim| a_read_that_fails(sim, turns(Fails, NEVER_WAITS)) },
    Scene { name: "a read that fails, in halves", play: |sim| a_read_that_fails(sim, halves(Fails, Waits)) },
    Scene { name: "last words, in non-blocking mode", play: |sim| last_words(sim, turns(NEVER_WAITS, NEVER_WAITS)) },
    Scene { name: "last words to a peer that has said all, in turns", play: last_words_after_the_end },
    Scene { name: "last words, in halves", play: |sim| last_words(sim, halves(Waits, Waits)) },
    Scene { name: "a peer that reads no more", play: a_peer_that_reads_no_more },
];

/// How a stream reads, or writes.
#[derive(Clone, Copy, PartialEq)]
enum Manner {
    /// Waits for so long.
    Until(Duration),
    Waits,
    /// Waits, and fails the second time.
    Fails,
    /// Waits, and the second time for the end of the link.
    Sticks,
}

const NEVER_WAITS: Manner = Manner::Until(Duration::ZERO);
const WAITS_A_LITTLE: Manner = Manner::Until(MS);
use Manner::{Fails, Sticks, Waits};

/// Somebody else's stream.
struct Stream {
    link: Arc<dyn Pipe>,
    os: Arc<dyn Os>,
    reads: Manner,
    writes: Manner,
    times: u32,
}

impl Stream {
    /// Until when it waits now.
    fn begin(&mut self, manner: Manner) -> io::Result<Option<Instant>> {
        match manner {
            Manner::Until(time) => return Ok(Some(self.os.now() + time)),
            Waits => {}
            Fails | Sticks if self.times == 0 => self.times = 1,
            Fails => return Err(io::Error::new(ErrorKind::BrokenPipe, "the cable is cut")),
            Sticks => {
                let _ = self.link.wait(true, false, None);
                return Err(ErrorKind::BrokenPipe.into());
            }
        }
        Ok(None)
    }
}

impl Read for Stream {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let until = self.begin(self.reads)?;
        self.link.read(buf, until)
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let until = self.begin(self.writes)?;
        loop {
            match self.link.try_write(&[bytes]) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    if until.is_some_and(|until| self.os.now() >= until) {
                        return Err(error);
                    }
                    self.link.wait(false, true, until)?;
                }
                other => return other,
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn stream(sim: &Sim, link: &Arc<dyn Pipe>, reads: Manner, writes: Manner) -> Stream {
    Stream { link: link.clone(), os: sim.os(), reads, writes, times: 0 }
}

/// How a link becomes the runtime's pipe.
type Made = Box<dyn Fn(&Sim, Arc<dyn Pipe>) -> Arc<dyn Pipe>>;

fn turns(reads: Manner, writes: Manner) -> Made {
    Box::new(move |sim, link| stream(sim, &link, reads, writes).into_pipe(&sim.os()).expect("threads"))
}

fn halves(reads: Manner, writes: Manner) -> Made {
    Box::new(move |sim, link| {
        let halves = Halves::new(stream(sim, &link, reads, writes), stream(sim, &link, reads, writes));
        halves.into_pipe(&sim.os()).expect("threads")
    })
}

/// The runtime's end, and the bare one.
fn ends(sim: &Sim, made: Made) -> (Arc<dyn Pipe>, Arc<dyn Pipe>) {
    let (near, far) = sim.pair();
    (made(sim, near), far)
}

fn bytes(count: usize) -> Vec<u8> {
    (0..count).map(|i| (i % 251) as u8).collect()
}

fn write_all(pipe: &Arc<dyn Pipe>, mut left: &[u8]) {
    while !left.is_empty() {
        match pipe.try_write(&[left]) {
            Ok(n) => left = &left[n..],
            Err(error) if error.kind() == ErrorKind::WouldBlock => drop(pipe.wait(false, true, None)),
            Err(error) => panic!("{error}"),
        }
    }
}

fn read_exactly(pipe: &Arc<dyn Pipe>, count: usize) -> Vec<u8> {
    let (mut all, mut buf) = (Vec::new(), [0; 5_000]);
    while all.len() < count {
        match pipe.read(&mut buf, None) {
            Ok(0) => panic!("it ended after {} of {count} bytes", all.len()),
            Ok(n) => all.extend(&buf[..n]),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => panic!("{error}"),
        }
    }
    all
}

/// The end: as it should be, or an error.
fn end(pipe: &Arc<dyn Pipe>) -> io::Result<()> {
    loop {
        match pipe.read(&mut [0; 100], None) {
            Ok(0) => return Ok(()),
            Ok(n) => panic!("{n} bytes more"),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => return Err(error),
        }
    }
}

fn failure(error: &io::Error) -> &StreamError {
    let error = error.get_ref().and_then(|error| error.downcast_ref());
    error.expect("it is the stream's error")
}

fn in_the_background(sim: &Sim, name: &str, run: impl FnOnce() + Send + 'static) -> Task<()> {
    sim.spawn(name, run)
}

/// More than every buffer holds, in both directions, while this end reads nothing before all was taken that it writes.
fn both_ways(sim: &Sim, made: Made) {
    const COUNT: usize = 120_000;
    let (near, far) = ends(sim, made);
    let (from, to) = (far.clone(), far.clone());
    let reader = in_the_background(sim, "reader", move || assert_eq!(read_exactly(&from, COUNT), bytes(COUNT)));
    let writer = in_the_background(sim, "writer", move || write_all(&to, &bytes(COUNT)));
    // Until nothing more can come.
    sim.sleep(SEC);
    write_all(&near, &bytes(COUNT));
    reader.join();
    assert_eq!(read_exactly(&near, COUNT), bytes(COUNT));
    writer.join();
    far.close();
    end(&near).expect("the end");
    near.close();
}

/// A question after a quiet while leaves at once; the answer to one that came at once is read soon.
fn questions_and_answers(sim: &Sim) {
    let (near, far) = ends(sim, turns(NEVER_WAITS, NEVER_WAITS));
    let (peer, inner) = (far.clone(), sim.clone());
    let answers = sim.spawn("peer", move || {
        for _ in 0..10 {
            read_exactly(&peer, 1);
            let came = inner.now();
            write_all(&peer, &came.as_nanos().to_be_bytes());
        }
    });
    let (mut left, mut back) = (Duration::ZERO, Duration::ZERO);
    for _ in 0..10 {
        sim.sleep(200 * MS);
        let asked = sim.now();
        write_all(&near, b"?");
        let mut answer = [0; 8];
        answer.copy_from_slice(&read_exactly(&near, 8));
        let came = Instant::from_nanos(u64::from_be_bytes(answer));
        left += came - asked;
        back += sim.now() - came;
    }
    answers.join();
    assert!(left <= 10 * MS, "questions took {left:?}");
    assert!(back <= 10 * MS, "answers took {back:?}");
    near.close();
}

/// It has its name within twice the bound, though nobody asks the time.
fn a_read_that_blocks(sim: &Sim) {
    let (near, far) = ends(sim, turns(Waits, Waits));
    // Its first read begins.
    sim.sleep(5 * MS);
    let began = sim.now();
    write_all(&near, b"preface");
    let error = end(&near).expect_err("it is stuck");
    assert!(matches!(failure(&error), StreamError::ReadBlocks), "{error}");
    let took = sim.now() - began;
    assert!(SEC <= took && took <= 2 * SEC, "{took:?}");
    let error = near.try_write(&[b"x"]).expect_err("it is over");
    assert!(matches!(failure(&error), StreamError::ReadBlocks), "{error}");
    near.close();
    // Or its thread would stay in its read.
    far.close();
}

fn a_write_that_blocks(sim: &Sim) {
    let (near, far) = ends(sim, turns(NEVER_WAITS, Sticks));
    write_all(&near, b"a");
    // The watch has seen that all is calm.
    sim.sleep(3 * SEC);
    let began = sim.now();
    write_all(&near, b"b");
    let error = end(&near).expect_err("it is stuck");
    assert!(matches!(failure(&error), StreamError::WriteBlocks), "{error}");
    let took = sim.now() - began;
    assert!(20 * SEC <= took && took <= 22 * SEC, "{took:?}");
    near.close();
    far.close();
}

/// What comes for seconds after a write has failed is read, and then how it failed.
fn replies(sim: &Sim, made: Made) {
    let (near, far) = ends(sim, made);
    write_all(&near, b"a");
    sim.sleep(10 * MS);
    write_all(&near, b"b");
    let (peer, inner) = (far.clone(), sim.clone());
    let task = sim.spawn("peer", move || {
        for _ in 0..4 {
            inner.sleep(2 * SEC);
            write_all(&peer, &bytes(3_000));
        }
        peer.close();
    });
    for _ in 0..4 {
        assert_eq!(read_exactly(&near, 3_000), bytes(3_000));
    }
    let error = end(&near).expect_err("it has failed");
    assert!(matches!(failure(&error), StreamError::Write(_)), "{error}");
    assert!(error.to_string().contains("writing to the stream failed: the cable is cut"), "{error}");
    task.join();
    near.close();
}

/// Nothing comes after a write has failed, not even an end.
fn silence(sim: &Sim, made: Made) {
    let (near, far) = ends(sim, made);
    // A read that blocks gives way to the write when something comes.
    write_all(&near, b"a");
    write_all(&far, b"x");
    assert_eq!(read_exactly(&far, 1), b"a");
    write_all(&near, b"b");
    write_all(&far, b"y");
    let began = sim.now();
    assert_eq!(read_exactly(&near, 2), b"xy");
    let error = end(&near).expect_err("it has failed");
    assert!(matches!(failure(&error), StreamError::Write(_)), "{error}");
    let took = sim.now() - began;
    assert!(5 * SEC <= took && took <= 11 * SEC, "{took:?}");
    near.close();
    far.close();
}

/// What was read before comes first.
fn a_read_that_fails(sim: &Sim, made: Made) {
    let (near, far) = ends(sim, made);
    write_all(&far, b"hello");
    let came = read_exactly(&near, 1);
    assert_eq!(came[0], b'h');
    let error = loop {
        match near.read(&mut [0; 10], None) {
            Ok(n) => assert!(n > 0, "it has failed"),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => break error,
        }
    };
    assert!(matches!(failure(&error), StreamError::Read(_)), "{error}");
    assert!(error.to_string().contains("reading from the stream failed: the cable is cut"), "{error}");
    near.close();
    far.close();
}

/// All that was taken leaves, though the pipe is closed at once; and then the stream is dropped.
fn last_words(sim: &Sim, made: Made) {
    let (near, far) = ends(sim, made);
    let words = bytes(50_000);
    write_all(&near, &words);
    near.close();
    drop(near);
    assert_eq!(read_exactly(&far, words.len()), words);
    far.close();
}

/// Its last words are offered for a second, and its thread ends.
fn a_peer_that_reads_no_more(sim: &Sim) {
    let (near, far) = ends(sim, turns(NEVER_WAITS, NEVER_WAITS));
    write_all(&near, &bytes(50_000));
    let began = sim.now();
    near.close();
    // It is dropped, and so its end arrives, behind what there was room for.
    let mut came = 0;
    sim.sleep(900 * MS);
    let mut buf = [0; 1_000];
    sim.sleep(SEC);
    loop {
        match far.read(&mut buf, None) {
            Ok(0) => break,
            Ok(n) => came += n,
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => panic!("{error}"),
        }
    }
    assert!(came < 50_000, "{came}");
    assert!(sim.now() - began < 3 * SEC);
    far.close();
}

/// A stream whose input is over, and that takes nothing the first time.
struct Hesitates(Stream);

impl Read for Hesitates {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Ok(0)
    }
}

impl Write for Hesitates {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.times += 1;
        if self.0.times == 1 { Err(ErrorKind::WouldBlock.into()) } else { self.0.write(bytes) }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The answer to a peer that has ended its direction long ago, and the end.
fn last_words_after_the_end(sim: &Sim) {
    let (link, far) = sim.pair();
    let near = Hesitates(stream(sim, &link, NEVER_WAITS, NEVER_WAITS)).into_pipe(&sim.os()).expect("threads");
    drop(link);
    sim.sleep(3 * SEC);
    write_all(&near, b"bye");
    near.close();
    assert_eq!(read_exactly(&far, 3), b"bye");
    far.close();
}
