//! A library over a gRPC service, written once for every runtime: it depends on `proto-core` alone, and its users bring
//! the front that makes the calls (`rt_std::Channel`, `rt_smol::Channel`, one of their own).
//!
//! Its methods are futures. Over an async channel they are awaited; over a blocking one `rt_std::settled(future)` runs
//! them, which is no executor: everything in them is ready when it is asked for.

use hello::{HelloRequest, HelloServiceClient};
use proto_core::Status;
use proto_core::rpc::{AnyFront, Request, SendError};
use std::time::Duration;

/// The service, as generated.
pub mod hello {
    proto_core::include_proto!("hello.v1");
}

/// Welcomes guests. `F` is the front that makes the calls.
#[derive(Clone, Debug)]
pub struct Reception<F> {
    hello: HelloServiceClient<F>,
}

impl<F: AnyFront> Reception<F> {
    /// Over this front.
    pub fn new(front: F) -> Self {
        Reception { hello: HelloServiceClient::new(front) }
    }

    /// Welcomes one guest.
    ///
    /// # Errors
    /// The call failed, or took longer than `patience`.
    pub async fn welcome(&self, guest: &str, patience: Duration) -> Result<String, Status> {
        let request = Request::new(HelloRequest { greeting: guest.into() }).with_timeout(patience);
        Ok(F::settle(self.hello.say_hello(request)).await?.into_inner().reply)
    }

    /// Welcomes a guest again and again.
    ///
    /// # Errors
    /// The call failed on the way.
    pub async fn welcome_often(&self, guest: &str) -> Result<Vec<String>, Status> {
        let mut replies = self.hello.lots_of_replies(HelloRequest { greeting: guest.into() });
        let mut welcomes = Vec::new();
        while let Some(reply) = F::next(&mut replies).await {
            welcomes.push(reply?.reply);
        }
        Ok(welcomes)
    }

    /// Welcomes a party at once.
    ///
    /// # Errors
    /// The call failed.
    pub async fn welcome_all(&self, guests: &[&str]) -> Result<String, Status> {
        let mut call = self.hello.lots_of_greetings();
        for guest in guests {
            match F::send(&mut call, HelloRequest { greeting: (*guest).into() }).await {
                // The server has answered early: `finish` tells what.
                Err(SendError::Ended) => break,
                other => other?,
            }
        }
        Ok(F::finish(call).await?.into_inner().reply)
    }
}
