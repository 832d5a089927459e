//! One value that reads and writes, carried in turns: one thread owns it.
//!
//! Its round: write what waits, read once, hand on what was read; pause when nothing moved. Neither direction stops the other:
//! while nobody takes what was read nothing is read, but written, and while the stream takes nothing it is read.

use super::input::Input;
use super::link::{AtEnd, Carried, Doing, Link};
use super::output::Output;
use super::pace::Pace;
use super::{Turn, rules, watch};
use crate::os::{Os, Pipe};
use proto_core::time::Instant;
use std::io::{self, Read, Write};
use std::sync::Arc;
use std::time::Duration;

/// How long a stream that takes nothing is offered the last words of a connection that is over.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// The stream as a pipe.
pub(super) fn carry(stream: impl Read + Write + Send + 'static, os: &Arc<dyn Os>) -> io::Result<Arc<dyn Pipe>> {
    // Dropped, it ends the threads.
    let (pipe, link) = Carried::new(os);
    let watched = link.clone();
    os.spawn("grpc-watch", Box::new(move || watch::watch(&watched)))?;
    os.spawn("grpc-stream", Box::new(move || Turns::new(stream, link).run()))?;
    Ok(pipe)
}

struct Turns<T> {
    stream: T,
    link: Arc<Link>,
    input: Input,
    output: Output,
    reads: bool,
    writes: bool,
}

impl<T: Read + Write> Turns<T> {
    fn new(stream: T, link: Arc<Link>) -> Self {
        Turns { stream, link, input: Input::new(), output: Output::new(), reads: true, writes: true }
    }

    fn run(mut self) {
        let _at_end = AtEnd(self.link.clone());
        let os = self.link.os.clone();
        let mut pace = Pace::new(os.now());
        while self.writes || self.reads {
            let began = os.now();
            let had_none = self.output.is_empty();
            let wrote = self.write();
            // What is offered for the first time has all its time before it, however quiet it was before.
            let is_new = had_none && !self.output.is_empty();
            let moved = self.read() || wrote;
            let now = os.now();
            if moved || is_new {
                pace.moved = now;
            } else if self.link.far.is_closed_by_peer() && now >= pace.moved + LAST_WORDS {
                break;
            } else {
                self.pause(pace.until(began, now));
            }
        }
        self.link.end();
    }

    /// Writes what waits. Did anything move?
    fn write(&mut self) -> bool {
        if !self.writes {
            return false;
        }
        match self.output.turn(&mut self.stream, &self.link) {
            Turn::Moved => true,
            Turn::Still => false,
            Turn::Over(result) => {
                self.writes = false;
                self.output = Output::new();
                if let Err(error) = result {
                    self.link.output_failed(error);
                }
                true
            }
        }
    }

    /// Reads once, unless what was read before has not been taken. Did anything move?
    fn read(&mut self) -> bool {
        if !self.reads {
            return false;
        }
        self.link.begins(Doing::Reading, !self.output.is_empty());
        match self.input.turn(&mut self.stream, &self.link) {
            Turn::Moved => true,
            Turn::Still => false,
            Turn::Over(result) => {
                self.reads = false;
                self.link.input_over(result);
                true
            }
        }
    }

    /// Waits for something to write and for room for what was read; for the stream only until `until`, since nobody says
    /// when it has more.
    fn pause(&mut self, until: Instant) {
        self.link.begins(Doing::Else, !self.output.is_empty());
        let far = &self.link.far;
        let for_room = !self.input.is_empty();
        let for_stream = self.reads && !for_room || !self.output.is_empty();
        let for_output = self.writes
            && self.output.is_empty()
            && self.link.in_force(if for_room { rules::FULL_INPUT_LEAVES_OUTPUT } else { rules::OUTPUT_ENDS_PAUSE });
        let _ = far.wait(for_output, for_room, for_stream.then_some(until));
    }
}
