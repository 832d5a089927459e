//! Waiting on a call: one future for each wait, woken for its own event alone, and for the call's end.

use super::conn::Conn;
use crate::os::Timer;
use crate::rules::Rule;
use proto_core::call::CallId;
use proto_core::rpc::CallEvent;
use proto_core::time::Instant;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

/// Ready when the event may have happened, when the call has ended, or at a time. Takes itself off the list when dropped.
pub(super) struct Waiting<'a> {
    conn: &'a Conn,
    id: CallId,
    event: CallEvent,
    until: Option<Instant>,
    timer: Option<Box<dyn Timer>>,
    /// Its place among those who wait.
    key: Option<u64>,
}

impl<'a> Waiting<'a> {
    pub(super) fn new(conn: &'a Conn, id: CallId, event: CallEvent, until: Option<Instant>) -> Self {
        Waiting { conn, id, event, until, timer: None, key: None }
    }

    /// Has it happened? If not, the task is told when it does.
    fn happened(&mut self, cx: &Context<'_>) -> bool {
        let waker = cx.waker().clone();
        let mut held = self.conn.lock();
        let over = held.over(self.id);
        let key = *self.key.get_or_insert_with(|| held.new_key());
        let (happened, left) = match held.calls.get(self.id) {
            _ if over.is_some() => (true, Some(waker)),
            None => (true, Some(waker)),
            Some(entry) => {
                let happened = match self.event {
                    CallEvent::Readable => entry.readable,
                    CallEvent::Writable => entry.writable,
                    CallEvent::End => false,
                };
                let happened = happened && self.conn.hub.rules.hold(Rule::ServerWaitLooks);
                (happened, if happened { Some(waker) } else { entry.wait(key, self.event, waker) })
            }
        };
        drop(held);
        drop((left, over));
        happened
    }
}

impl Future for Waiting<'_> {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let this = self.get_mut();
        if this.happened(cx) {
            return Poll::Ready(());
        }
        let Some(until) = this.until else { return Poll::Pending };
        let os = &this.conn.hub.os;
        let timer = this.timer.get_or_insert_with(|| {
            let mut timer = os.timer();
            timer.set(Some(until));
            timer
        });
        timer.poll(cx)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            let mut held = self.conn.lock();
            let gone = held.calls.get(self.id).and_then(|entry| entry.stop_waiting(key));
            drop(held);
            drop(gone);
        }
    }
}
