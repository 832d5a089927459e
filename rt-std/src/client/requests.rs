//! Requests of a call whose client streams: [`Requests`], and the two shapes of call that have them.

use super::call::Call;
use super::call::scratch::{Encoded, with_message};
use super::streaming::{Streaming, cancel};
use super::unary::{respond, settle};
use proto_core::Metadata;
use proto_core::Status;
use proto_core::rpc::method::{DecodeFn, EncodeFn};
use proto_core::rpc::{Response, SendError, TryRecvError, TrySendError};
use proto_core::time::Instant;
use std::cell::OnceCell;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// The sending half of a bidirectional call ([`Bidi::split`]).
///
/// [`finish`](Self::finish) ends it properly; dropping it before cancels the call.
#[must_use = "the call is cancelled when its requests are dropped without `finish`"]
pub struct Requests<Q> {
    call: Arc<Call>,
    encode: EncodeFn<Q>,
    finished: bool,
}

impl<Q> Requests<Q> {
    fn new(call: Arc<Call>, encode: EncodeFn<Q>) -> Self {
        Requests { call, encode, finished: false }
    }

    /// Sends one message; blocks while the server does not take it.
    ///
    /// # Errors
    /// `Ended`: the call is over (the server has answered already, or this side has ended it), and the receiving side tells
    /// how; or the requests were finished. `Failed`: the call could not be started, or the message cannot be sent.
    pub fn send(&mut self, message: Q) -> Result<(), SendError> {
        let encoded = Encoded::new(&message, self.encode).map_err(SendError::Failed)?;
        while !self.call.send(encoded.payload(), None)? {}
        Ok(())
    }

    /// Sends one message if the server takes it now.
    ///
    /// # Errors
    /// `Full` gives the message back; otherwise as with [`send`](Self::send).
    pub fn try_send(&mut self, message: Q) -> Result<(), TrySendError<Q>> {
        let sent = Encoded::new(&message, self.encode)
            .map_err(SendError::Failed)
            .and_then(|encoded| self.call.send(encoded.payload(), Some(Instant::ZERO)));
        match sent {
            Ok(true) => Ok(()),
            Ok(false) => Err(TrySendError::Full(message)),
            Err(error) => Err(TrySendError::Failed(error)),
        }
    }

    /// Sends these messages, until the server has answered, if it does before the last. Each leaves at once, as with `send`:
    /// the iterator may wait for something that the server does with the one before.
    ///
    /// # Errors
    /// `Failed`, as with [`send`](Self::send). `Ended` is none: the receiving side tells.
    pub fn send_all(&mut self, messages: impl IntoIterator<Item = Q>) -> Result<(), SendError> {
        for message in messages {
            match self.send(message) {
                Err(SendError::Ended) => break,
                other => other?,
            }
        }
        Ok(())
    }

    /// No more messages.
    ///
    /// # Errors
    /// `Failed`: the call could not be started.
    pub fn finish(mut self) -> Result<(), SendError> {
        self.half_close()
    }

    fn half_close(&mut self) -> Result<(), SendError> {
        self.finished = true;
        self.call.finish()
    }
}

impl<Q> Drop for Requests<Q> {
    fn drop(&mut self) {
        if !self.finished {
            // Nothing happens if it is over already.
            cancel(&self.call);
        }
    }
}

impl<Q> fmt::Debug for Requests<Q> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Requests").field("call", &self.call).field("finished", &self.finished).finish()
    }
}

/// A call with many requests and one reply. Dropping it cancels the call; [`finish`](Self::finish) ends it properly.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/hello.rs"));
/// # fn main() { both! { |channel, hello| {
/// # let names = ["Ada", "Bob"].map(String::from);
/// let mut call = hello.lots_of_greetings();
/// for name in names {
///     match call.send(HelloRequest { greeting: name }) {
///         Err(SendError::Ended) => break, // the server answered early; finish() tells what
///         other => other?,
///     }
/// }
/// let reply = call.finish()?; // reply.all_sent() is false after an early answer; call.send_all(iter) does the loop
/// assert_eq!((&reply.reply[..], reply.all_sent()), ("Ada, Bob", true));
/// # } } }
/// ```
#[must_use = "the call is cancelled when this is dropped without `finish`"]
pub struct ClientStreaming<Q, M> {
    requests: Requests<Q>,
    decode: DecodeFn<M>,
    headers: OnceCell<Metadata>,
}

impl<Q, M> ClientStreaming<Q, M> {
    pub(super) fn new(call: Arc<Call>, encode: EncodeFn<Q>, decode: DecodeFn<M>) -> Self {
        ClientStreaming { requests: Requests::new(call, encode), decode, headers: OnceCell::new() }
    }

    /// See [`Requests::send`].
    ///
    /// # Errors
    /// See there.
    pub fn send(&mut self, message: Q) -> Result<(), SendError> {
        self.requests.send(message)
    }

    /// See [`Requests::try_send`].
    ///
    /// # Errors
    /// See there.
    pub fn try_send(&mut self, message: Q) -> Result<(), TrySendError<Q>> {
        self.requests.try_send(message)
    }

