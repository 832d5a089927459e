//! The replies of a call whose server streams, as its handle pulls them: decoded, and what comes with the end.
//!
//! What it does not do: wait, and keep initial metadata that was asked for before (the handles do, each in its way).

use proto_core::connection::Pulled;
use proto_core::rpc::TryRecvError;
use proto_core::rpc::method::DecodeFn;
use proto_core::{MessageBuf, Metadata, Status};

/// What is there of a call's replies.
pub struct Replies<M> {
    decode: DecodeFn<M>,
    buffer: MessageBuf,
    trailers: Metadata,
    over: bool,
}

/// What a pull brought.
pub struct Taken<M> {
    /// The next reply, the end, or how the call failed.
    pub reply: Result<Option<M>, Status>,
    /// Initial metadata that came with the end.
    pub headers: Option<Metadata>,
    /// A reply that does not parse: nothing good can follow, so the call is to be stopped with this status.
    pub stop: Option<Status>,
}

impl<M> Replies<M> {
    /// Of a call that has just been started.
    pub fn new(decode: DecodeFn<M>) -> Self {
        Replies { decode, buffer: MessageBuf::new(), trailers: Metadata::new(), over: false }
    }

    /// The end was handed out.
    pub fn is_over(&self) -> bool {
        self.over
    }

    /// The server's trailing metadata, once the call has ended well; empty before.
    pub fn trailers(&self) -> &Metadata {
        &self.trailers
    }

    /// Pulls into this buffer, and takes what it brought; `None`: nothing yet. After the end always the end.
    pub fn take(&mut self, pull: impl FnOnce(&mut MessageBuf) -> Pulled) -> Option<Taken<M>> {
        let reply = |reply| Taken { reply, headers: None, stop: None };
        if self.over {
            return Some(reply(Ok(None)));
        }
        let taken = match pull(&mut self.buffer) {
            Pulled::Nothing => return None,
            Pulled::Message => match (self.decode)(&mut self.buffer) {
                Ok(message) => return Some(reply(Ok(Some(message)))),
                Err(status) => Taken { reply: Err(status.clone()), headers: None, stop: Some(status) },
            },
            Pulled::End(ended) => {
                self.trailers = ended.trailers;
                Taken { reply: Ok(None), headers: ended.headers, stop: None }
            }
            Pulled::Failed(status, headers) => Taken { reply: Err(status), headers, stop: None },
        };
        self.over = true;
        Some(taken)
    }
}

/// What was received, as `try_recv` has it; `None`: nothing in time.
///
/// # Errors
/// There is nothing, or there will be nothing more.
pub fn received<M>(reply: Option<Result<Option<M>, Status>>) -> Result<M, TryRecvError> {
    match reply {
        Some(Ok(Some(message))) => Ok(message),
        Some(Ok(None)) => Err(TryRecvError::Ended),
        Some(Err(status)) => Err(TryRecvError::Failed(status)),
        None => Err(TryRecvError::Empty),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proto_core::Code;

    fn refuse(_: &mut MessageBuf) -> Result<(), Status> {
        Err(Status::internal("no message"))
    }

    #[test]
    fn a_reply_that_does_not_parse_is_the_last_and_stops_the_call() {
        let mut replies = Replies::new(refuse);
        assert!(replies.take(|_| Pulled::Nothing).is_none() && !replies.is_over());
        let taken = replies.take(|_| Pulled::Message).expect("a reply");
        assert_eq!(taken.stop.map(|status| status.code()), Some(Code::Internal));
        assert!(matches!(received(Some(taken.reply)), Err(TryRecvError::Failed(_))));
        let after = replies.take(|_| panic!("nothing is pulled any more")).expect("the end");
        assert!(matches!(received(Some(after.reply)), Err(TryRecvError::Ended)));
    }

    #[test]
    fn what_comes_with_a_failure_is_handed_out_once() {
        let mut replies = Replies::new(refuse);
        let failed = || Pulled::Failed(Status::aborted("x"), Some(Metadata::new()));
        let taken = replies.take(|_| failed()).expect("the failure");
        assert!(taken.headers.is_some() && taken.stop.is_none() && replies.is_over());
        assert!(replies.take(|_| failed()).is_some_and(|taken| taken.headers.is_none()));
    }
}
