//! Tasks that wait for something of a call: one for its messages and one for room to send, since those handles are not
//! shared, and any number for its headers.
//!
//! Wakers are neither woken nor dropped under a lock: what comes out of here goes to [`Woken`], which its owner empties
//! after the unlock.

use std::task::{Context, Waker};

/// What a task waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Interest {
    /// A message, or the end.
    Recv,
    /// Room to send.
    Send,
    /// Initial metadata.
    Headers,
}

/// The tasks of one call.
#[derive(Debug, Default)]
pub(crate) struct Wakers {
    recv: Option<Waker>,
    send: Option<Waker>,
    headers: Vec<Waker>,
}

/// Wakers that came off under a lock.
#[derive(Debug, Default)]
pub(crate) struct Woken {
    first: Option<Waker>,
    more: Vec<Waker>,
    /// Only to be dropped.
    old: Vec<Waker>,
}

impl Woken {
    /// To be woken after the unlock.
    pub(crate) fn wake(&mut self, waker: Option<Waker>) {
        match waker {
            Some(waker) if self.first.is_none() => self.first = Some(waker),
            Some(waker) => self.more.push(waker),
            None => {}
        }
    }

    /// To be dropped after the unlock.
    pub(crate) fn forget(&mut self, waker: Option<Waker>) {
        self.old.extend(waker);
    }

    /// Wakes them.
    pub(crate) fn deliver(self) {
        crate::sync::assert_unlocked();
        if let Some(waker) = self.first {
            waker.wake();
        }
        self.more.into_iter().for_each(Waker::wake);
    }
}

/// Keeps a task's waker in its place; what stood there, if it is another task's, is returned.
pub(crate) fn keep(place: &mut Option<Waker>, cx: &Context<'_>) -> Option<Waker> {
    match place {
        Some(waker) if waker.will_wake(cx.waker()) => None,
        _ => place.replace(cx.waker().clone()),
    }
}

impl Wakers {
    /// This task waits.
    pub(crate) fn register(&mut self, interest: Interest, cx: &Context<'_>, woken: &mut Woken) {
        match interest {
            Interest::Recv => woken.forget(keep(&mut self.recv, cx)),
            Interest::Send => woken.forget(keep(&mut self.send, cx)),
            Interest::Headers if self.headers.iter().any(|waker| waker.will_wake(cx.waker())) => {}
            Interest::Headers => self.headers.push(cx.waker().clone()),
        }
    }

    /// This task does not wait for headers any more.
    pub(crate) fn forget_headers(&mut self, waker: &Waker, woken: &mut Woken) {
        if let Some(at) = self.headers.iter().position(|other| other.will_wake(waker)) {
            woken.forget(Some(self.headers.swap_remove(at)));
        }
    }

    /// Something came: a message, headers, the end.
    pub(crate) fn readable(&mut self, woken: &mut Woken) {
        woken.wake(self.recv.take());
        for waker in self.headers.drain(..) {
            woken.wake(Some(waker));
        }
    }

    /// There is room.
    pub(crate) fn writable(&mut self, woken: &mut Woken) {
        woken.wake(self.send.take());
    }

    /// All of them look again.
    pub(crate) fn all(&mut self, woken: &mut Woken) {
        self.readable(woken);
        self.writable(woken);
    }

    /// None of them waits any more.
    pub(crate) fn clear(&mut self, woken: &mut Woken) {
        woken.forget(self.recv.take());
        woken.forget(self.send.take());
        woken.old.append(&mut self.headers);
    }
}
