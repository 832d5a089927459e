// Compiles: what the other files here get wrong.
use proto_build_testing::bare::{HelloReply, HelloRequest, HelloServiceClient, HelloServiceServer, blocking};
use proto_build_testing::loopback::Loopback;
use proto_core::Status;
use proto_core::rpc::{BlockingService, Request, Response};

struct Greeter;

impl blocking::HelloService for Greeter {
    fn say_hello(&self, request: Request<HelloRequest>) -> Result<Response<HelloReply>, Status> {
        Ok(HelloReply { text: request.into_inner().name }.into())
    }
}

fn serve(_: impl BlockingService) {}

fn main() -> Result<(), Status> {
    serve(HelloServiceServer::blocking(Greeter));
    let client = HelloServiceClient::new(Loopback::new(HelloServiceServer::blocking(Greeter)));
    let _ = client.say_hello(HelloRequest { name: "Ada".into() })?;
    Ok(())
}
