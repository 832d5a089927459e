//! What both roles of a connection share: the HTTP/2 connection, its calls, their events and deadlines.
//!
//! Methods on it are spread by concern: `streams` (what HTTP/2 reports), `opening` (a client's calls on their way to
//! a stream), `arrival` (a server's new calls), and in `call`: `receiving`, `sending`, `answering`, `ending`.

use super::Event;
use super::request_head::RequestHead;
use crate::buf::Outgoing;
use crate::call::slab::{List, Slab};
use crate::call::state::{Call, bit};
use crate::config::Config;
use crate::grpc::message::PREFIX;
use crate::grpc::status::local::phase;
use crate::grpc::{Seen, Status, user_agent};
use crate::h1::Refusal;
use crate::h2::{self, FieldRun};
use crate::time::{Instant, earliest};
use crate::timer::{TimerKey, Timers};
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

pub(crate) use crate::h2::Side;

/// Events of the connection itself that wait to be reported.
pub(super) mod news {
    pub(in crate::connection) const READY: u8 = 1;
    pub(in crate::connection) const DRAINING: u8 = 2;
    pub(in crate::connection) const INCOMING: u8 = 4;
    pub(in crate::connection) const CLOSED: u8 = 8;
}

/// What of the configuration the calls need.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) max_receive: usize,
    pub(crate) max_send: usize,
    pub(crate) max_unsent_per_call: usize,
    pub(crate) max_unsent: usize,
    pub(crate) max_waiting: usize,
    pub(crate) codec: Option<&'static str>,
    pub(crate) scheme: &'static str,
    pub(crate) authority: String,
    pub(crate) user_agent: String,
}

impl Settings {
    fn new(config: &Config) -> Self {
        Settings {
            max_receive: config.max_receive_message_size.min(crate::config::MAX_MESSAGE),
            // The prefix of a message has four bytes for its length.
            max_send: config.max_send_message_size.min(u32::MAX as usize),
            max_unsent_per_call: config.max_unsent_per_call,
            max_unsent: config.max_unsent,
            max_waiting: config.max_pending_calls,
            codec: config.codec,
            scheme: config.scheme,
            authority: config.authority.clone(),
            user_agent: user_agent::value(&config.user_agent_prefix),
        }
    }
}

/// A gRPC connection of either role.
#[derive(Debug)]
pub(crate) struct Machine {
    pub(crate) h2: h2::Connection,
    pub(crate) side: Side,
    /// Server: whether it is an HTTP/1.x client that has come.
    pub(super) refusal: Refusal,
    pub(crate) settings: Settings,
    pub(crate) calls: Slab,
    /// Calls in the waiting queue.
    pub(crate) waiting: usize,
    /// Client: the server has answered a call.
    pub(super) has_answers: bool,
    /// Deadlines, by slot and generation.
    pub(crate) timers: Timers,
    /// Bytes that calls without a stream hold.
    pub(crate) held: usize,
    /// `news` to report.
    pub(super) news: u8,
    was_ready: bool,
    was_closed: bool,
    /// Events of HTTP/2 are being taken.
    pumping: bool,
    /// Server: `accept` had something and held it back.
    pub(super) accept_held: bool,
    /// This side has asked for the end.
    pub(crate) shutting_down: bool,
    /// The latest time that anybody told.
    pub(crate) now: Instant,
    /// Where values are encoded on their way into a header block.
    pub(crate) scratch: Vec<u8>,
    /// Client: the usual fields of requests.
    pub(super) request_head: RequestHead,
    /// Server: those of responses.
    pub(crate) response_head: FieldRun,
}

