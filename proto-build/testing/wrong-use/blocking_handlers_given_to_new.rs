// expect: error[E0277]
// expect: `Greeter` does not implement the service `HelloService`
// expect: write `impl HelloService for YourType`, with handlers that are `async fn`s
// expect: or write `impl blocking::HelloService for YourType`
// expect: pass `HelloServiceServer::blocking(your_value)` to a blocking server
use proto_build_testing::bare::{HelloReply, HelloRequest, HelloServiceServer, blocking};
use proto_core::Status;
use proto_core::rpc::{Request, Response};

struct Greeter;

impl blocking::HelloService for Greeter {
    fn say_hello(&self, request: Request<HelloRequest>) -> Result<Response<HelloReply>, Status> {
        Ok(HelloReply { text: request.into_inner().name }.into())
    }
}

fn main() {
    let _ = HelloServiceServer::new(Greeter);
}
