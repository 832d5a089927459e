// expect: error[E0053]
// expect: method `bidi_hello` has an incompatible type for trait
// expect: proto_core::rpc::asynchronous::Receiver<
use proto_build_testing::hello::v1::{HelloRequest, HelloResponse, HelloService};
use proto_core::Status;
use proto_core::rpc::asynchronous::Sender;
use proto_core::rpc::{Receiver, Request, Response, asynchronous};

struct Greeter;

impl HelloService for Greeter {
    async fn say_hello(&self, _: Request<HelloRequest>) -> Result<Response<HelloResponse>, Status> {
        Ok(HelloResponse::default().into())
    }
    async fn lots_of_replies(&self, _: Request<HelloRequest>, _: &mut Sender<HelloResponse>) -> Result<(), Status> {
        Ok(())
    }
    async fn lots_of_greetings(
        &self,
        _: &mut asynchronous::Receiver<HelloRequest>,
    ) -> Result<Response<HelloResponse>, Status> {
        Ok(HelloResponse::default().into())
    }
    async fn bidi_hello(
        &self,
        _: &mut Receiver<HelloRequest>,
        _: &mut Sender<HelloResponse>,
    ) -> Result<(), Status> {
        Ok(())
    }
}

fn main() {}
