// An async trait of the service (here a user's own), given to a blocking server.
//
// expect: error[E0277]
// expect: `AsyncGreeter` does not implement the service `blocking::HelloService`
// expect: expected handlers of this service
// expect: write `impl blocking::HelloService for YourType`, with handlers that are plain `fn`s that may block
// expect: pass `HelloServiceServer::blocking(your_value)` to a blocking server
use proto_build_testing::bare::{HelloReply, HelloRequest, HelloServiceServer};
use proto_core::Status;
use proto_core::rpc::{BlockingService, Request, Response};

trait AsyncHelloService {
    async fn say_hello(&self, request: Request<HelloRequest>) -> Result<Response<HelloReply>, Status>;
}

struct AsyncGreeter;

impl AsyncHelloService for AsyncGreeter {
    async fn say_hello(&self, request: Request<HelloRequest>) -> Result<Response<HelloReply>, Status> {
        Ok(HelloReply { text: request.into_inner().name }.into())
    }
}

fn serve(_: impl BlockingService) {}

fn main() {
    serve(HelloServiceServer::blocking(AsyncGreeter));
}
