//! Threads that are parked on a connection: found by call, and any one of them when a place is to be handed on, without
//! a search.

use crate::os::Thread;
use proto_core::call::CallId;

/// What a thread waits for on a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    /// Something to receive, or the end.
    Recv,
    /// Room to send.
    Send,
}

/// Names a parked thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Key(u32);

/// No entry.
const NONE: u32 = u32::MAX;

#[derive(Debug)]
struct Parked {
    thread: Thread,
    /// The call and direction; `None` for one that waits for the connection itself.
    call: Option<(CallId, Direction)>,
    /// Its place in `asleep`; `NONE` once it was woken.
    asleep_at: u32,
}

/// The parked threads of one connection.
#[derive(Debug, Default)]
pub(super) struct Waiters {
    parked: Vec<Option<Parked>>,
    free: Vec<u32>,
    /// By call index, then direction: an index into `parked`.
    by_call: Vec<[u32; 2]>,
    /// Those that nobody has woken yet, as indices into `parked`.
    asleep: Vec<u32>,
    /// Those that were woken and have not come by yet.
    coming: usize,
}

impl Waiters {
    /// Enters the calling thread, `thread`, before it parks.
    pub(super) fn add(&mut self, call: Option<(CallId, Direction)>, thread: Thread) -> Key {
        let key = self.free.pop().unwrap_or_else(|| {
            self.parked.push(None);
            // There are fewer threads than that.
            (self.parked.len() - 1) as u32
        });
        if let Some((id, direction)) = call {
            if self.by_call.len() <= id.index() {
                self.by_call.resize(id.index() + 1, [NONE; 2]);
            }
            self.by_call[id.index()][direction as usize] = key;
        }
        self.parked[key as usize] = Some(Parked { thread, call, asleep_at: self.asleep.len() as u32 });
        self.asleep.push(key);
        Key(key)
    }

    /// Removes it after it has parked.
    pub(super) fn remove(&mut self, Key(key): Key) {
        let Some(parked) = self.parked[key as usize].take() else { return };
        if parked.asleep_at == NONE {
            self.coming -= 1;
        } else {
            self.no_longer_asleep(parked.asleep_at);
        }
        if let Some((id, direction)) = parked.call {
            let entry = &mut self.by_call[id.index()][direction as usize];
            if *entry == key {
                *entry = NONE;
            }
        }
        self.free.push(key);
    }

    /// Who waits for this on this call.
    pub(super) fn find(&self, id: CallId, direction: Direction) -> Option<Key> {
        let key = *self.by_call.get(id.index())?.get(direction as usize)?;
        let parked = self.parked.get(key as usize)?.as_ref()?;
        (parked.call == Some((id, direction))).then_some(Key(key))
    }

    /// Those that wait for the connection itself. Linear: its events are rare.
    pub(super) fn of_connection(&self) -> Vec<Key> {
        let parked = self.parked.iter().enumerate();
        // Indices into `parked` fit, see `add`.
        parked.filter(|(_, p)| p.as_ref().is_some_and(|p| p.call.is_none())).map(|(i, _)| Key(i as u32)).collect()
    }

    /// The one that parked last and that nobody has woken.
    pub(super) fn asleep(&self) -> Option<Key> {
        self.asleep.last().map(|key| Key(*key))
    }

    /// Somebody was woken and has not come by yet.
    pub(super) fn is_coming(&self) -> bool {
        self.coming > 0
    }

    /// The thread to unpark for this waiter; `None` if that was done before.
    pub(super) fn wake(&mut self, Key(key): Key) -> Option<Thread> {
        let parked = self.parked[key as usize].as_mut()?;
        if parked.asleep_at == NONE {
            return None;
        }
        let (at, thread) = (std::mem::replace(&mut parked.asleep_at, NONE), parked.thread.clone());
        self.no_longer_asleep(at);
        self.coming += 1;
        Some(thread)
    }

    fn no_longer_asleep(&mut self, at: u32) {
        self.asleep.swap_remove(at as usize);
        let Some(moved) = self.asleep.get(at as usize) else { return };
        if let Some(parked) = &mut self.parked[*moved as usize] {
            parked.asleep_at = at;
        }
    }
}

#[cfg(all(test, feature = "testkit"))]
mod tests {
    use super::*;
    use proto_core::testkit::Random;

    /// What the waiters should be, by a search.
    #[derive(Clone, Copy)]
    struct Model {
        key: Key,
        number: usize,
        woken: bool,
    }

    fn number(thread: Option<Thread>) -> Option<usize> {
        match thread {
            Some(Thread::Sim(number)) => Some(number),
            _ => None,
        }
    }

    #[test]
    fn any_order_of_parking_waking_and_leaving_keeps_the_books() {
        let mut random = Random::seed(1);
        let (mut waiters, mut model) = (Waiters::default(), Vec::<Model>::new());
        for step in 0..20_000 {
            match random.below(4) {
                0 | 1 if model.len() < 30 => {
                    model.push(Model { key: waiters.add(None, Thread::Sim(step)), number: step, woken: false });
                }
                2 if !model.is_empty() => {
                    let at = random.below(model.len());
                    let first = !std::mem::replace(&mut model[at].woken, true);
                    assert_eq!(number(waiters.wake(model[at].key)), first.then_some(model[at].number));
                }
                _ if !model.is_empty() => waiters.remove(model.swap_remove(random.below(model.len())).key),
                _ => {}
            }
            assert_eq!(waiters.is_coming(), model.iter().any(|m| m.woken));
            let asleep = waiters.asleep();
            assert_eq!(asleep.is_some(), model.iter().any(|m| !m.woken));
            assert!(asleep.is_none_or(|key| model.iter().any(|m| m.key == key && !m.woken)));
            assert_eq!(waiters.of_connection().len(), model.len());
        }
    }
}
