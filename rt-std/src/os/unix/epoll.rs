//! Linux: edge-triggered epoll. Registered once for everything; one wait, one read, one write a call.

use super::super::{Poller, Raw, Ready};
use super::left;
use super::wake::Wake;
use crate::sync::assert_unlocked;
use proto_core::time::Instant;
use rustix::event::epoll::{self, EventData, EventFlags};
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;

/// Key of the wake handle; callers' keys are below it.
const WAKE: u64 = u64::MAX;

/// Events taken with one system call.
const BATCH: usize = 64;

#[derive(Debug)]
pub(super) struct EpollPoller {
    epoll: OwnedFd,
    wake: Wake,
}

impl EpollPoller {
    pub(super) fn new() -> io::Result<Self> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let wake = Wake::new()?;
        // Edge-triggered: each write to the handle is an edge of its own, so it is never read.
        epoll::add(&epoll, wake.as_fd(), EventData::new_u64(WAKE), EventFlags::IN | EventFlags::ET)?;
        Ok(EpollPoller { epoll, wake })
    }
}

impl Poller for EpollPoller {
    fn add(&self, key: u64, what: Raw<'_>) -> io::Result<()> {
        assert_unlocked();
        match what {
            Raw::Fd(fd, _) => {
                let flags = EventFlags::IN | EventFlags::OUT | EventFlags::RDHUP | EventFlags::ET;
                Ok(epoll::add(&self.epoll, fd, EventData::new_u64(key), flags)?)
            }
            Raw::Memory(_) | Raw::Sim(..) => Err(io::ErrorKind::InvalidInput.into()),
        }
    }

    fn remove(&self, _key: u64, what: Raw<'_>) {
        assert_unlocked();
        if let Raw::Fd(fd, _) = what {
            // Fails when it was never added; then nothing is to be done.
            let _ = epoll::delete(&self.epoll, fd);
        }
    }

    fn wait(&self, into: &mut Vec<(u64, Ready)>, until: Option<Instant>) {
        assert_unlocked();
        let mut buf = [const { MaybeUninit::<epoll::Event>::uninit() }; BATCH];
        // Interrupted: the caller loops.
        let Ok((events, _)) = epoll::wait(&self.epoll, &mut buf[..], left(until).as_ref()) else { return };
        for event in events {
            let (key, flags) = (event.data.u64(), event.flags);
            if key == WAKE {
                continue;
            }
            let hup = flags.intersects(EventFlags::RDHUP | EventFlags::HUP | EventFlags::ERR);
            let read = hup || flags.intersects(EventFlags::IN);
            let write = flags.intersects(EventFlags::OUT | EventFlags::HUP | EventFlags::ERR);
            into.push((key, Ready { read, write, woken: false, hup }));
        }
    }

    fn notify(&self) {
        assert_unlocked();
        self.wake.wake();
    }
}
