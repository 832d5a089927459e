//! What the driver keeps for each call of its connection, found by the call's index: who waits for it, who is told when it
//! ends before its time, and its request while the connection has no room for it.

use crate::client::wakers::{Wakers, Woken};
use bytes::Bytes;
use proto_core::call::CallId;
use std::fmt;
use std::sync::Weak;

/// Hears, without any lock held, that a call has ended before its time, so that it can be sent again.
pub(crate) trait Restart: Send + Sync {
    /// It ended on this connection, under this id.
    fn ended(&self, driver: &super::Driver, id: CallId);
}

/// One call.
#[derive(Default)]
pub(super) struct Slot {
    id: Option<CallId>,
    pub(super) wakers: Wakers,
    pub(super) owner: Option<Weak<dyn Restart>>,
    /// Its one message, which was not accepted yet.
    pub(super) request: Option<Bytes>,
}

/// All calls.
#[derive(Debug, Default)]
pub(super) struct Slots(Vec<Slot>);

impl Slots {
    /// A new call.
    pub(super) fn enter(&mut self, id: CallId, owner: Weak<dyn Restart>, request: Option<Bytes>) {
        let index = id.index();
        if self.0.len() <= index {
            self.0.resize_with(index + 1, Slot::default);
        }
        let slot = &mut self.0[index];
        slot.id = Some(id);
        slot.owner = Some(owner);
        slot.request = request;
    }

    /// The call, unless it was released.
    pub(super) fn find(&mut self, id: CallId) -> Option<&mut Slot> {
        self.0.get_mut(id.index()).filter(|slot| slot.id == Some(id))
    }

    /// The call was released.
    pub(super) fn leave(&mut self, id: CallId, woken: &mut Woken) {
        if let Some(slot) = self.find(id) {
            slot.wakers.clear(woken);
            (slot.id, slot.owner, slot.request) = (None, None, None);
        }
    }
}

impl fmt::Debug for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Slot").field("id", &self.id).field("wakers", &self.wakers).finish_non_exhaustive()
    }
}
