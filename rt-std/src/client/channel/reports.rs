//! What connections report to their channel, and what reaches all of them.

use super::super::driver::{Driver, background};
use super::runtime::Shared;
use super::state::Link;
use proto_core::channel::{Cause, ConnectionKey};
use rt_common::observer::Connections;
use std::sync::Arc;
use std::time::Duration;

impl Connections for Shared {
    fn ready(&self, key: ConnectionKey) {
        let (driver, standing) = self.with(|state, now| {
            let driver = match state.links.remove(&key) {
                Some(Link::Handshake { driver, .. } | Link::Ready { driver }) => driver,
                // Given up meanwhile.
                _ => return (None, Vec::new()),
            };
            state.core.handle_ready(now, key);
            // If the core has given the attempt up, the order that ends the connection is on its way.
            if state.core.current() == Some(key) {
                state.current = Some(driver.clone());
            }
            state.links.insert(key, Link::Ready { driver: driver.clone() });
            (Some(driver), std::mem::take(&mut state.standing))
        });
        if let (Some(driver), true) = (driver, self.background_io) {
            background::start(&self.os, &driver);
        }
        for call in standing.iter().filter_map(|standing| standing.call.upgrade()) {
            call.try_start();
        }
    }

    fn draining(&self, key: ConnectionKey) {
        self.with(|state, now| {
            state.note_calls(now, key);
            state.forget_current(key);
            state.core.handle_draining(now, key);
        });
    }

    fn closed(&self, key: ConnectionKey, reason: &str, cause: Option<Cause>) {
        self.with(|state, now| {
            if let Some(cause) = cause {
                state.core.handle_cause(key, cause);
            }
            state.note_calls(now, key);
            state.forget_current(key);
            match state.links.remove(&key) {
                Some(Link::Ready { .. }) | None => state.core.handle_closed(now, key, reason),
                Some(_) => state.core.handle_failed(now, key, reason),
            }
        });
    }
}

impl Shared {
    /// This connection would not take a call: it drains or is closed.
    pub(crate) fn refused(&self, driver: &Arc<Driver>) {
        let (key, is_closed) = (self.key_of(driver), driver.is_closed());
        match key {
            Some(key) if is_closed => self.closed(key, "the connection was lost", None),
            Some(key) => self.draining(key),
            None => {}
        }
    }

    fn key_of(&self, wanted: &Arc<Driver>) -> Option<ConnectionKey> {
        let state = self.lock();
        let mut links = state.links.iter();
        links
            .find(|(_, link)| matches!(link, Link::Ready { driver } if Arc::ptr_eq(driver, wanted)))
            .map(|(key, _)| *key)
    }

    /// Lets every thread that waits here look again (something outside has changed: a call was cancelled).
    pub(crate) fn wake_all(&self) {
        let (mut wake, mut pipes, mut drivers) = (Vec::new(), Vec::new(), Vec::new());
        {
            let mut state = self.lock();
            state.wake_all(&mut wake);
            for link in state.links.values() {
                match link {
                    Link::Connecting { pipe, held: true } => pipes.push(pipe.clone()),
                    Link::Handshake { driver, held: true } => drivers.push(driver.clone()),
                    _ => {}
                }
            }
        }
        wake.iter().for_each(|thread| self.os.unpark(thread));
        pipes.iter().for_each(|pipe| pipe.wake());
        drivers.iter().for_each(|driver| driver.poke());
    }

    /// Ends the channel; waits up to `grace` for its calls.
    pub(super) fn shutdown(&self, grace: Duration) {
        let until = self.os.now() + grace;
        let drivers: Vec<Arc<Driver>> = self.with(|state, _| {
            state.core.shutdown(grace);
            state.current = None;
            let drivers = state.links.values().filter_map(|link| match link {
                Link::Ready { driver } | Link::Handshake { driver, .. } => Some(driver.clone()),
                Link::Connecting { .. } => None,
            });
            drivers.collect()
        });
        for driver in drivers {
            if !grace.is_zero() {
                driver.wait_connection(Some(until), |conn, _| conn.is_closed().then_some(()));
            }
            driver.abort();
        }
    }
}
