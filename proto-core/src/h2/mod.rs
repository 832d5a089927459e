//! One HTTP/2 connection (RFC 9113), either side: streams, windows, settings, guards, scheduling. Knows nothing of gRPC.
//!
//! What it is for: bytes of the peer become readiness of streams, from which header lists and body bytes are pulled; header blocks and
//! body bytes become frames in one output buffer, in a fair order. Who calls it: `call`, and tests.
//!
//! # Where things are
//! - [`receive`](Connection::receive) parses frames in place (`receive`), judges header blocks (`headers`, `validate`), and answers
//!   what must be answered (`settings`, `ping`, `goaway`).
//! - Sending writes straight into the output while that is possible (`stream_mut`, `header_block`), otherwise queues for
//!   [`poll_transmit`](Connection::poll_transmit) (`transmit`, `schedule`).
//! - Streams are slots found by index (`streams`, `index`), whose life is one table (`state`).
//! - What a peer may not do is in `guards`; what takes too long in `timeouts`; how a connection ends in `close`.
//!
//! # Memory
//! What a connection holds is bounded, whatever the peer does (`tests/h2_memory.rs` fills it and measures):
//!
//! ```text
//!     4 x max_concurrent_streams x stream_window    payloads not taken; one that is kept by reference pins its chunk
//!   + 1.5 x loan_pool                               messages beyond the window (the pool is at least twice the largest message)
//!   + streams x (2 KiB + 2 x max_header_list_size)  slots, header lists, trailers
//!   + 2 x 2 x header_table_size                     HPACK, both ways
//!   + 4 chunks of 64 KiB                            the driver's `Incoming`
//!   + max_unsent + max_unsent_per_call              what senders were allowed to queue
//!   + max_unsent                                    header blocks and resets that the peer caused and does not read
//!   + 128 KiB                                       replies that the peer caused and does not read
//!   + what handlers add with `force`                final replies: handlers times the size of a reply
//! ```
//!
//! # Order of calls
//! Any order is safe. After a fault nothing more is parsed, events decoded before it stand, and a GOAWAY waits to be transmitted.

mod close;
mod goaway;
mod guards;
mod header_block;
mod headers;
mod index;
mod memory;
mod ping;
mod preface;
mod receive;
mod recv_queue;
mod schedule;
mod send_queue;
mod settings;
mod state;
mod stream_mut;
mod streams;
mod timeouts;
mod transmit;
mod validate;
mod window;

pub use guards::{
    ContinuationFlood, Glitches, Guards, InducedResets, LargeHeaderList, LongSettings, PingPolicy, QueuedReplies,
    RapidReset, Stalls, TinyData, TooManyStreams,
};
pub use header_block::{FieldRun, HeaderBlock};
pub use stream_mut::StreamMut;
pub use window::Windows;

use crate::config::Config;
use crate::error::{ConnectionError, Stranger};
use crate::hpack::{Decoder, Encoder, HeaderList};
use crate::time::Instant;
use crate::timer::Timers;
use goaway::GoAwayState;
use headers::Assembly;
use ping::PingState;
use preface::Phase;
use settings::{Local, Remote};
use streams::{List, Streams};
use transmit::Output;
use window::{LoanPool, RecvWindow, SendWindow};

/// Which end of the connection we are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// We open streams.
    Client,
    /// The peer opens streams.
    Server,
}

/// Names a stream of one connection; a key of a released stream finds nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StreamKey {
    pub(crate) slot: u32,
    pub(crate) generation: u32,
}

/// What moved on a stream since it was last reported; bits are merged, one report a stream.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ready(pub u8);

