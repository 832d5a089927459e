//! A peer that is a script of frames: it takes a call and some of its requests, and then refuses it in one of the ways
//! that say that it has not processed it.

use super::peer::{self, Behaviour};
use proto_core::error::ErrorCode;
use proto_core::frame::{self, HEAD_LEN, Head, PREFACE, kind};
use rt_std::os::Pipe;
use rt_std::testkit::Sim;
use std::io::ErrorKind;
use std::net::SocketAddr;

/// How a call is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// GOAWAY, so that the next call goes elsewhere, and RST_STREAM(REFUSED_STREAM) for this one.
    Stream,
    /// RST_STREAM(REFUSED_STREAM) alone, for every call of the connection.
    Every,
    /// GOAWAY with a last id below it.
    GoAway,
}

/// Its connections, in this order: so many that refuse their first call after `bytes` of body, then one that serves.
pub fn listen(sim: &Sim, refusals: Vec<Refusal>, bytes: usize) -> SocketAddr {
    let connections = refusals.len() + 1;
    let mut refusals = refusals.into_iter();
    let (address, end) = peer::listen_with(sim, connections, move |sim, pipe| match refusals.next() {
        Some(refusal) => {
            let inner = sim.clone();
            sim.spawn("refuser", move || {
                if let Some(pipe) = inner.accepted(pipe) {
                    refuse(&*pipe, refusal, bytes);
                }
            });
        }
        None => peer::on_pipe(sim, pipe, Behaviour::default()),
    });
    sim.at_end(end);
    address
}

/// Refuses the calls of one connection.
pub fn refuse(pipe: &dyn Pipe, refusal: Refusal, bytes: usize) {
    let (mut input, mut output) = (Vec::new(), Vec::new());
    frame::settings(&mut output, &[]);
    frame::settings_ack(&mut output);
    let mut script = Script { refusal, bytes, refused: 0, greeted: false, body: 0 };
    loop {
        script.hear(&mut input, &mut output);
        let full = match write(pipe, &mut output) {
            Ok(full) => full,
            Err(()) => return pipe.close(),
        };
        if pipe.wait(true, full, None).is_err() {
            return pipe.close();
        }
        let mut spare = [0; 4096];
        match pipe.try_read(&mut spare) {
            Ok(0) => return pipe.close(),
            Ok(n) => input.extend_from_slice(&spare[..n]),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(_) => return pipe.close(),
        }
    }
}

fn write(pipe: &dyn Pipe, output: &mut Vec<u8>) -> Result<bool, ()> {
    while !output.is_empty() {
        match pipe.try_write(&[output]) {
            Ok(n) => drop(output.drain(..n)),
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(true),
            Err(_) => return Err(()),
        }
    }
    Ok(false)
}

struct Script {
    refusal: Refusal,
    bytes: usize,
    /// The last stream that was refused.
    refused: u32,
    greeted: bool,
    /// Bytes of body of the stream under way.
    body: usize,
}

impl Script {
    /// Reads whole frames, and answers them.
    fn hear(&mut self, input: &mut Vec<u8>, output: &mut Vec<u8>) {
        if !self.greeted {
            if input.len() < PREFACE.len() {
                return;
            }
            input.drain(..PREFACE.len());
            self.greeted = true;
        }
        while let Some(head) = Head::read(input) {
            let end = HEAD_LEN + head.len as usize;
            if input.len() < end {
                return;
            }
            input.drain(..end);
            self.frame(head, output);
        }
    }

    fn frame(&mut self, head: Head, output: &mut Vec<u8>) {
        match head.kind {
            kind::HEADERS => self.body = 0,
            kind::DATA if head.len > 0 => {
                self.body += head.len as usize;
                frame::window_update(output, 0, head.len);
            }
            _ => {}
        }
        if !matches!(head.kind, kind::HEADERS | kind::DATA) {
            return;
        }
        if head.stream <= self.refused || self.body < self.bytes {
            return;
        }
        self.refused = head.stream;
        // GOAWAY first, or the call would come back on this connection, and a second refusal is not overlooked.
        match self.refusal {
            Refusal::Every => {}
            Refusal::Stream => frame::goaway(output, head.stream, ErrorCode::NoError, b""),
            Refusal::GoAway => frame::goaway(output, head.stream.saturating_sub(2), ErrorCode::NoError, b""),
        }
        if self.refusal != Refusal::GoAway {
            frame::rst_stream(output, head.stream, ErrorCode::RefusedStream);
        }
    }
}
