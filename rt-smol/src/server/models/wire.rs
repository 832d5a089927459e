//! One pipe with the core's client at its other end.

use crate::models::NOW;
use crate::os::Pipe;
use crate::sync::assert_unlocked;
use loom::sync::{Condvar, Mutex, MutexGuard};
use proto_core::connection::Client;
use proto_core::{Config, Connection, Incoming, Outgoing};
use std::collections::VecDeque;
use std::io::{self, ErrorKind, IoSlice};
use std::task::{Context, Poll, Waker};

struct Ends {
    client: Connection<Client>,
    incoming: Incoming,
    /// What one read brings, each.
    input: VecDeque<Vec<u8>>,
    /// The client has ended its direction, or the connection.
    ended: bool,
    full: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

/// The pipe, and its other end.
pub(super) struct Wire {
    ends: Mutex<Ends>,
    heard: Condvar,
}

impl std::fmt::Debug for Wire {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Wire")
    }
}

impl Ends {
    /// What the client has to say can be read: who is to be woken for it.
    fn say(&mut self) -> Option<Waker> {
        let (mut outgoing, mut all) = (Outgoing::new(), Vec::new());
        while self.client.poll_transmit(NOW, &mut outgoing) {
            let mut segments = [&[][..]; 64];
            let count = outgoing.segments(&mut segments);
            let bytes = segments[..count].concat();
            outgoing.advance(bytes.len());
            all.extend(bytes);
        }
        if all.is_empty() {
            return None;
        }
        self.input.push_back(all);
        self.reader.take()
    }
}

impl Wire {
    pub(super) fn new(config: Config) -> Self {
        let ends = Ends {
            client: Connection::client(config, NOW),
            incoming: Incoming::new(),
            input: VecDeque::new(),
            ended: false,
            full: false,
            reader: None,
            writer: None,
        };
        Wire { ends: Mutex::new(ends), heard: Condvar::new() }
    }

    fn lock(&self) -> MutexGuard<'_, Ends> {
        assert_unlocked();
        self.ends.lock().unwrap()
    }

    /// The client does something, and says what comes of it.
    pub(super) fn act<T>(&self, act: impl FnOnce(&mut Connection<Client>) -> T) -> T {
        let mut ends = self.lock();
        let value = act(&mut ends.client);
        let reader = ends.say();
        drop(ends);
        reader.into_iter().for_each(Waker::wake);
        value
    }

    /// The client waits until it has heard what gives this a value.
    pub(super) fn until<T>(&self, mut look: impl FnMut(&mut Connection<Client>) -> Option<T>) -> T {
        let mut ends = self.lock();
        loop {
            let value = look(&mut ends.client);
            // What it has pulled opens its windows.
            let reader = ends.say();
            match (value, reader) {
                (Some(value), reader) => {
                    drop(ends);
                    reader.into_iter().for_each(Waker::wake);
                    return value;
                }
                (None, Some(reader)) => {
                    drop(ends);
                    reader.wake();
                    // It may have heard something meanwhile.
                    ends = self.lock();
                }
                (None, None) => ends = self.heard.wait(ends).unwrap(),
            }
        }
    }

    /// Waits until the server has ended its direction, or the connection.
    pub(super) fn until_ended(&self) {
        let mut ends = self.lock();
        while !ends.ended {
            ends = self.heard.wait(ends).unwrap();
        }
    }

    /// The client does not read.
    pub(super) fn fill(&self) {
        self.lock().full = true;
    }

    /// The client reads again.
    pub(super) fn make_room(&self) {
        let mut ends = self.lock();
        ends.full = false;
        let writer = ends.writer.take();
        drop(ends);
        writer.into_iter().for_each(Waker::wake);
    }

    /// One of the two ends its direction, and the other one with it.
    pub(super) fn end(&self) {
        let mut ends = self.lock();
        ends.ended = true;
        let reader = ends.reader.take();
        drop(ends);
        self.heard.notify_all();
        reader.into_iter().for_each(Waker::wake);
    }

    fn write(&self, cx: Option<&mut Context<'_>>, segments: &[IoSlice<'_>]) -> io::Result<usize> {
        let mut guard = self.lock();
        let ends = &mut *guard;
        if ends.full {
            ends.writer = cx.map(|cx| cx.waker().clone()).or(ends.writer.take());
            return Err(ErrorKind::WouldBlock.into());
        }
        if ends.ended {
            return Err(ErrorKind::BrokenPipe.into());
        }
        segments.iter().for_each(|segment| ends.incoming.extend_from_slice(segment));
        ends.client.receive(NOW, &mut ends.incoming).expect("it is HTTP/2");
        while ends.client.poll_event().is_some() {}
        let reader = ends.say();
        drop(guard);
        self.heard.notify_all();
        reader.into_iter().for_each(Waker::wake);
        Ok(segments.iter().map(|segment| segment.len()).sum())
    }
}

impl Pipe for Wire {
    fn poll_read(&self, cx: &mut Context<'_>, buf: &mut [u8]) -> Poll<io::Result<usize>> {
        let mut ends = self.lock();
        match ends.input.pop_front() {
            Some(words) => {
                buf[..words.len()].copy_from_slice(&words);
                Poll::Ready(Ok(words.len()))
            }
            None if ends.ended => Poll::Ready(Ok(0)),
            None => {
                ends.reader = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }
    fn poll_write(&self, cx: &mut Context<'_>, segments: &[IoSlice<'_>]) -> Poll<io::Result<usize>> {
        match self.write(Some(cx), segments) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => Poll::Pending,
            other => Poll::Ready(other),
        }
    }
    fn try_write(&self, segments: &[IoSlice<'_>]) -> io::Result<usize> {
        self.write(None, segments)
    }
    fn poll_close(&self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.end();
        Poll::Ready(Ok(()))
    }
}
