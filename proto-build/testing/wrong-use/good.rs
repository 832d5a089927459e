// Compiles: what the other files here get wrong.
#![deny(unused_must_use)]
use proto_build_testing::bare::{
    HelloReply, HelloRequest, HelloService, HelloServiceClient, HelloServiceServer, blocking,
};
use proto_build_testing::loopback::Loopback;
use proto_core::Status;
use proto_core::rpc::{AsyncService, Request, Response};

struct Greeter;

impl blocking::HelloService for Greeter {
    fn say_hello(&self, request: Request<HelloRequest>) -> Result<Response<HelloReply>, Status> {
        Ok(HelloReply { text: request.into_inner().name }.into())
    }
}

impl HelloService for Greeter {
    async fn say_hello(&self, request: Request<HelloRequest>) -> Result<Response<HelloReply>, Status> {
        Ok(HelloReply { text: request.into_inner().name }.into())
    }
}

fn add_service(_: impl AsyncService) {}

fn main() -> Result<(), Status> {
    let _ = rt_std::Server::builder().add_service(HelloServiceServer::blocking(Greeter));
    add_service(HelloServiceServer::new(Greeter));
    let client = HelloServiceClient::new(Loopback::new(HelloServiceServer::blocking(Greeter)));
    // What it replies need not be looked at.
    client.say_hello(HelloRequest { name: "Ada".into() })?;
    Ok(())
}
