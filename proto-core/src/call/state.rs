//! What a connection knows of one call.

use super::Kind;
use super::slab::Links;
use crate::grpc::encoding::Encoding;
use crate::grpc::{Metadata, Status};
use crate::h2::StreamKey;
use crate::time::Instant;
use alloc::string::String;
use alloc::vec::Vec;
use bytes::Bytes;

/// Recycled buffers larger than this give their memory back.
const KEEP_CAPACITY: usize = 1024;

/// Events that wait to be reported, as bits.
pub(crate) mod bit {
    pub(crate) const READABLE: u8 = 1;
    pub(crate) const WRITABLE: u8 = 2;
    pub(crate) const ENDED: u8 = 4;
}

/// One call of either role.
///
/// ```text
///   client:  waiting --- a stream is free ---> open --- verdict ---> over --- release ---> (slot is free)
///               \------------------ verdict ------------------------/
///   server:  arrived (waiting) --- accept ---> open --- verdict ---> over --- release ---> (slot is free)
///               \------------------ verdict ------------------------/
/// ```
///
/// The verdict is this side's own, made once: by trailers, a reset, the deadline, a broken rule, the application, or
/// the end of the connection. What arrived before a verdict of the peer can still be pulled; a verdict of this side
/// drops it (`input_dropped`).
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) live: bool,
    pub(crate) generation: u32,
    /// Its places in the queues of the slab.
    pub(crate) links: [Links; 2],
    /// Events to report (`bit`).
    pub(crate) events: u8,

    /// The HTTP/2 stream, while there is one.
    pub(crate) stream: Option<StreamKey>,
    /// This side's verdict, once it stands.
    pub(crate) verdict: Option<Status>,
    pub(crate) deadline: Option<Instant>,
    /// The four shapes. At a server `None` until the method was found.
    pub(crate) kind: Option<Kind>,

    /// Server: response headers have gone.
    pub(crate) headers_sent: bool,
    /// At least one message was accepted to be sent.
    pub(crate) message_sent: bool,
    /// This side has finished sending.
    pub(crate) send_closed: bool,
    /// A send was refused for the moment: its sender waits for `Writable`.
    pub(crate) blocked: bool,
    /// Client, once it is over: had everything left by then?
    pub(crate) all_sent: bool,

    /// The peer's headers are there.
    pub(crate) headers_received: bool,
    /// At least one message was pulled.
    pub(crate) message_received: bool,
    /// The peer has finished sending.
    pub(crate) recv_closed: bool,
    /// The application waits for something to pull: the next thing to arrive is reported.
    pub(crate) armed: bool,
    /// It has pulled in vain: somebody waits for the next message.
    pub(crate) waited_for: bool,
    /// Server: the one request message and the half-close are there.
    pub(crate) request_complete: bool,
    /// What arrived and was not pulled is no longer wanted.
    pub(crate) input_dropped: bool,
    /// The length of the message that stands whole at the front of what arrived, once somebody has looked.
    pub(crate) whole: Option<usize>,
    /// Server: the application has it.
    pub(crate) accepted: bool,
    /// How the peer's messages are encoded.
    pub(crate) encoding: Encoding,
    /// Client: the HTTP status of the response.
    pub(crate) http_status: u16,
    /// Largest message that is accepted, bytes.
    pub(crate) max_receive: usize,

    /// Client: initial metadata (while it waits for a stream: the request's). Server: the request's.
    pub(crate) headers: Metadata,
    /// Client: trailing metadata.
    pub(crate) trailers: Metadata,
    pub(crate) path: String,
    pub(crate) authority: String,
    /// Client: what was sent before there was a stream.
    pub(crate) held: Held,
}

/// Messages of a call that has no stream yet.
#[derive(Debug, Default)]
pub(crate) struct Held {
    /// Framed messages, one after the other.
    pub(crate) bytes: Vec<u8>,
    /// A large one behind them, by reference; nothing more is accepted then.
    pub(crate) large: Option<Bytes>,
}

impl Held {
    /// Bytes of messages that wait here.
    pub(crate) fn len(&self) -> usize {
        self.bytes.len() + self.large.as_ref().map_or(0, Bytes::len)
    }
}

impl Call {
    pub(crate) fn new() -> Self {
        Call {
            live: true,
            generation: 0,
            links: [Links::OUT; 2],
            events: 0,
            stream: None,
            verdict: None,
            deadline: None,
            kind: None,
            headers_sent: false,
            message_sent: false,
            send_closed: false,
            blocked: false,
            all_sent: false,
            headers_received: false,
            message_received: false,
            recv_closed: false,
            armed: true,
            waited_for: false,
            request_complete: false,
            input_dropped: false,
            whole: None,
            accepted: false,
            encoding: Encoding::Identity,
            http_status: 0,
            max_receive: 0,
            headers: Metadata::new(),
            trailers: Metadata::new(),
            path: String::new(),
            authority: String::new(),
            held: Held::default(),
        }
    }

    /// Makes a body without a call of it, with the memory that the next one will need.
    pub(crate) fn recycle(&mut self) {
        // In place, field by field: what a call costs is counted. The pattern names all fields, so that none is
        // forgotten.
        let Call {
            live,
            generation,
            links,
            events,
            stream,
            verdict,
            deadline,
            kind,
            headers_sent,
            message_sent,
            send_closed,
            blocked,
            all_sent,
            headers_received,
            message_received,
            recv_closed,
            armed,
            waited_for,
            request_complete,
            input_dropped,
            whole,
            accepted,
            encoding,
            http_status,
            max_receive: _,
            headers,
            trailers,
            path,
            authority,
            held,
        } = self;
        (*live, *generation, *links, *events) = (false, generation.wrapping_add(1), [Links::OUT; 2], 0);
        (*stream, *verdict, *deadline, *kind) = (None, None, None, None);
        (*headers_sent, *message_sent, *send_closed, *blocked, *all_sent) = (false, false, false, false, false);
        (*headers_received, *message_received, *recv_closed) = (false, false, false);
        (*armed, *waited_for, *request_complete, *input_dropped, *accepted) = (true, false, false, false, false);
        (*encoding, *http_status, *whole) = (Encoding::Identity, 0, None);
        recycle_metadata(headers);
        recycle_metadata(trailers);
        recycle_text(path);
        recycle_text(authority);
        recycle_bytes(&mut held.bytes);
        held.large = None;
    }

    /// Is it over?
    pub(crate) fn is_over(&self) -> bool {
        self.verdict.is_some()
    }

    /// Bytes of memory that its buffers hold, used or not.
    pub(crate) fn memory(&self) -> usize {
        self.headers.memory()
            + self.trailers.memory()
            + self.path.capacity()
            + self.authority.capacity()
            + self.held.bytes.capacity()
            + self.held.large.as_ref().map_or(0, Bytes::len)
    }
}

fn recycle_metadata(metadata: &mut Metadata) {
    metadata.clear();
    if metadata.memory() > KEEP_CAPACITY {
        *metadata = Metadata::new();
    }
}

/// The text stays: the next call in this slot mostly has the same, and whoever uses it sets it first.
fn recycle_text(text: &mut String) {
    if text.capacity() > KEEP_CAPACITY {
        *text = String::new();
    }
}

fn recycle_bytes(bytes: &mut Vec<u8>) {
    bytes.clear();
    if bytes.capacity() > KEEP_CAPACITY {
        *bytes = Vec::new();
    }
}
