//! The calls of one connection: slots that are recycled with their buffers, and two queues that run through them.

use super::CallId;
use super::state::Call;
use alloc::vec::Vec;

/// No slot.
pub(crate) const NONE: u32 = u32::MAX;

/// The two queues that a call can stand in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum List {
    /// It has events to report.
    Ready = 0,
    /// Client: it waits for a stream. Server: it waits to be accepted.
    Waiting = 1,
}

/// A call's place in a queue.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Links {
    prev: u32,
    next: u32,
    queued: bool,
}

impl Links {
    pub(crate) const OUT: Links = Links { prev: NONE, next: NONE, queued: false };
}

/// All calls that are not released.
#[derive(Debug)]
pub(crate) struct Slab {
    calls: Vec<Call>,
    /// Released slots, the latest last: its memory is the warmest.
    free: Vec<u32>,
    /// Head and tail of each queue.
    ends: [(u32, u32); 2],
}

impl Slab {
    pub(crate) fn new() -> Self {
        Slab { calls: Vec::new(), free: Vec::new(), ends: [(NONE, NONE); 2] }
    }

    /// Calls that are not released.
    pub(crate) fn len(&self) -> usize {
        self.calls.len() - self.free.len()
    }

    /// Takes a slot: a fresh call in a recycled body.
    pub(crate) fn insert(&mut self) -> u32 {
        if let Some(slot) = self.free.pop() {
            self.calls[slot as usize].live = true;
            return slot;
        }
        // Far below u32::MAX: streams and waiting calls are bounded by settings.
        let slot = self.calls.len() as u32;
        self.calls.push(Call::new());
        slot
    }

    /// Gives a slot back. Its id is stale from now on.
    pub(crate) fn remove(&mut self, slot: u32) {
        self.unlink(List::Ready, slot);
        self.unlink(List::Waiting, slot);
        self.calls[slot as usize].recycle();
        self.free.push(slot);
    }

    /// The slot of this id, unless the call was released.
    pub(crate) fn find(&self, id: CallId) -> Option<u32> {
        let call = self.calls.get(id.slot as usize)?;
        (call.live && call.generation == id.generation).then_some(id.slot)
    }

    /// The call in this slot, if there is one.
    pub(crate) fn get(&self, slot: u32) -> Option<&Call> {
        self.calls.get(slot as usize).filter(|call| call.live)
    }

    /// The id of the call in this slot.
    pub(crate) fn id(&self, slot: u32) -> CallId {
        CallId { slot, generation: self[slot].generation }
    }

    /// The slots of all calls that are not released.
    pub(crate) fn slots(&self) -> impl Iterator<Item = u32> {
        (0..).zip(&self.calls).filter(|(_, call)| call.live).map(|(slot, _)| slot)
    }

    /// Bytes of memory that all slots hold, used or not.
    pub(crate) fn memory(&self) -> usize {
        self.calls.iter().map(Call::memory).sum::<usize>()
            + self.calls.capacity() * size_of::<Call>()
            + self.free.capacity() * size_of::<u32>()
    }

    /// The first in a queue.
    pub(crate) fn front(&self, list: List) -> Option<u32> {
        let (head, _) = self.ends[list as usize];
        (head != NONE).then_some(head)
    }

    /// Is the call in this queue?
    pub(crate) fn is_queued(&self, list: List, slot: u32) -> bool {
        self[slot].links[list as usize].queued
    }

    /// Puts a call at the end of a queue, unless it stands in it already.
    pub(crate) fn push_back(&mut self, list: List, slot: u32) {
        let (_, tail) = self.ends[list as usize];
        if self.is_queued(list, slot) {
            return;
        }
        self[slot].links[list as usize] = Links { prev: tail, next: NONE, queued: true };
        match tail {
            NONE => self.ends[list as usize].0 = slot,
            tail => self[tail].links[list as usize].next = slot,
        }
        self.ends[list as usize].1 = slot;
    }

    /// Takes a call out of a queue, if it stands in it.
    pub(crate) fn unlink(&mut self, list: List, slot: u32) {
        let Links { prev, next, queued } = core::mem::replace(&mut self[slot].links[list as usize], Links::OUT);
        if !queued {
            return;
        }
        match prev {
            NONE => self.ends[list as usize].0 = next,
            prev => self[prev].links[list as usize].next = next,
        }
        match next {
            NONE => self.ends[list as usize].1 = prev,
            next => self[next].links[list as usize].prev = prev,
        }
    }
}

/// Slots come from `insert`, `find`, `front` and `slots` alone, so that they are always there.
impl core::ops::Index<u32> for Slab {
    type Output = Call;
    fn index(&self, slot: u32) -> &Call {
        &self.calls[slot as usize]
    }
}

impl core::ops::IndexMut<u32> for Slab {
    fn index_mut(&mut self, slot: u32) -> &mut Call {
        &mut self.calls[slot as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::vec;

    fn queue(slab: &Slab, list: List) -> Vec<u32> {
        let mut slots = Vec::new();
        let mut at = slab.front(list);
        while let Some(slot) = at {
            slots.push(slot);
            let next = slab[slot].links[list as usize].next;
            at = (next != NONE).then_some(next);
        }
        slots
    }

    #[test]
    fn a_stale_id_finds_nothing_even_in_a_recycled_slot() {
        let mut slab = Slab::new();
        let slot = slab.insert();
        let old = slab.id(slot);
        assert_eq!(slab.find(old), Some(slot));
        slab.remove(slot);
        assert_eq!(slab.find(old), None);
        assert_eq!(slab.insert(), slot, "the slot is recycled");
        assert_eq!(slab.find(old), None);
        assert_eq!(slab.find(slab.id(slot)), Some(slot));
        assert_eq!(slab.find(CallId { slot: 99, generation: 0 }), None);
    }

    #[test]
    fn queues_keep_their_order_and_calls_leave_from_anywhere() {
        let mut slab = Slab::new();
        let slots: Vec<u32> = (0..5).map(|_| slab.insert()).collect();
        for &slot in &slots {
            slab.push_back(List::Ready, slot);
            slab.push_back(List::Ready, slot);
            slab.push_back(List::Waiting, slot);
        }
        for gone in [0, 2, 4] {
            slab.unlink(List::Ready, gone);
            slab.unlink(List::Ready, gone);
        }
        assert_eq!(queue(&slab, List::Ready), [1, 3]);
        assert_eq!(queue(&slab, List::Waiting), [0, 1, 2, 3, 4]);
        slab.push_back(List::Ready, 0);
        assert_eq!(queue(&slab, List::Ready), [1, 3, 0]);
        slab.remove(3);
        assert_eq!(queue(&slab, List::Ready), [1, 0]);
        assert_eq!(queue(&slab, List::Waiting), [0, 1, 2, 4]);
        slab.remove(1);
        slab.remove(0);
        assert_eq!(queue(&slab, List::Ready), vec![0u32; 0]);
        assert_eq!(slab.len(), 2);
    }
}
