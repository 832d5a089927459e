//! A server to call from elsewhere: with `hello-client`, grpcurl, or any other gRPC client.
//!
//!     cargo run --example hello-server -- --listen 127.0.0.1:50051

use examples::hello::{HelloRequest, HelloResponse, HelloServiceServer, blocking::HelloService};
use rt_std::{Receiver, Request, Response, Sender, Server, Status};
use std::error::Error;

struct Greeter;

impl HelloService for Greeter {
    fn say_hello(&self, request: Request<HelloRequest>) -> Result<Response<HelloResponse>, Status> {
        Ok(hello(&request.greeting)?.into())
    }

    fn lots_of_replies(
        &self,
        request: Request<HelloRequest>,
        replies: &mut Sender<HelloResponse>,
    ) -> Result<(), Status> {
        for _ in 0..5 {
            replies.send(hello(&request.greeting)?)?;
        }
        Ok(())
    }

    fn lots_of_greetings(&self, requests: &mut Receiver<HelloRequest>) -> Result<Response<HelloResponse>, Status> {
        let names = requests.map(|r| r.map(|r| r.greeting)).collect::<Result<Vec<_>, _>>()?;
        Ok(hello(&names.join(", "))?.into())
    }

    fn bidi_hello(
        &self,
        requests: &mut Receiver<HelloRequest>,
        replies: &mut Sender<HelloResponse>,
    ) -> Result<(), Status> {
        for request in requests {
            replies.send(hello(&request?.greeting)?)?;
        }
        Ok(())
    }
}

fn hello(name: &str) -> Result<HelloResponse, Status> {
    if name.is_empty() {
        return Err(Status::invalid_argument("greeting is empty"));
    }
    Ok(HelloResponse { reply: format!("Hello, {name}!") })
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut listen = "127.0.0.1:50051".to_owned();
    let mut args = std::env::args().skip(1);
    while let Some(arg) = args.next() {
        match (arg.as_str(), args.next()) {
            ("--listen", Some(address)) => listen = address,
            _ => return Err("usage: hello-server [--listen ADDRESS:PORT]".into()),
        }
    }
    let server = Server::builder().add_service(HelloServiceServer::blocking(Greeter)).bind(&listen)?;
    println!("listening on {}", server.local_addr());
    server.serve()?;
    Ok(())
}
