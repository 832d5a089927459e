//! Unix systems other than Linux: edges made of `poll(2)`.
//!
//! What was reported is not asked for again until its user has found that there is no more of it ([`Interest`]). A wait
//! looks at every descriptor, so this suits hundreds of connections, not tens of thousands.

use super::super::{Poller, Raw, Ready};
use super::left;
use super::wake::Wake;
use crate::sync::{Lock, assert_unlocked};
use proto_core::time::Instant;
use rustix::event::{PollFd, PollFlags, poll};
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering::SeqCst};

/// A descriptor that is watched: what is still to be reported of it.
#[derive(Debug)]
pub(super) struct Watched {
    key: u64,
    /// A duplicate: the original may be closed while a thread waits.
    fd: OwnedFd,
    armed: AtomicU8,
    inner: Arc<Inner>,
}

/// What the poller and its descriptors share.
#[derive(Debug)]
struct Inner {
    wake: Wake,
    /// A thread waits, with a list of descriptors that it has made before.
    waiting: AtomicBool,
}

#[derive(Debug)]
pub(super) struct PollPoller {
    inner: Arc<Inner>,
    watched: Lock<Vec<Arc<Watched>>>,
}

impl Watched {
    pub(super) const IN: u8 = 1;
    pub(super) const OUT: u8 = 2;

    /// From now on this is news again.
    pub(super) fn arm(&self, what: u8) {
        if self.armed.fetch_or(what, SeqCst) & what == 0 && self.inner.waiting.load(SeqCst) {
            self.inner.wake.wake();
        }
    }

    fn asked_for(&self) -> PollFlags {
        let armed = self.armed.load(SeqCst);
        let mut flags = PollFlags::empty();
        flags.set(PollFlags::IN, armed & Self::IN != 0);
        flags.set(PollFlags::OUT, armed & Self::OUT != 0);
        flags
    }

    /// What is reported of it, and not asked for again.
    fn report(&self, got: PollFlags) -> Option<(u64, Ready)> {
        let hup = got.intersects(PollFlags::HUP | PollFlags::ERR);
        let read = hup || got.intersects(PollFlags::IN);
        let write = hup || got.intersects(PollFlags::OUT);
        let news = (u8::from(read) * Self::IN) | (u8::from(write) * Self::OUT);
        let was_asked_for = self.armed.fetch_and(!news, SeqCst) & news != 0;
        was_asked_for.then_some((self.key, Ready { read, write, woken: false, hup }))
    }
}

impl PollPoller {
    pub(super) fn new() -> io::Result<Self> {
        let inner = Arc::new(Inner { wake: Wake::new()?, waiting: AtomicBool::new(false) });
        Ok(PollPoller { inner, watched: Lock::new(Vec::new()) })
    }

    /// One call of `poll`.
    fn look(&self, into: &mut Vec<(u64, Ready)>, until: Option<Instant>) {
        // Those of whom nothing is asked would report their end again and again.
        let asked = |w: &&Arc<Watched>| !w.asked_for().is_empty();
        let watched: Vec<_> = self.watched.take().iter().filter(asked).cloned().collect();
        let mut fds = vec![PollFd::from_borrowed_fd(self.inner.wake.as_fd(), PollFlags::IN)];
        fds.extend(watched.iter().map(|w| PollFd::from_borrowed_fd(w.fd.as_fd(), w.asked_for())));
        if poll(&mut fds, left(until).as_ref()).is_err() {
            // Interrupted: the caller loops.
            return;
        }
        if !fds[0].revents().is_empty() {
            self.inner.wake.clear();
        }
        for (watched, fd) in watched.iter().zip(&fds[1..]) {
            if !fd.revents().is_empty() {
                into.extend(watched.report(fd.revents()));
            }
        }
    }
}

impl Poller for PollPoller {
    fn add(&self, key: u64, what: Raw<'_>) -> io::Result<()> {
        assert_unlocked();
        let Raw::Fd(fd, interest) = what else { return Err(io::ErrorKind::InvalidInput.into()) };
        let armed = AtomicU8::new(Watched::IN | Watched::OUT);
        let watched = Arc::new(Watched { key, fd: fd.try_clone_to_owned()?, armed, inner: self.inner.clone() });
        interest.set(Some(watched.clone()));
        self.watched.take().push(watched);
        self.notify();
        Ok(())
    }

    fn remove(&self, key: u64, what: Raw<'_>) {
        assert_unlocked();
        if let Raw::Fd(_, interest) = what {
            interest.set(None);
        }
        self.watched.take().retain(|w| w.key != key);
        self.notify();
    }

    fn wait(&self, into: &mut Vec<(u64, Ready)>, until: Option<Instant>) {
        assert_unlocked();
        self.inner.waiting.store(true, SeqCst);
        self.look(into, until);
        self.inner.waiting.store(false, SeqCst);
    }

    fn notify(&self) {
        assert_unlocked();
        self.inner.wake.wake();
    }
}
