//! Carrying out what the core of a channel orders.

use super::runtime::Shared;
use super::state::Link;
use crate::client::tunnel::TunnelPipe;
use crate::os;
use crate::security;
use proto_core::channel::{Address, Order};
use std::io;
use std::net::SocketAddr;

impl Shared {
    /// Carries out what the core orders, one thread at a time; who finds another one at it leaves its orders to that one.
    pub(super) fn carry_out(&self) {
        loop {
            let mut state = self.lock();
            let order = state.next_order();
            self.unlock(state);
            let Some(order) = order else { return };
            self.perform(order);
        }
    }

    pub(super) fn perform(&self, order: Order) {
        self.obey(order);
        let mut state = self.lock();
        state.carrying_out = false;
        self.unlock(state);
    }

    fn obey(&self, order: Order) {
        match order {
            Order::Resolve { host, port } => self.resolve(host, port),
            Order::Connect { key, address, tunnel } => {
                let begun = os::Address::try_from(&address).and_then(|address| self.os.connect(&address));
                let begun = begun.map(|pipe| match &tunnel {
                    None => pipe,
                    Some(tunnel) => TunnelPipe::shared(pipe, tunnel.connect()),
                });
                let begun = begun.and_then(|pipe| security::dress(&self.security, &self.os, pipe));
                let mut state = self.lock();
                let now = self.os.now();
                match begun {
                    Ok(pipe) => {
                        state.links.insert(key, Link::Connecting { pipe, held: false });
                    }
                    Err(error) => state.core.handle_failed(now, key, &describe(&error)),
                }
                self.unlock(state);
            }
            Order::Abort { key } => {
                let link = self.lock().links.remove(&key);
                match link {
                    Some(Link::Connecting { pipe, .. }) => pipe.wake(),
                    Some(Link::Handshake { driver, .. } | Link::Ready { driver }) => driver.abort(),
                    None => {}
                }
            }
            Order::Close { key, grace } => {
                let driver = {
                    let mut state = self.lock();
                    state.forget_current(key);
                    match state.links.get(&key) {
                        Some(Link::Handshake { driver, .. } | Link::Ready { driver }) => Some(driver.clone()),
                        _ => None,
                    }
                };
                if let Some(driver) = driver {
                    if grace.is_zero() { driver.abort() } else { driver.shutdown(grace) }
                }
            }
        }
    }

    /// A lookup has no time-out, so it has a thread of its own, which may outlive the channel.
    fn resolve(&self, host: String, port: u16) {
        let (os, shared) = (self.os.clone(), self.me.clone());
        let run = move || {
            let found = os.resolve(&host, port);
            if let Some(shared) = shared.upgrade() {
                shared.resolved(found);
            }
        };
        if let Err(error) = self.os.spawn("grpc-resolve", Box::new(run)) {
            let error = io::Error::new(error.kind(), format!("no thread for the lookup: {error}"));
            self.resolved(Err(error));
        }
    }

    fn resolved(&self, found: io::Result<Vec<SocketAddr>>) {
        let result = match found {
            Ok(addresses) => Ok(addresses.into_iter().map(Address::Tcp).collect()),
            Err(error) => Err(describe(&error)),
        };
        self.with(|state, now| state.core.handle_resolved(now, result));
    }
}

/// An error of the system, in its words and without its number.
pub(super) fn describe(error: &io::Error) -> String {
    proto_core::channel::describe(&error.to_string())
}
