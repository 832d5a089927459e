//! The operations of calls on a connection: start, send, pull, and a whole unary call.

use super::{Direction, Driver, Wait};
use proto_core::call::{CallId, CallOptions, Head, SendError};
use proto_core::channel::Script;
use proto_core::connection::{Ended, Pulled, Sent, StartError};
use proto_core::{MessageBuf, Metadata, Payload, Status};

/// What a call starts with.
pub(crate) enum First<'a> {
    /// Its only message.
    Message(Payload<'a>),
    /// What earlier attempts have sent, if there were any.
    Script(&'a Script),
}

impl Driver {
    /// Starts a call with what it has to say at once, and sends it as far as the socket takes it. False: the message has
    /// to be sent again (`send`, with `last`).
    pub(crate) fn start_call(
        &self,
        head: Head<'_>,
        options: &CallOptions,
        first: &First<'_>,
    ) -> Result<(CallId, bool), StartError> {
        let (mut state, id) = self.start(head, options)?;
        let now = self.os.now();
        let accepted = match (first, state.conn.call(id)) {
            (First::Message(message), Ok(mut call)) => {
                !matches!(call.send_last(now, *message), Err(SendError::Blocked))
            }
            (First::Script(script), Ok(mut call)) => {
                script.play(now, &mut call);
                true
            }
            _ => true,
        };
        state.dispatch(&*self.os);
        self.leave(state);
        Ok((id, accepted))
    }

    /// Pulls the next message of a call. Its end releases it, unless it has failed: whoever judges that does so.
    pub(crate) fn pull(&self, wait: &Wait, id: CallId, into: &mut MessageBuf) -> Pulled {
        let pulled = self.wait(wait, |conn, now| match conn.pull_keeping(now, id, into) {
            Pulled::Nothing => None,
            pulled => Some(pulled),
        });
        pulled.unwrap_or(Pulled::Nothing)
    }

    /// Initial metadata, once it is there, or how the call failed before.
    pub(crate) fn headers(&self, wait: &Wait, id: CallId) -> Option<Result<Metadata, Status>> {
        self.wait(wait, |conn, _| conn.pull_headers(id))
    }

    /// Sends a message; `last` half-closes with it. `None`: not accepted in time.
    pub(crate) fn send(&self, wait: &Wait, id: CallId, message: Payload<'_>, last: bool) -> Option<Sent> {
        let mut state = self.lock();
        if self.is_idle(&state) {
            // Who only sends would not learn of an early answer.
            state = self.drain(state);
        }
        self.wait_for(state, wait, |conn, now| {
            Some(conn.push(now, id, message, last)).filter(|sent| !matches!(sent, Sent::Blocked))
        })
    }

    /// Half-closes.
    pub(crate) fn finish(&self, id: CallId) {
        self.with(|conn, now| {
            if let Ok(mut call) = conn.call(id) {
                // Over already: the receiving side tells how.
                let _ = call.finish(now);
            }
        });
    }

    /// A whole unary call that nobody can cancel: one write, one read, nothing in between. The reply's message stands in
    /// `into`.
    pub(crate) fn exchange(
        &self,
        head: Head<'_>,
        options: &CallOptions,
        request: Payload<'_>,
        into: &mut MessageBuf,
    ) -> Result<Result<Ended, Status>, StartError> {
        let (mut state, id) = self.start(head, options)?;
        let now = self.os.now();
        let blocked = match state.conn.call(id) {
            Ok(mut call) => matches!(call.send_last(now, request), Err(SendError::Blocked)),
            Err(_) => false,
        };
        let deadline = options.deadline;
        if blocked {
            let wait = Wait { call: Some(id), direction: Direction::Send, deadline, until: None, alone: true };
            self.wait_for(state, &wait, |conn, now| {
                let call = conn.call(id).map(|mut call| call.send_last(now, request));
                (!matches!(call, Ok(Err(SendError::Blocked)))).then_some(())
            });
            state = self.lock();
        }
        let wait = Wait { call: Some(id), direction: Direction::Recv, deadline, until: None, alone: true };
        let mut second = MessageBuf::new();
        let mut has_message = false;
        let settled = self.wait_for(state, &wait, |conn, now| {
            loop {
                // Cardinality is the core's to judge: what comes after the one message is the end.
                let place = if has_message { &mut second } else { &mut *into };
                match conn.pull(now, id, place) {
                    Pulled::Message => has_message = true,
                    Pulled::End(ended) => return Some(Ok(ended)),
                    Pulled::Failed(status, _) => return Some(Err(status)),
                    Pulled::Nothing => return None,
                }
            }
        });
        Ok(settled.unwrap_or_else(|| Err(Status::unavailable("the connection was lost"))))
    }
}