    /// See [`Requests::send_all`].
    ///
    /// # Errors
    /// See there.
    pub fn send_all(&mut self, messages: impl IntoIterator<Item = Q>) -> Result<(), SendError> {
        self.requests.send_all(messages)
    }

    /// The server's initial metadata; waits until it is there.
    ///
    /// # Errors
    /// The call failed before it came.
    pub fn headers(&self) -> Result<&Metadata, Status> {
        match self.headers.get() {
            Some(headers) => Ok(headers),
            None => {
                let headers = self.requests.call.headers()?;
                Ok(self.headers.get_or_init(|| headers))
            }
        }
    }

    /// No more messages: waits for the reply. Its `all_sent()` is false if it came before all requests had left.
    ///
    /// # Errors
    /// The call failed.
    pub fn finish(mut self) -> Result<Response<M>, Status> {
        // If it could not be started, the reply's side says the same.
        let _ = self.requests.half_close();
        with_message(|reply| {
            let mut ended = settle(&self.requests.call, reply)?;
            ended.headers = ended.headers.or(self.headers.take());
            respond(ended, reply, self.decode)
        })
    }

    /// Ends the call: its handler at the server hears of it.
    pub fn cancel(self) {}
}

impl<Q, M> fmt::Debug for ClientStreaming<Q, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientStreaming").field("requests", &self.requests).finish_non_exhaustive()
    }
}

/// A call with many requests and many replies, in any order. [`split`](Self::split) lets two threads have a half each.
/// Dropping it before the end cancels the call.
///
/// ```
/// # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/hello.rs"));
/// # fn main() { both! { |channel, hello| {
/// # use std::thread;
/// # let greetings = [greeting("Ada"), greeting("Bob")];
/// let (mut requests, replies) = hello.bidi_hello().split();
/// thread::scope(|s| -> Result<(), Status> {
///     s.spawn(move || {
///         for greeting in greetings {
///             requests.send(greeting)?;
///         }
///         requests.finish()
///     });
///     for reply in replies {
///         println!("{}", reply?.reply);
///     }
///     Ok(())
/// })?;
/// # } } }
/// ```
#[must_use = "the call is cancelled when this is dropped"]
pub struct Bidi<Q, M> {
    requests: Requests<Q>,
    replies: Streaming<M>,
}

impl<Q, M> Bidi<Q, M> {
    pub(super) fn new(call: Arc<Call>, encode: EncodeFn<Q>, decode: DecodeFn<M>) -> Self {
        Bidi { requests: Requests::new(call.clone(), encode), replies: Streaming::new(call, decode) }
    }

    /// The two halves. Dropping one of them early cancels the call; [`Requests::finish`] does not.
    pub fn split(self) -> (Requests<Q>, Streaming<M>) {
        (self.requests, self.replies)
    }

    /// See [`Requests::send`].
    ///
    /// # Errors
    /// See there.
    pub fn send(&mut self, message: Q) -> Result<(), SendError> {
        self.requests.send(message)
    }

    /// See [`Requests::try_send`].
    ///
    /// # Errors
    /// See there.
    pub fn try_send(&mut self, message: Q) -> Result<(), TrySendError<Q>> {
        self.requests.try_send(message)
    }

    /// See [`Requests::send_all`]: it does not read replies meanwhile.
    ///
    /// # Errors
    /// See there.
    pub fn send_all(&mut self, messages: impl IntoIterator<Item = Q>) -> Result<(), SendError> {
        self.requests.send_all(messages)
    }

    /// No more requests; replies still come.
    ///
    /// # Errors
    /// See [`Requests::finish`].
    pub fn finish(&mut self) -> Result<(), SendError> {
        self.requests.half_close()
    }

    /// See [`Streaming::recv`].
    ///
    /// # Errors
    /// See there.
    pub fn recv(&mut self) -> Result<Option<M>, Status> {
        self.replies.recv()
    }

    /// See [`Streaming::try_recv`].
    ///
    /// # Errors
    /// See there.
    pub fn try_recv(&mut self) -> Result<M, TryRecvError> {
        self.replies.try_recv()
    }

    /// See [`Streaming::recv_timeout`].
    ///
    /// # Errors
    /// See there.
    pub fn recv_timeout(&mut self, time: Duration) -> Result<M, TryRecvError> {
        self.replies.recv_timeout(time)
    }

    /// See [`Streaming::headers`].
    ///
    /// # Errors
    /// See there.
    pub fn headers(&self) -> Result<&Metadata, Status> {
        self.replies.headers()
    }

    /// See [`Streaming::trailers`].
    pub fn trailers(&self) -> &Metadata {
        self.replies.trailers()
    }

    /// Ends the call: its handler at the server hears of it. What comes after is CANCELLED.
    pub fn cancel(&mut self) {
        self.replies.cancel();
    }
}

impl<Q, M> Iterator for Bidi<Q, M> {
    type Item = Result<M, Status>;

    fn next(&mut self) -> Option<Self::Item> {
        self.replies.next()
    }
}

impl<Q, M> fmt::Debug for Bidi<Q, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bidi").field("requests", &self.requests).field("replies", &self.replies).finish()
    }
}
