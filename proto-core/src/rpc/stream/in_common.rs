//! What senders and receivers have in both forms, for handlers that block and for those that are futures: all but how they
//! wait. Written once, inherent in each.

/// Of a `Sender` that is made over a `sink` by `over`, and of its `Pusher`, which has a `remote`.
macro_rules! sender_in_common {
    () => {
        impl<M> Sender<M> {
            /// Of a call.
            pub fn new(context: Context, encode: EncodeFn<M>) -> Self {
                Self::over(Sink::call(context, encode))
            }

            /// The call's context.
            pub fn context(&self) -> &Context {
                &self.sink.context
            }

            /// A way to send that outlives the handler, for other threads and tasks (chat rooms, watches). The call still
            /// ends when its handler returns; then the pusher [is closed](Pusher::is_closed).
            ///
            /// Of a sender [`for_test`](Self::for_test) it is closed from the start: test such handlers over a real call.
            pub fn pusher(&self) -> Pusher<M> {
                Pusher { remote: self.sink.remote() }
            }
        }

        /// For tests of a user's own handlers.
        impl<M> Sender<M> {
            /// A sender that keeps what is sent.
            pub fn for_test() -> Self
            where
                M: Send + Sync + 'static,
            {
                Self::over(Sink::test())
            }

            /// With this context.
            pub fn with_context(mut self, context: Context) -> Self {
                self.sink.context = context;
                self
            }

            /// The caller goes after `messages` messages: what is sent later fails with this status.
            pub fn ending_after(mut self, messages: usize, status: Status) -> Self {
                self.sink.end_after(messages, status);
                self
            }

            /// What was sent through a sender [`for_test`](Self::for_test); nothing on others.
            pub fn sent(&self) -> &[M] {
                self.sink.sent()
            }

            /// Takes what was sent through a sender [`for_test`](Self::for_test).
            pub fn take_sent(&mut self) -> Vec<M> {
                self.sink.take_sent()
            }
        }

        impl<M> fmt::Debug for Sender<M> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct("Sender").field("context", self.context()).finish_non_exhaustive()
            }
        }

        impl<M> Pusher<M> {
            /// Sends one message if there is room now; gives it back when there is none.
            pub fn try_send(&self, message: M) -> Result<(), TrySendError<M>> {
                self.remote.offer(message)
            }

            /// The call is over: nothing can be sent any more.
            pub fn is_closed(&self) -> bool {
                self.remote.is_closed()
            }
        }

        impl<M> Clone for Pusher<M> {
            fn clone(&self) -> Self {
                Pusher { remote: self.remote.clone() }
            }
        }

        impl<M> fmt::Debug for Pusher<M> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct("Pusher").field("closed", &self.is_closed()).finish_non_exhaustive()
            }
        }
    };
}

/// Of a `Receiver` that has a `source`.
macro_rules! receiver_in_common {
    () => {
        impl<M> Receiver<M> {
            /// Of a call.
            pub fn new(context: Context, decode: DecodeFn<M>) -> Self {
                Receiver { source: Source::call(context, decode) }
            }

            /// For tests: these requests, and the failure of the call where an `Err` stands.
            pub fn from_results(requests: impl IntoIterator<Item = Result<M, Status>>) -> Self
            where
                M: Send + Sync + 'static,
            {
                Receiver { source: Source::test(requests) }
            }

            /// For tests: with this context.
            pub fn with_context(mut self, context: Context) -> Self {
                self.source.context = context;
                self
            }

            /// The call's context.
            pub fn context(&self) -> &Context {
                &self.source.context
            }

            /// The next request if it is here already.
            pub fn try_recv(&mut self) -> Result<M, TryRecvError> {
                self.source.pull(Some(Instant::ZERO)).now()
            }
        }

        impl<M: Send + Sync + 'static> FromIterator<M> for Receiver<M> {
            fn from_iter<I: IntoIterator<Item = M>>(requests: I) -> Self {
                Receiver::from_results(requests.into_iter().map(Ok))
            }
        }

        impl<M> fmt::Debug for Receiver<M> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.source.debug(f)
            }
        }
    };
}

pub(crate) use {receiver_in_common, sender_in_common};
