// expect: error[E0277]
// expect: Async<Greeter>>` is not a blocking service
// expect: a blocking server cannot serve this
// expect: implement the generated trait `blocking::YourService`, and pass `YourServiceServer::blocking(your_type)`
// expect: (`YourServiceServer::new(..)`) need the server of an async runtime, e.g. `rt_smol::Server`
use proto_build_testing::bare::{HelloReply, HelloRequest, HelloService, HelloServiceServer};
use proto_core::Status;
use proto_core::rpc::{Request, Response};

struct Greeter;

impl HelloService for Greeter {
    async fn say_hello(&self, request: Request<HelloRequest>) -> Result<Response<HelloReply>, Status> {
        Ok(HelloReply { text: request.into_inner().name }.into())
    }
}

fn main() {
    let _ = rt_std::Server::builder().add_service(HelloServiceServer::new(Greeter));
}