impl Ready {
    /// A header block is there (`StreamMut::headers`).
    pub const HEADERS: u8 = 1;
    /// Body bytes arrived.
    pub const DATA: u8 = 2;
    /// The peer half-closed (with or without trailers; all body bytes are there).
    pub const END: u8 = 4;
    /// The stream was reset, by either side, or died with the connection.
    pub const RESET: u8 = 8;
    /// A blocked send may go on.
    pub const WRITABLE: u8 = 16;
    /// Does it have this bit?
    pub fn has(self, bit: u8) -> bool {
        self.0 & bit != 0
    }
}

/// What happened on a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Something moved on a stream.
    Stream {
        /// Which.
        key: StreamKey,
        /// The tag given with `open` or `set_tag` (`u32::MAX` before).
        tag: u32,
        /// What.
        ready: Ready,
    },
    /// The peer's SETTINGS arrived, or a stream ended: `can_open` may have turned true.
    MayOpen,
    /// The peer, or we, began to drain: no new streams. Streams the peer will not process are reset with `REFUSED_STREAM` and `unprocessed`.
    Draining,
    /// It is over; `close_reason` says why.
    Closed,
}

/// How a stream was cut short.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reset {
    /// The code, as on the wire.
    pub code: u32,
    /// The peer sent it (otherwise we did, or the connection ended).
    pub by_peer: bool,
    /// The peer has certainly not processed the stream (REFUSED_STREAM, beyond GOAWAY's last id, never written).
    pub unprocessed: bool,
}

/// Why no stream can be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenError {
    /// The peer's limit is reached; `Event::MayOpen` unblocks.
    Full,
    /// The connection drains or is closed, or ids have run out.
    Closed,
}

/// A blocked send: `Ready::WRITABLE` unblocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Blocked;

/// One HTTP/2 connection.
#[derive(Debug)]
pub struct Connection {
    side: Side,
    /// The latest `now` that anybody gave.
    now: Instant,
    phase: Phase,
    /// What the peer looks like, if its first bytes are few and no HTTP/2.
    suspect: Option<Stranger>,
    local: Local,
    remote: Remote,
    guards: Guards,
    decoder: Decoder,
    encoder: Encoder,
    streams: Streams,
    /// The id of the next stream that we open (client), or the last that the peer opened (server).
    next_id: u32,
    last_peer_id: u32,
    assembly: Assembly,
    /// The block that was decoded last, on its way into a stream.
    scratch: HeaderList,
    output: Output,
    send_window: SendWindow,
    recv_window: RecvWindow,
    pool: LoanPool,
    goaway: GoAwayState,
    ping: PingState,
    timers: Timers,
    /// When bytes last left for the driver, or nothing waited to leave.
    progress: Instant,
    /// When bytes last came.
    heard: Instant,
    /// Since when no stream is open.
    idle_since: Instant,
    events: Pending,
    closed: Option<ConnectionError>,
}

/// Events of the connection itself that were not reported yet.
#[derive(Clone, Copy, Debug, Default)]
struct Pending {
    may_open: bool,
    draining: bool,
    closed: bool,
}

impl Connection {
    /// A connection whose preface and SETTINGS wait to be transmitted.
    pub fn new(side: Side, config: &Config, now: Instant) -> Self {
        let local = Local::new(config);
        let min_ping = Some(config.min_ping_interval).filter(|interval| side == Side::Server && !interval.is_zero());
        let mut connection = Connection {
            side,
            now,
            phase: Phase::start(side),
            suspect: None,
            remote: Remote::new(),
            guards: Guards::new(config.max_concurrent_streams, config.max_header_list_size, min_ping),
            decoder: Decoder::new(crate::hpack::DEFAULT_TABLE_SIZE, config.max_header_list_size as usize),
            encoder: Encoder::new(crate::hpack::DEFAULT_TABLE_SIZE),
            streams: Streams::new(),
            next_id: 1,
            last_peer_id: 0,
            assembly: Assembly::default(),
            scratch: HeaderList::new(),
            output: Output::default(),
            send_window: SendWindow::new(window::DEFAULT_WINDOW),
            recv_window: RecvWindow::new(window::DEFAULT_WINDOW),
            pool: LoanPool::new(config.loan_pool),
            goaway: GoAwayState::default(),
            ping: PingState::default(),
            timers: Timers::new(),
            progress: now,
            heard: now,
            idle_since: now,
            events: Pending::default(),
            closed: None,
            local,
        };
        if connection.local.header_table_size as usize > crate::hpack::DEFAULT_TABLE_SIZE {
            // A larger table may be in use a little before its acknowledgement is here; a smaller one must be acknowledged.
            connection.decoder.set_max_table_size(connection.local.header_table_size as usize);
        }
        connection.allow_messages(config.max_receive_message_size);
        connection.announce(config);
        connection.arm_first_timers(config);
        connection
    }

