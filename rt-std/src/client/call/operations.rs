//! What handles do with a call: pull, send, finish. Each starts the call first, if it does not run yet.

use super::super::driver::{Direction, Driver, Wait};
use super::{Call, NotRunning};
use proto_core::call::{CallId, Kind, SendError as CoreSendError};
use proto_core::connection::{Ended, Pulled};
use proto_core::rpc::SendError;
use proto_core::time::Instant;
use proto_core::{MessageBuf, Metadata, Payload, Status};
use std::sync::atomic::Ordering::Relaxed;

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
            let (driver, id) = match self.running(until) {
                Ok(running) => running,
                Err(NotRunning::TimedOut) => return Pulled::Nothing,
                Err(NotRunning::Over(status)) => return Pulled::Failed(status, None),
            };
            if !self.send_request(&driver, id, until) {
                return Pulled::Nothing;
            }
            let pulled = driver.pull(&self.wait(id, Direction::Recv, until), id, into);
            match &pulled {
                Pulled::Failed(status, _) if self.again(status) => continue,
                Pulled::Failed(status, _) => self.over(status.clone()),
                Pulled::Message => self.delivered.store(true, Relaxed),
                Pulled::End(_) => {
                    driver.serves();
                    self.over(Status::OK);
                }
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
            let (driver, id) = match self.running(None) {
                Ok(running) => running,
                Err(NotRunning::TimedOut) => continue,
                Err(NotRunning::Over(status)) if status.is_ok() => return Ok(Metadata::new()),
                Err(NotRunning::Over(status)) => return Err(status),
            };
            if !self.send_request(&driver, id, None) {
                continue;
            }
            match driver.headers(&self.wait(id, Direction::Recv, None), id) {
                Some(Err(status)) if self.again(&status) => {}
                Some(result) => {
                    self.delivered.store(true, Relaxed);
                    return result;
                }
                None => return Err(Status::unavailable("the connection was lost")),
            }
        }
    }

    /// Sends a message of a streaming client. `Ok(false)`: not accepted in time.
    pub(crate) fn send(&self, message: Payload<'_>, until: Option<Instant>) -> Result<bool, SendError> {
        let (driver, id) = match self.running(until) {
            Ok(running) => running,
            Err(NotRunning::TimedOut) => return Ok(false),
            Err(NotRunning::Over(status)) if status.is_ok() => return Err(SendError::Ended),
            Err(NotRunning::Over(status)) => return Err(SendError::Failed(status)),
        };
        match driver.send(&self.wait(id, Direction::Send, until), id, message, false) {
            Some(Ok(())) => Ok(true),
            Some(Err(CoreSendError::Ended)) => Err(SendError::Ended),
            Some(Err(CoreSendError::TooLarge(status))) => Err(SendError::Failed(status)),
            Some(Err(CoreSendError::Blocked)) | None => Ok(false),
        }
    }

    /// Half-closes.
    pub(crate) fn finish(&self) -> Result<(), SendError> {
        match self.running(None) {
            Ok((driver, id)) => {
                driver.finish(id);
                Ok(())
            }
            Err(NotRunning::Over(status)) if !status.is_ok() => Err(SendError::Failed(status)),
            Err(_) => Ok(()),
        }
    }
}
