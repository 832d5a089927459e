//! The calling side: keeps so many calls under way, and checks what comes back.

use super::desk::{At, Desk, Pulled, Started};
use super::world::metadata;
use super::{Load, Mode, is_payload, payload};
use crate::load::{Load as Message, LoadServiceClient};
use proto_core::call::CallId;
use proto_core::connection::{Connection, Event};
use proto_core::error::ConnectionError;
use proto_core::rpc::{Request, RequestOptions};
use proto_core::{Config, Incoming, Instant, Metadata, Outgoing, Status};
use std::cell::RefCell;
use std::time::Duration;

/// Each call's time-out: on the wire as `grpc-timeout`, a timer at both ends.
const TIMEOUT: Duration = Duration::from_secs(10);

#[derive(Debug)]
pub(super) struct Caller {
    load: Load,
    metadata: Metadata,
    desk: RefCell<Desk>,
    /// Calls that are under way, by the index of their id.
    open: Vec<Option<Open>>,
    under_way: u64,
    started: u64,
    calls: u64,
    messages: u64,
}

#[derive(Debug)]
struct Open {
    call: Started<Message>,
    number: u64,
    replies: u32,
}

impl Caller {
    pub(super) fn new(load: Load, config: Config, now: Instant) -> Self {
        Caller {
            load,
            metadata: metadata(load.metadata),
            desk: RefCell::new(Desk::new(Connection::client(config, now), now)),
            open: Vec::new(),
            under_way: 0,
            started: 0,
            calls: 0,
            messages: 0,
        }
    }

    /// Calls that ended well, and their replies.
    pub(super) fn done(&self) -> (u64, u64) {
        (self.calls, self.messages)
    }

    /// Everything was called and has ended.
    pub(super) fn is_over(&self) -> bool {
        self.calls == self.load.calls
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.desk.borrow().connection.poll_timeout()
    }

    pub(super) fn handle_timeout(&mut self, now: Instant) {
        self.desk.get_mut().connection.handle_timeout(now);
    }

    pub(super) fn poll_transmit(&mut self, now: Instant, out: &mut Outgoing) -> bool {
        self.desk.get_mut().connection.poll_transmit(now, out)
    }

    pub(super) fn receive(&mut self, now: Instant, input: &mut Incoming) -> Result<(), ConnectionError> {
        self.desk.get_mut().connection.receive(now, input)
    }

    /// Takes what has come, and starts as many calls as have ended.
    pub(super) fn act(&mut self, now: Instant) -> Result<(), Status> {
        self.desk.get_mut().now = now;
        while let Some(event) = self.desk.get_mut().connection.poll_event() {
            match event {
                Event::Readable(id) | Event::Ended(id) => self.pull(id)?,
                Event::Writable(id) => self.desk.get_mut().writable(id),
                _ => {}
            }
        }
        while self.under_way < self.load.concurrency && self.started < self.load.calls {
            self.start()?;
        }
        Ok(())
    }

    fn start(&mut self) -> Result<(), Status> {
        let number = self.started;
        let message = Message { payload: payload(number, self.load.size), count: self.load.count };
        let mut options = RequestOptions::new().with_timeout(TIMEOUT);
        if !self.metadata.is_empty() {
            options.metadata.extend(&self.metadata);
        }
        let request = Request::with_options(message, options);
        let client = LoadServiceClient::new(At(&self.desk));
        let call = match self.load.mode {
            Mode::Unary => client.echo(request)?,
            Mode::ServerStreaming => client.repeat(request)?,
        };
        let at = call.id.index();
        if at >= self.open.len() {
            self.open.resize_with(at + 1, || None);
        }
        self.open[at] = Some(Open { call, number, replies: 0 });
        self.started += 1;
        self.under_way += 1;
        Ok(())
    }

    fn pull(&mut self, id: CallId) -> Result<(), Status> {
        let Some(place) = self.open.get_mut(id.index()) else { return Ok(()) };
        let unary = self.load.mode == Mode::Unary;
        while let Some(open) = place {
            match self.desk.get_mut().pull(&mut open.call, unary)? {
                Pulled::Nothing => break,
                Pulled::Message(message) => {
                    self.load.check(&message, open.number)?;
                    open.replies += 1;
                }
                Pulled::End(reply) => {
                    if let Some(reply) = &reply {
                        self.load.check(reply, open.number)?;
                        if reply.metadata().len() != self.load.metadata {
                            return Err(Status::internal("the reply's metadata is not what was sent"));
                        }
                    }
                    self.messages += u64::from(open.replies) + u64::from(reply.is_some());
                    self.calls += 1;
                    self.under_way -= 1;
                    *place = None;
                }
            }
        }
        Ok(())
    }
}

impl Load {
    fn check(&self, message: &Message, number: u64) -> Result<(), Status> {
        match is_payload(&message.payload, number, self.size) {
            true => Ok(()),
            false => Err(Status::internal(format!("a reply of call {number} is not what was sent"))),
        }
    }
}
