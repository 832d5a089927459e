//! What a handler that is a future awaits of its [`Context`].

use crate::grpc::Status;
use crate::rpc::call_handle::{CallEvent, CallHandle};
use crate::rpc::context::Context;
use core::time::Duration;

impl Context {
    /// Waits for the call's end, and yields its status: cancelled by its caller, its deadline, the loss of its
    /// connection. For handlers that are futures; blocking ones have [`wait_cancelled`](Self::wait_cancelled). Detached:
    /// never.
    ///
    /// A task that outlives the handler hears the same; CANCELLED with the words "the call has ended" says that the handler has
    /// returned.
    pub async fn cancelled(&self) -> Status {
        let Some(handle) = self.handle() else { return core::future::pending().await };
        loop {
            if let Some(status) = self.ended(&**handle) {
                return status;
            }
            handle.wait(CallEvent::End, None).await;
        }
    }

    /// Sleeps for `time`, counted from the first poll; ends early, with the call's status, when the call ends. The form
    /// of [`sleep`](Self::sleep) for handlers that are futures. Detached: ready at once.
    ///
    /// It sleeps on the runtime's clock, so that a service under simulation sleeps in virtual time.
    pub async fn sleep_async(&self, time: Duration) -> Result<(), Status> {
        let Some(handle) = self.handle() else { return Ok(()) };
        let until = handle.now() + time;
        loop {
            if let Some(status) = self.ended(&**handle) {
                return Err(status);
            }
            if handle.now() >= until {
                return Ok(());
            }
            handle.wait(CallEvent::End, Some(until)).await;
        }
    }

    /// How the call ended; `None` while it goes on.
    fn ended(&self, handle: &dyn CallHandle) -> Option<Status> {
        let returned = || handle.is_over().then(|| Status::cancelled("the call has ended"));
        self.check().err().or_else(returned)
    }
}
