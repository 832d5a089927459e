// expect: error[E0053]
// expect: method `say_hello` has an incompatible type for trait
// expect: Request<proto_build_testing::bare::HelloRequest>
use proto_build_testing::bare::{HelloReply, HelloRequest, blocking};
use proto_core::Status;
use proto_core::rpc::Response;

struct Greeter;

impl blocking::HelloService for Greeter {
    fn say_hello(&self, request: HelloRequest) -> Result<Response<HelloReply>, Status> {
        Ok(HelloReply { text: request.name }.into())
    }
}

fn main() {}
