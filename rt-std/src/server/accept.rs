//! Accepting: whatever goes wrong with one connection, or with us for a while, the next one is still accepted.

use super::conn::Conn;
use super::deliver::Wants;
use super::hub::Hub;
use super::limits::NEVER;
use super::state::{Visit, key};
use crate::os::{Pipe, Ready};
use crate::security;
use proto_core::config::Config;
use rt_common::accept;
use std::io::ErrorKind;
use std::sync::Arc;

impl Hub {
    /// Accepts what there is.
    pub(super) fn accept(&self) {
        for _ in 0..accept::ROUND {
            let Some(listener) = self.lock().listener.clone() else { return };
            let accepted = listener.try_accept();
            drop(listener);
            match accepted {
                Ok(pipe) => self.adopt(pipe),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.lock().accept_pause = accept::PAUSE;
                    return;
                }
                Err(error) if accept::of_one_connection(&error) => self.stats.accept_errors.one(),
                Err(_) => {
                    // The listener's readiness is reported once: we have to come back by ourselves.
                    self.stats.accept_errors.one();
                    let now = self.os.now();
                    let mut held = self.lock();
                    let pause = held.accept_pause;
                    held.accept_pause = accept::next_pause(pause);
                    held.timers.insert((now + pause, key::ACCEPT));
                    return;
                }
            }
        }
        self.lock().accept = true;
    }

    /// A new connection. Beyond `max_connections` it is closed at once: its client gets an answer, not a silence.
    pub(super) fn adopt(&self, pipe: Arc<dyn Pipe>) {
        let now = self.os.now();
        let config = Config { seed: self.os.random(), ..self.settings.connection.clone() };
        let Ok((pipe, stands)) = security::dress_accepted(&self.security, &self.os, pipe) else {
            // Settings of rustls itself that contradict each other: dropping the pipe closes it.
            return self.stats.tls_failures.one();
        };
        let mut held = self.lock();
        if held.stop != NEVER || held.conns.len() >= self.settings.max_connections {
            drop(held);
            self.stats.connections_refused.one();
            return pipe.close();
        }
        let key = held.next_key;
        held.next_key += 1;
        let conn = Arc::new(Conn::new(key, pipe, stands, config, now));
        held.conns.insert(key, conn.clone());
        held.pending.insert(key);
        // The oldest handshake gives way, not the newest: whoever means it well is through within a round trip.
        let too_many = held.pending.len() > self.settings.max_pending_handshakes;
        let oldest = if too_many { held.pending.pop_first() } else { None };
        if let Some(oldest) = oldest.and_then(|key| held.conns.get(&key).cloned()) {
            held.ready.push_back((oldest, Visit { evicted: true, ..Visit::default() }));
            self.stats.connections_refused.one();
        }
        self.done(held);
        self.stats.connections.one();
        let added = self.poller.add(key, conn.pipe.raw());
        if added.is_err() {
            self.stats.accept_errors.one();
            self.take_wishes(&conn, Wants { close: true, ..Wants::default() });
            conn.pipe.close();
            return;
        }
        // The preface's answer, and the timer of the handshake; input that is here already comes as an edge.
        let mut held = self.lock();
        held.ready.push_back((conn, Visit { ready: Ready { write: true, ..Ready::default() }, ..Visit::default() }));
        held.rouse(&self.limits, now);
        self.done(held);
    }
}
