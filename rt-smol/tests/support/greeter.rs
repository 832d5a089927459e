// Included by tests and by the examples in the documentation: a server for the generated code.

#[allow(unused_imports)]
use proto_build_testing::hello::v1::{self as hello, HelloRequest, HelloResponse};
#[allow(unused_imports)]
use rt_smol::{Receiver, Request, Response, Sender, Status};

/// Says hello.
#[derive(Clone, Debug)]
pub struct Greeter;

#[allow(dead_code)]
fn reply(text: impl Into<String>) -> HelloResponse {
    HelloResponse { reply: text.into() }
}

impl hello::HelloService for Greeter {
    async fn say_hello(&self, request: Request<HelloRequest>) -> Result<Response<HelloResponse>, Status> {
        if request.greeting.is_empty() {
            return Err(Status::invalid_argument("greeting is empty"));
        }
        if request.greeting == "slow" {
            request.context().sleep_async(std::time::Duration::from_secs(600)).await?;
        }
        let text = format!("Hello, {}!", request.greeting);
        Ok(Response::new(reply(text)).with_metadata("x-server", "1").with_trailer("x-cost", "3"))
    }

    async fn lots_of_replies(&self, request: Request<HelloRequest>, replies: &mut Sender<HelloResponse>) -> Result<(), Status> {
        for i in 0..10 {
            replies.send(reply(format!("{i} {}", request.greeting))).await?;
        }
        Ok(())
    }

    async fn lots_of_greetings(&self, requests: &mut Receiver<HelloRequest>) -> Result<Response<HelloResponse>, Status> {
        let mut names = Vec::new();
        while let Some(request) = requests.recv().await? {
            names.push(request.greeting);
        }
        Ok(reply(names.join(", ")).into())
    }

    async fn bidi_hello(&self, requests: &mut Receiver<HelloRequest>, replies: &mut Sender<HelloResponse>) -> Result<(), Status> {
        while let Some(request) = requests.recv().await? {
            replies.send(reply(format!("Hello, {}!", request.greeting))).await?;
        }
        Ok(())
    }
}
