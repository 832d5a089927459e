//! The streams of a connection: slots that are recycled with their buffers, and the lists that run through them.

use super::index::{Found, Index};
use super::recv_queue::RecvQueue;
use super::send_queue::SendQueue;
use super::state::State;
use super::{Reset, StreamKey};
use crate::hpack::HeaderList;
use crate::time::Instant;
use alloc::vec::Vec;

const NONE: u32 = u32::MAX;

/// One stream, or a slot that waits for one.
#[derive(Debug)]
pub(super) struct Stream {
    pub(super) id: u32,
    /// Grows when the slot is recycled, so that old keys find nothing.
    pub(super) generation: u32,
    /// The owner's own number, carried by events.
    pub(super) tag: u32,
    pub(super) state: State,
    /// Bits of `Ready` not reported yet.
    pub(super) ready: u8,
    /// Counts against the limit of whoever opened it.
    pub(super) counted: bool,
    /// The application is done with it.
    pub(super) released: bool,
    /// `headers` stand.
    pub(super) has_headers: bool,
    /// `trailers` stand.
    pub(super) has_trailers: bool,
    /// The peer has half-closed.
    pub(super) recv_ended: bool,
    /// It did so with its first header block.
    pub(super) ended_by_headers: bool,
    /// Our request or response headers have been written.
    pub(super) headers_sent: bool,
    pub(super) reset: Option<Reset>,
    /// Where our HEADERS end in all the bytes of the connection.
    pub(super) headers_end: u64,
    /// Server: when its request came.
    pub(super) opened: Instant,
    /// When bytes of it last left its queue.
    pub(super) moved: Instant,
    /// Its stall timer is set.
    pub(super) stall_armed: bool,
    pub(super) headers: HeaderList,
    pub(super) trailers: HeaderList,
    pub(super) recv: RecvQueue,
    pub(super) send: SendQueue,
    next: [u32; List::COUNT],
    listed: [bool; List::COUNT],
}

impl Stream {
    fn new() -> Self {
        Stream {
            id: 0,
            generation: 0,
            tag: u32::MAX,
            state: State::Idle,
            ready: 0,
            counted: false,
            released: false,
            has_headers: false,
            has_trailers: false,
            recv_ended: false,
            ended_by_headers: false,
            headers_sent: false,
            reset: None,
            headers_end: 0,
            opened: Instant::ZERO,
            moved: Instant::ZERO,
            stall_armed: false,
            headers: HeaderList::new(),
            trailers: HeaderList::new(),
            recv: RecvQueue::default(),
            send: SendQueue::default(),
            next: [NONE; List::COUNT],
            listed: [false; List::COUNT],
        }
    }
}

/// The lists that run through the slots, each a queue with at most one place a slot. A slot that does not belong in a list any more
/// stays until it comes to the front; whoever pops looks whether it still belongs.
#[derive(Clone, Copy, Debug)]
#[repr(u8)]
pub(super) enum List {
    /// Has `ready` bits.
    Ready,
    /// Has bytes to send and window for them.
    Sending,
    /// Was refused a send because the connection holds too much.
    Blocked,
}

impl List {
    const COUNT: usize = 3;
}

#[derive(Debug)]
struct Ends {
    head: u32,
    tail: u32,
}

#[derive(Debug)]
pub(super) struct Streams {
    slots: Vec<Stream>,
    free: Vec<u32>,
    index: Index,
    lists: [Ends; List::COUNT],
    /// Slots in use.
    pub(super) live: usize,
    /// Streams that count against the limit of whoever opened them.
    pub(super) counted: usize,
    /// Streams with bytes to send and window for them.
    pub(super) sendable: usize,
    /// Bytes in all send queues.
    pub(super) queued: usize,
}

impl Streams {
    pub(super) fn new() -> Self {
        Streams {
            slots: Vec::new(),
            free: Vec::new(),
            index: Index::default(),
            lists: [const { Ends { head: NONE, tail: NONE } }; List::COUNT],
            live: 0,
            counted: 0,
            sendable: 0,
            queued: 0,
        }
    }

