//! The optional thread of a connection: it reads while no caller does.
//!
//! It stays out of the callers' way: it leads only where nobody has read for a while, and gives the place up to the first
//! caller who wants it.

use super::places::Wait;
use super::{Direction, Driver, IDLE, Reader, Writer};
use crate::os::Os;
use std::sync::{Arc, Weak};

/// Starts the thread. Where the system has none, the connection does without: its callers serve it.
pub(crate) fn start(os: &Arc<dyn Os>, driver: &Arc<Driver>) {
    let driver = Arc::downgrade(driver);
    let _ = os.spawn("grpc-background", Box::new(move || run(&driver)));
}

fn run(driver: &Weak<Driver>) {
    // Between two rounds the connection may go away.
    while driver.upgrade().is_some_and(|driver| driver.background_round()) {}
}

impl Driver {
    /// Reads until a caller wants to, or parks until nobody has read for a while. False once the connection is over.
    fn background_round(&self) -> bool {
        let mut state = self.lock();
        let over = state.broken || state.conn.is_closed();
        let wait = Wait { call: None, direction: Direction::Recv, deadline: None, until: None, alone: false };
        if over {
        } else if matches!(state.writer, Writer::Free) && state.has_output() {
            state = self.write(state, Some(&wait));
        } else if self.is_idle(&state) && state.wants_input() {
            state.background_leads = true;
            state = self.read(state, &wait);
            state.background_leads = false;
        } else {
            let again = self.os.now().max(state.last_read) + IDLE;
            state.background = Some(self.os.me());
            self.unlock(state);
            self.os.park(Some(again));
            state = self.lock();
            state.background = None;
        }
        self.leave(state);
        !over
    }
}

impl super::State {
    /// A caller who is about to park asks the background thread for the reader's place.
    pub(super) fn ask_background(&mut self) {
        if self.background_leads && matches!(self.reader, Reader::Taken { .. }) {
            self.signal_reader();
        }
    }
}
