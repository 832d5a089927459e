//! What handles do with a call: pull, send, finish. Each starts the call first, if it does not run yet.

use super::super::driver::{Direction, Driver, Wait};
use super::{Call, NotRunning, RELEASED_AFTER_VERDICT, Running, TAKEN_IN_VAIN};
use crate::os::in_force;
use proto_core::call::{CallId, Kind};
use proto_core::connection::{Ended, Pulled, Sent};
use proto_core::rpc::SendError;
use proto_core::time::Instant;
use proto_core::{MessageBuf, Metadata, Payload, Status};

impl Call {
    fn wait(&self, id: CallId, direction: Direction, until: Option<Instant>) -> Wait {
        // Two handles share a bidirectional call, and each may end it.
        let alone = self.subscriptions.get().is_none() && self.options.kind != Kind::BIDI;
        Wait { call: Some(id), direction, deadline: self.options.deadline, until, alone }
    }

    /// Sends the request's one message, if the connection had no room for it at the start. False: not in time.
    fn send_request(&self, driver: &Driver, id: CallId, until: Option<Instant>) -> bool {
        let request = {
            let state = self.lock();
            if !state.unsent {
                return true;
            }
            state.request.clone()
        };
        let Some(request) = request else { return true };
        let wait = self.wait(id, Direction::Send, until);
        // Whatever else came of it, the receiving side tells.
        let sent = driver.send(&wait, id, Payload::Shared(&request), true).is_some();
        if sent {
            self.lock().unsent = false;
        }
        sent
    }

    /// Pulls the next message, waiting until `until` at the longest.
    pub(crate) fn pull(&self, into: &mut MessageBuf, until: Option<Instant>) -> Pulled {
        loop {
            let Running { driver, id, attempt } = match self.running(until) {
                Ok(running) => running,
                Err(NotRunning::TimedOut) => return Pulled::Nothing,
                Err(NotRunning::Over(status)) => return Pulled::Failed(status, None),
            };
            if !self.send_request(&driver, id, until) {
                return Pulled::Nothing;
            }
            let pulled = driver.pull(&self.wait(id, Direction::Recv, until), id, into);
            match &pulled {
                Pulled::Failed(status, _) => {
                    if !in_force(&*self.channel.shared().os, RELEASED_AFTER_VERDICT) {
                        driver.release(id);
                    }
                    if self.again(attempt, status) {
                        continue;
                    }
                    self.over(status.clone());
                    driver.release(id);
                }
                Pulled::Message => self.commit(),
                Pulled::End(_) => self.over(Status::OK),
                Pulled::Nothing => {}
            }
            return pulled;
        }
    }

    /// Pulls the one reply of a unary or client-streaming call. `None`: not in time; what came so far stays in `into`.
    pub(crate) fn pull_reply(
        &self,
        into: &mut MessageBuf,
        has_message: &mut bool,
        until: Option<Instant>,
    ) -> Option<Result<Ended, Status>> {
        let mut second = MessageBuf::new();
        loop {
            let place = if *has_message { &mut second } else { &mut *into };
            match self.pull(place, until) {
                Pulled::Message => *has_message = true,
                Pulled::End(ended) => return Some(Ok(ended)),
                Pulled::Failed(status, _) => return Some(Err(status)),
                Pulled::Nothing => return None,
            }
        }
    }

    /// Initial metadata, once it is there.
    pub(crate) fn headers(&self) -> Result<Metadata, Status> {
        loop {
            let Running { driver, id, attempt } = match self.running(None) {
                Ok(running) => running,
                Err(NotRunning::TimedOut) => continue,
                Err(NotRunning::Over(status)) if status.is_ok() => return Ok(Metadata::new()),
                Err(NotRunning::Over(status)) => return Err(status),
            };
            if !self.send_request(&driver, id, None) {
                continue;
            }
            match driver.headers(&self.wait(id, Direction::Recv, None), id) {
                Some(Err(status)) if self.again(attempt, &status) => {}
                Some(result) => {
                    self.commit();
                    return result;
                }
                None => return Err(Status::unavailable("the connection was lost")),
            }
        }
    }

    /// Sends a message of a streaming client. `Ok(false)`: not accepted in time.
    pub(crate) fn send(&self, message: Payload<'_>, until: Option<Instant>) -> Result<bool, SendError> {
        loop {
            let running = match self.running(until) {
                Ok(running) => running,
                Err(NotRunning::TimedOut) => return Ok(false),
                Err(NotRunning::Over(status)) if status.is_ok() => return Err(SendError::Ended),
                Err(NotRunning::Over(status)) => return Err(SendError::Failed(status)),
            };
            let wait = self.wait(running.id, Direction::Send, until);
            match running.driver.send(&wait, running.id, message, false) {
                Some(Sent::Accepted { answered }) => {
                    if self.keep(&running, message, answered) {
                        return Ok(true);
                    }
                }
                Some(Sent::TooLarge(status)) => return Err(SendError::Failed(status)),
                Some(Sent::Ended(Some(status))) if self.again(running.attempt, &status) => {}
                Some(Sent::Ended(None)) if self.has_left(running.attempt) => {}
                Some(Sent::Ended(_)) => return Err(SendError::Ended),
                Some(Sent::Blocked) | None => return Ok(false),
            }
        }
    }

    /// An attempt took this message. False: in vain, it is over and the call goes on in another one.
    fn keep(&self, running: &Running, message: Payload<'_>, answered: bool) -> bool {
        let kept = self.lock().replay.sent(running.attempt, message);
        if kept && answered {
            self.commit();
        }
        kept || !in_force(&*self.channel.shared().os, TAKEN_IN_VAIN)
    }

    /// Half-closes.
    pub(crate) fn finish(&self) -> Result<(), SendError> {
        loop {
            match self.running(None) {
                Ok(running) => {
                    running.driver.finish(running.id);
                    if self.lock().replay.ended(running.attempt) {
                        return Ok(());
                    }
                }
                Err(NotRunning::Over(status)) if !status.is_ok() => return Err(SendError::Failed(status)),
                Err(_) => return Ok(()),
            }
        }
    }
}
