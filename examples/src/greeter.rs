//! The handlers that the examples of loops serve: `async fn`s that know no runtime.

use crate::hello::{HelloRequest, HelloResponse, HelloService};
use proto_core::Status;
use proto_core::rpc::asynchronous::{Receiver, Sender};
use proto_core::rpc::{Request, Response};
use std::time::Duration;

/// Greets, in the four shapes. "patience" is greeted after a minute, for callers with a deadline.
pub struct Greeter;

impl HelloService for Greeter {
    async fn say_hello(&self, request: Request<HelloRequest>) -> Result<Response<HelloResponse>, Status> {
        match request.greeting.as_str() {
            "" => return Err(Status::invalid_argument("greeting is empty")),
            "patience" => request.context().sleep_async(Duration::from_secs(60)).await?,
            _ => {}
        }
        Ok(HelloResponse { reply: format!("Hello, {}!", request.greeting) }.into())
    }

    async fn lots_of_replies(
        &self,
        request: Request<HelloRequest>,
        replies: &mut Sender<HelloResponse>,
    ) -> Result<(), Status> {
        for i in 1..=3 {
            replies.send(HelloResponse { reply: format!("Hello {i}, {}!", request.greeting) }).await?;
        }
        Ok(())
    }

    async fn lots_of_greetings(
        &self,
        requests: &mut Receiver<HelloRequest>,
    ) -> Result<Response<HelloResponse>, Status> {
        let mut names = Vec::new();
        while let Some(request) = requests.recv().await? {
            names.push(request.greeting);
        }
        Ok(HelloResponse { reply: format!("Hello, {}!", names.join(", ")) }.into())
    }

    async fn bidi_hello(
        &self,
        requests: &mut Receiver<HelloRequest>,
        replies: &mut Sender<HelloResponse>,
    ) -> Result<(), Status> {
        while let Some(request) = requests.recv().await? {
            replies.send(HelloResponse { reply: format!("Hello, {}!", request.greeting) }).await?;
        }
        Ok(())
    }
}
