//! What handlers that are futures have instead of the blocking streams: [`Receiver`] of requests, [`Sender`] of replies
//! (with [`Pusher`] for other tasks), and the waiting of a [`Context`](super::Context). The words are the blocking ones,
//! with `.await`.
//!
//! ```
//! use proto_core::rpc::asynchronous::{Receiver, Sender};
//! # use proto_core::{Status, rpc::Request};
//! # use std::{pin::pin, task::{Context, Poll, Waker}, time::Duration};
//! # struct Greeter;
//! // In a program: `impl hello::HelloService for Greeter`.
//! impl Greeter {
//!     async fn count(&self, request: Request<u32>, replies: &mut Sender<u32>) -> Result<(), Status> {
//!         for number in 0..*request {
//!             request.context().sleep_async(Duration::from_millis(10)).await?; // ends early with the call
//!             replies.send(number).await?; // waits while the client does not read
//!         }
//!         Ok(())
//!     }
//!
//!     async fn bidi_hello(&self, requests: &mut Receiver<String>, replies: &mut Sender<String>) -> Result<(), Status> {
//!         while let Some(name) = requests.recv().await? {
//!             replies.send(format!("Hello, {name}!")).await?;
//!         }
//!         Ok(())
//!     }
//! }
//! # fn run<T>(future: impl Future<Output = T>) -> T {
//! #     let Poll::Ready(value) = pin!(future).poll(&mut Context::from_waker(Waker::noop())) else { unreachable!() };
//! #     value
//! # }
//! // A test of it needs no server, and here not even an executor: without a call nothing waits.
//! let mut replies = Sender::for_test();
//! run(Greeter.count(Request::new(3), &mut replies))?;
//! assert_eq!(replies.sent(), [0, 1, 2]);
//! let mut replies = Sender::for_test();
//! run(Greeter.bidi_hello(&mut Receiver::from_iter(["Ada".to_owned()]), &mut replies))?;
//! assert_eq!(replies.sent(), ["Hello, Ada!"]);
//! # Ok::<(), Status>(())
//! ```
//!
//! Nothing here knows an executor, a waker or a thread: a future asks the runtime's [`CallHandle`](super::CallHandle) without waiting, and
//! when there is nothing yet awaits [its event](super::CallHandle::wait), which is the only allocation. All futures are `Send`, whatever
//! the messages are, and may be dropped at any point: what was awaited then has happened as a whole or not at all.

#[cfg(feature = "futures")]
mod adapters;
mod context;
mod receiver;
mod sender;
#[cfg(test)]
mod tests;

#[cfg(feature = "futures")]
pub use adapters::{ReplySink, RequestStream};
pub use receiver::Receiver;
pub use sender::{Pusher, Sender};
