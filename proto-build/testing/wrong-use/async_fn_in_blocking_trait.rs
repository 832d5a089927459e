// expect: error[E0053]
// expect: method `say_hello` has an incompatible type for trait
// expect: expected `Result<Response<HelloReply>, Status>`, found future
use proto_build_testing::bare::{HelloReply, HelloRequest, blocking};
use proto_core::Status;
use proto_core::rpc::{Request, Response};

struct Greeter;

impl blocking::HelloService for Greeter {
    async fn say_hello(&self, request: Request<HelloRequest>) -> Result<Response<HelloReply>, Status> {
        Ok(HelloReply { text: request.into_inner().name }.into())
    }
}

fn main() {}
