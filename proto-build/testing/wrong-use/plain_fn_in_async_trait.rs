// expect: error[E0277]
// expect: is not a future
// expect: say_hello
use proto_build_testing::bare::{HelloReply, HelloRequest, HelloService};
use proto_core::Status;
use proto_core::rpc::{Request, Response};

struct Greeter;

impl HelloService for Greeter {
    fn say_hello(&self, request: Request<HelloRequest>) -> Result<Response<HelloReply>, Status> {
        Ok(HelloReply { text: request.into_inner().name }.into())
    }
}

fn main() {}