impl Machine {
    pub(super) fn new(side: Side, config: &Config, now: Instant) -> Self {
        // The prefix of a message fits into a window: a stream that borrowed for the prefix and then for the message would hold the one loan
        // while it waits for the other, and many of them would wait for each other.
        let narrow = config.stream_window < PREFIX as u32;
        let widened = narrow.then(|| Config { stream_window: PREFIX as u32, ..config.clone() });
        Machine {
            h2: h2::Connection::new(side, widened.as_ref().unwrap_or(config), now),
            side,
            refusal: Refusal::default(),
            settings: Settings::new(config),
            calls: Slab::new(),
            waiting: 0,
            has_answers: false,
            timers: Timers::new(),
            held: 0,
            news: 0,
            was_ready: false,
            was_closed: false,
            pumping: false,
            accept_held: false,
            shutting_down: false,
            now,
            scratch: Vec::new(),
            request_head: RequestHead::default(),
            response_head: FieldRun::default(),
        }
    }

    /// Takes what HTTP/2 has to report and acts on it. Called at the end of everything that may have made it report.
    #[inline]
    pub(crate) fn pump(&mut self, now: Instant) {
        self.now = self.now.max(now);
        // What an event makes us do may lead here again: its events are taken by the loop that is at work, or a peer
        // that ends thousands of calls in one read would have us go thousands of calls deep.
        if (self.h2.has_events() || !self.was_ready) && !self.pumping {
            self.pumping = true;
            self.pump_events(now);
            self.pumping = false;
            self.announce_held();
        }
    }

    /// Calls that were held back are announced again once there is room.
    fn announce_held(&mut self) {
        if self.accept_held && self.unsent() <= self.settings.max_unsent {
            self.accept_held = false;
            self.news |= news::INCOMING;
        }
    }

    fn pump_events(&mut self, now: Instant) {
        while let Some(event) = self.h2.poll_event() {
            match event {
                h2::Event::Stream { key, tag, ready } => self.on_stream(now, key, tag, ready),
                h2::Event::MayOpen => self.open_waiting(now),
                h2::Event::Draining => {
                    self.news |= news::DRAINING;
                    self.fail_waiting(now);
                }
                h2::Event::Closed => self.on_closed(now),
            }
        }
        if !self.was_ready && self.h2.is_ready() {
            self.was_ready = true;
            self.news |= news::READY;
        }
    }

    /// The connection is over: so is every call that has no verdict yet.
    fn on_closed(&mut self, now: Instant) {
        if core::mem::replace(&mut self.was_closed, true) {
            return;
        }
        self.news |= news::CLOSED;
        self.fail_waiting(now);
        let left: Vec<u32> = self.calls.slots().filter(|&slot| !self.calls[slot].is_over()).collect();
        for slot in left {
            self.on_lost(now, slot, false);
        }
    }

    pub(super) fn poll_transmit(&mut self, now: Instant, out: &mut Outgoing) -> bool {
        let more = self.h2.poll_transmit(now, out);
        self.pump(now);
        self.announce_held();
        more
    }

    /// The next event. The connection's own come first, its end last.
    pub(super) fn poll_event(&mut self) -> Option<Event> {
        const FIRST: [(u8, Event); 3] =
            [(news::READY, Event::Ready), (news::DRAINING, Event::Draining), (news::INCOMING, Event::Incoming)];
        if self.news & !news::CLOSED != 0 {
            let (bit, event) = FIRST.into_iter().find(|(bit, _)| self.news & bit != 0)?;
            self.news &= !bit;
            return Some(event);
        }
        if let Some(slot) = self.calls.front(List::Ready) {
            return Some(self.next_of(slot));
        }
        let closed = self.news & news::CLOSED != 0;
        self.news = 0;
        closed.then_some(Event::Closed)
    }

    /// The next event of a call that has one.
    fn next_of(&mut self, slot: u32) -> Event {
        let id = self.calls.id(slot);
        let call = &mut self.calls[slot];
        let bit = call.events & call.events.wrapping_neg();
        call.events &= !bit;
        if call.events == 0 {
            self.calls.unlink(List::Ready, slot);
        }
        match bit {
            bit::READABLE => Event::Readable(id),
            bit::WRITABLE => Event::Writable(id),
            _ => Event::Ended(id),
        }
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        earliest(self.h2.poll_timeout(), self.timers.next())
    }

