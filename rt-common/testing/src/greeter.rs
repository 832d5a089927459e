//! A service that echoes and tells who calls, in both forms.

use proto_build_testing::hello::v1::{HelloRequest, HelloResponse, HelloService, blocking};
use proto_core::Status;
use proto_core::rpc::{Request, Response};

/// Echoes; "who" is answered with the lengths of the caller's certificates.
#[derive(Clone, Debug)]
pub struct Greeter;

pub fn greeting(text: impl Into<String>) -> HelloRequest {
    HelloRequest { greeting: text.into() }
}

fn reply(text: impl Into<String>) -> HelloResponse {
    HelloResponse { reply: text.into() }
}

fn answer(request: Request<HelloRequest>) -> Response<HelloResponse> {
    if request.greeting == "who" {
        let lengths: Vec<_> = request.context().certificates().iter().map(|der| der.len().to_string()).collect();
        return reply(lengths.join(" ")).into();
    }
    reply(request.into_inner().greeting).into()
}

impl blocking::HelloService for Greeter {
    fn say_hello(&self, request: Request<HelloRequest>) -> Result<Response<HelloResponse>, Status> {
        Ok(answer(request))
    }

    fn lots_of_replies(
        &self,
        request: Request<HelloRequest>,
        replies: &mut rt_std::Sender<HelloResponse>,
    ) -> Result<(), Status> {
        (0..1_000).try_for_each(|i| replies.send(reply(format!("{i} {}", request.greeting))))
    }

    fn lots_of_greetings(
        &self,
        requests: &mut rt_std::Receiver<HelloRequest>,
    ) -> Result<Response<HelloResponse>, Status> {
        let total = requests.try_fold(0, |sum, request| Ok::<_, Status>(sum + request?.greeting.len()))?;
        Ok(reply(total.to_string()).into())
    }

    fn bidi_hello(
        &self,
        requests: &mut rt_std::Receiver<HelloRequest>,
        replies: &mut rt_std::Sender<HelloResponse>,
    ) -> Result<(), Status> {
        for request in requests {
            replies.send(reply(request?.greeting))?;
        }
        Ok(())
    }
}

impl HelloService for Greeter {
    async fn say_hello(&self, request: Request<HelloRequest>) -> Result<Response<HelloResponse>, Status> {
        Ok(answer(request))
    }

    async fn lots_of_replies(
        &self,
        request: Request<HelloRequest>,
        replies: &mut rt_smol::Sender<HelloResponse>,
    ) -> Result<(), Status> {
        for i in 0..1_000 {
            replies.send(reply(format!("{i} {}", request.greeting))).await?;
        }
        Ok(())
    }

    async fn lots_of_greetings(
        &self,
        requests: &mut rt_smol::Receiver<HelloRequest>,
    ) -> Result<Response<HelloResponse>, Status> {
        let mut total = 0;
        while let Some(request) = requests.recv().await? {
            total += request.greeting.len();
        }
        Ok(reply(total.to_string()).into())
    }

    async fn bidi_hello(
        &self,
        requests: &mut rt_smol::Receiver<HelloRequest>,
        replies: &mut rt_smol::Sender<HelloResponse>,
    ) -> Result<(), Status> {
        while let Some(request) = requests.recv().await? {
            replies.send(reply(request.greeting)).await?;
        }
        Ok(())
    }
}
