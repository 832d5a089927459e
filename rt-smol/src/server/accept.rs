//! Accepting: whatever goes wrong with one connection, or with us for a while, the next one is still accepted.

use super::hub::Hub;
use crate::os::{Listener, Timer};
use crate::sync::assert_unlocked;
use rt_common::accept;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

/// Accepts until the server stops. Dropped, it closes the listener.
pub(super) struct Accepting {
    hub: Arc<Hub>,
    listener: Option<Arc<dyn Listener>>,
    timer: Box<dyn Timer>,
    /// How long the next pause is, and whether one is on.
    pause: Duration,
    paused: bool,
}

impl Accepting {
    pub(super) fn new(hub: Arc<Hub>, listener: Arc<dyn Listener>) -> Self {
        hub.listening(true);
        let timer = hub.os.timer();
        Accepting { hub, listener: Some(listener), timer, pause: accept::PAUSE, paused: false }
    }

    /// Closes the listener; a Unix socket's file goes with it.
    fn close(&mut self) {
        if let Some(listener) = self.listener.take() {
            drop(listener);
            self.hub.listening(false);
        }
    }
}

impl Future for Accepting {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        this.hub.accepting(cx);
        for _ in 0..accept::ROUND {
            if this.hub.is_stopping() {
                this.close();
            }
            let Some(listener) = &this.listener else { return Poll::Ready(()) };
            if this.paused {
                std::task::ready!(this.timer.poll(cx));
                this.paused = false;
            }
            assert_unlocked();
            match std::task::ready!(listener.poll_accept(cx)) {
                Ok(pipe) => {
                    this.pause = accept::PAUSE;
                    this.hub.serve(pipe);
                }
                Err(error) => {
                    this.hub.stats.accept_errors.one();
                    if !accept::of_one_connection(&error) {
                        this.timer.set(Some(this.hub.os.now() + this.pause));
                        this.pause = accept::next_pause(this.pause);
                        this.paused = true;
                    }
                }
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }
}

impl Drop for Accepting {
    fn drop(&mut self) {
        self.close();
    }
}