    /// A slot for a new stream, later than all before.
    pub(super) fn insert(&mut self, id: u32, recv_window: u32, send_window: u32) -> u32 {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.slots.push(Stream::new());
            // As many slots as streams were alive at once: far below 2^32.
            (self.slots.len() - 1) as u32
        });
        let stream = &mut self.slots[slot as usize];
        stream.id = id;
        stream.state = State::Idle;
        stream.counted = true;
        stream.recv.begin(recv_window);
        stream.send.begin(send_window);
        self.index.insert(id, slot);
        self.live += 1;
        self.counted += 1;
        slot
    }

    /// The id was used and is gone at once.
    pub(super) fn insert_gone(&mut self, id: u32) {
        self.index.insert_gone(id, State::ResetHere);
    }

    /// Gives the slot up; its buffers stay with it. Its send queue and its loan were taken care of.
    pub(super) fn remove(&mut self, slot: u32) {
        self.uncount(slot);
        let stream = &mut self.slots[slot as usize];
        self.index.remove(stream.id, stream.state);
        stream.generation = stream.generation.wrapping_add(1);
        stream.id = 0;
        stream.tag = u32::MAX;
        stream.ready = 0;
        stream.released = false;
        stream.has_headers = false;
        stream.has_trailers = false;
        stream.recv_ended = false;
        stream.ended_by_headers = false;
        stream.headers_sent = false;
        stream.reset = None;
        stream.moved = Instant::ZERO;
        stream.headers_end = 0;
        self.free.push(slot);
        self.live -= 1;
    }

    /// The stream counts no more. True if it did.
    pub(super) fn uncount(&mut self, slot: u32) -> bool {
        let counted = core::mem::take(&mut self.slots[slot as usize].counted);
        self.counted -= usize::from(counted);
        counted
    }

    /// Keeps `sendable` and its list in step with the stream's queue and window.
    pub(super) fn update_sendable(&mut self, slot: u32) {
        let send = &mut self.slots[slot as usize].send;
        let can_send = send.can_send();
        if can_send != send.sendable {
            send.sendable = can_send;
            if can_send {
                self.sendable += 1;
                self.push(List::Sending, slot);
            } else {
                self.sendable -= 1;
            }
        }
    }

    pub(super) fn find(&self, id: u32) -> Found {
        self.index.find(id)
    }

    /// The slot of a key, if the key is not stale.
    pub(super) fn slot_of(&self, key: StreamKey) -> Option<u32> {
        let stream = self.slots.get(key.slot as usize)?;
        (stream.generation == key.generation && stream.id != 0 && !stream.released).then_some(key.slot)
    }

    pub(super) fn key_of(&self, slot: u32) -> StreamKey {
        StreamKey { slot, generation: self.slots[slot as usize].generation }
    }

    /// All slots, used and free.
    pub(super) fn slots(&self) -> core::ops::Range<u32> {
        0..self.slots.len() as u32
    }

    /// A stream lives in the slot.
    pub(super) fn in_use(&self, slot: u32) -> bool {
        self.slots.get(slot as usize).is_some_and(|stream| stream.id != 0)
    }

    /// Appends the slot to the list, unless it is there.
    pub(super) fn push(&mut self, list: List, slot: u32) {
        let l = list as usize;
        let stream = &mut self.slots[slot as usize];
        if core::mem::replace(&mut stream.listed[l], true) {
            return;
        }
        stream.next[l] = NONE;
        let tail = core::mem::replace(&mut self.lists[l].tail, slot);
        if tail == NONE {
            self.lists[l].head = slot;
        } else {
            self.slots[tail as usize].next[l] = slot;
        }
    }

    /// Nothing is in this list.
    #[inline]
    pub(super) fn is_list_empty(&self, list: List) -> bool {
        self.lists[list as usize].head == NONE
    }

    /// Takes the first slot off the list.
    pub(super) fn pop(&mut self, list: List) -> Option<u32> {
        let l = list as usize;
        let slot = self.lists[l].head;
        let stream = self.slots.get_mut(slot as usize)?;
        stream.listed[l] = false;
        self.lists[l].head = stream.next[l];
        if self.lists[l].head == NONE {
            self.lists[l].tail = NONE;
        }
        Some(slot)
    }
}

impl core::ops::Index<u32> for Streams {
    type Output = Stream;
    fn index(&self, slot: u32) -> &Stream {
        &self.slots[slot as usize]
    }
}

impl core::ops::IndexMut<u32> for Streams {
    fn index_mut(&mut self, slot: u32) -> &mut Stream {
        &mut self.slots[slot as usize]
    }
}
