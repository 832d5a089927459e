// expect: error[E0277]
// expect: Blocking<Greeter>>` is not an async service
// expect: an async server cannot serve this
// expect: with handlers that are `async fn`s, and pass `YourServiceServer::new(your_type)`
// expect: services whose handlers block (`YourServiceServer::blocking(..)`) need a blocking server, e.g. `rt_std::Server`
use proto_build_testing::bare::{HelloReply, HelloRequest, HelloServiceServer, blocking};
use proto_core::Status;
use proto_core::rpc::{AsyncService, Request, Response};

struct Greeter;

impl blocking::HelloService for Greeter {
    fn say_hello(&self, request: Request<HelloRequest>) -> Result<Response<HelloReply>, Status> {
        Ok(HelloReply { text: request.into_inner().name }.into())
    }
}

// As the servers of async runtimes have it.
fn add_service(_: impl AsyncService) {}

fn main() {
    add_service(HelloServiceServer::blocking(Greeter));
}