    /// `poll_event` may yield something.
    #[inline]
    pub fn has_events(&self) -> bool {
        let Pending { may_open, draining, closed } = self.events;
        !self.streams.is_list_empty(List::Ready) || may_open || draining || closed
    }

    /// The next event; O(1).
    pub fn poll_event(&mut self) -> Option<Event> {
        if core::mem::take(&mut self.events.may_open) {
            return Some(Event::MayOpen);
        }
        if core::mem::take(&mut self.events.draining) {
            return Some(Event::Draining);
        }
        while let Some(slot) = self.streams.pop(List::Ready) {
            let stream = &mut self.streams[slot];
            let ready = Ready(core::mem::take(&mut stream.ready));
            if ready.0 != 0 && !stream.released {
                let tag = stream.tag;
                return Some(Event::Stream { key: self.streams.key_of(slot), tag, ready });
            }
        }
        core::mem::take(&mut self.events.closed).then_some(Event::Closed)
    }

    /// Messages on some stream may have up to `n` bytes: the pool of loans grows with the largest.
    pub(crate) fn allow_messages(&mut self, n: usize) {
        self.pool.allow(n.saturating_add(5));
    }

    /// A stream by its key.
    pub fn stream(&mut self, key: StreamKey) -> Option<StreamMut<'_>> {
        let slot = self.streams.slot_of(key)?;
        Some(StreamMut::new(self, slot))
    }

    /// Bytes accepted to be sent and not handed to `poll_transmit` yet.
    pub fn unsent(&self) -> usize {
        self.streams.queued + self.output.len()
    }

    /// The peer's first SETTINGS have arrived.
    pub fn is_ready(&self) -> bool {
        self.phase == Phase::Open
    }

    /// GOAWAY was sent or received, or it is closed.
    pub fn is_draining(&self) -> bool {
        self.closed.is_some() || self.goaway.is_draining()
    }

    /// Why it ended.
    pub fn close_reason(&self) -> Option<&ConnectionError> {
        self.closed.as_ref()
    }

    /// The guards against abuse, with what they have counted.
    pub fn guards(&self) -> &Guards {
        &self.guards
    }

    /// Streams that are not released, or not closed on both sides yet.
    pub fn live_streams(&self) -> usize {
        self.streams.live
    }

    /// Bytes that streams have borrowed beyond their windows, of `Config::loan_pool`.
    pub fn borrowed(&self) -> usize {
        self.pool.lent()
    }

    /// The connection's own windows (not those of its streams).
    pub fn windows(&self) -> Windows {
        Windows::of(self.send_window, self.recv_window)
    }

    /// How often a stream had to wait until others returned what they had borrowed.
    pub fn loan_waits(&self) -> u64 {
        self.pool.waits
    }

    /// The clock goes on, never back.
    pub(crate) fn tick(&mut self, now: Instant) {
        self.now = self.now.max(now);
    }

    /// Something moved on a stream: reported once, with everything else that has moved by then.
    fn mark(&mut self, slot: u32, bits: u8) {
        let stream = &mut self.streams[slot];
        if !stream.released {
            stream.ready |= bits;
            self.streams.push(List::Ready, slot);
        }
    }
}