    pub(super) fn handle_timeout(&mut self, now: Instant) {
        self.h2.tick(now);
        if self.h2.poll_timeout().is_some_and(|due| due <= now) {
            self.h2.handle_timeout(now);
            self.pump(now);
        }
        while let Some(key) = self.timers.pop_due(now) {
            // A timer is cancelled before its call is released: the slot has the call that set it.
            self.on_deadline(now, key.slot);
        }
        self.pump(now);
    }

    pub(super) fn shutdown(&mut self, now: Instant, grace: Duration) {
        self.shutting_down = true;
        self.h2.shutdown(now, grace);
        self.pump(now);
    }

    /// Bytes accepted to be sent and not handed to `poll_transmit` yet.
    pub(crate) fn unsent(&self) -> usize {
        self.h2.unsent() + self.held
    }

    /// Reports something of a call; not of one that a server's application has not seen yet.
    pub(crate) fn raise(&mut self, slot: u32, bit: u8) {
        if self.side == Side::Server && !self.calls[slot].accepted {
            // Nobody knows of it yet; `accept` drops it if it is over.
            return;
        }
        self.calls[slot].events |= bit;
        self.calls.push_back(List::Ready, slot);
    }

    /// Reports that there is something to pull, if the application waits for it.
    pub(crate) fn raise_readable(&mut self, slot: u32) {
        if core::mem::take(&mut self.calls[slot].armed) {
            self.raise(slot, bit::READABLE);
        }
    }

    /// The application waits: what arrives next is reported.
    pub(crate) fn arm(&mut self, slot: u32) {
        let call = &mut self.calls[slot];
        (call.armed, call.waited_for) = (true, true);
        call.events &= !bit::READABLE;
        if call.events == 0 {
            self.calls.unlink(List::Ready, slot);
        }
    }

    pub(crate) fn set_deadline(&mut self, slot: u32, deadline: Option<Instant>) {
        self.calls[slot].deadline = deadline;
        if let Some(at) = deadline {
            self.timers.set(TimerKey { slot, tag: self.calls[slot].generation }, at);
        }
    }

    /// Stops the deadline's timer: the verdict stands.
    pub(crate) fn stop_timer(&mut self, slot: u32) {
        if self.calls[slot].deadline.is_some() {
            self.timers.cancel(TimerKey { slot, tag: self.calls[slot].generation });
        }
    }

    /// What is under way on a call.
    pub(crate) fn phase(&self, slot: u32) -> &'static str {
        let call = &self.calls[slot];
        match self.side {
            Side::Server if call.accepted => phase::HANDLING,
            Side::Server => phase::REQUEST,
            Side::Client if call.stream.is_none() => phase::QUEUED,
            Side::Client if call.headers_received => phase::RECEIVING,
            Side::Client if call.send_closed => phase::WAITING,
            Side::Client => phase::SENDING,
        }
    }

    /// Has the server seen the call, as far as this side knows?
    pub(crate) fn seen(&mut self, slot: u32) -> Seen {
        let call = &self.calls[slot];
        if self.side == Side::Server || call.headers_received {
            return Seen::Yes;
        }
        match call.stream.and_then(|key| self.h2.stream(key)) {
            Some(stream) if stream.maybe_seen() => Seen::Maybe,
            _ => Seen::No,
        }
    }

    /// The verdict of a call, where it stands.
    pub(crate) fn verdict(&self, slot: u32) -> Option<&Status> {
        self.calls[slot].verdict.as_ref()
    }

    /// Bytes of memory that the connection holds, used or not.
    pub(super) fn memory(&self) -> usize {
        self.h2.memory() + self.calls.memory() + self.scratch.capacity()
    }

    /// Copies a string into a recycled one.
    pub(crate) fn copy_text(&mut self, slot: u32, text: &str, into: fn(&mut Call) -> &mut String) {
        let place = into(&mut self.calls[slot]);
        place.clear();
        place.push_str(text);
    }
}
