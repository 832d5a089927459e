//! Metadata in both directions: text and binary, before the messages and after them, with OK and with an error.
//!
//!     cargo run --example metadata

use examples::hello::{HelloRequest, HelloResponse, HelloServiceClient, HelloServiceServer, blocking::HelloService};
use rt_std::{Channel, Context, Metadata, Receiver, Request, Response, Sender, Server, Status};
use std::error::Error;
use std::time::Duration;

struct Greeter;

/// What `on_call` found out about the caller, for the handlers.
struct Caller(String);

impl HelloService for Greeter {
    /// At the headers, before any message: a caller without a name costs no more than this.
    fn on_call(&self, context: &mut Context) -> Result<(), Status> {
        let Some(name) = context.metadata().get("x-caller") else {
            return Err(Status::unauthenticated("x-caller is missing"));
        };
        let caller = Caller(name.to_owned());
        context.insert(caller);
        Ok(())
    }

    fn say_hello(&self, request: Request<HelloRequest>) -> Result<Response<HelloResponse>, Status> {
        let caller = request.context().get::<Caller>().map_or("nobody", |c| &c.0);
        let trace = request.context().metadata().get_bin("x-trace-bin").unwrap_or_default();
        println!("   handler: {caller} calls {}, trace {trace:?}", request.context().method());
        if request.greeting.is_empty() {
            let mut trailers = Metadata::new();
            trailers.insert("x-hint", "try a name")?;
            return Err(Status::invalid_argument("greeting is empty").with_metadata(trailers));
        }
        let reply = HelloResponse { reply: format!("Hello, {}!", request.greeting) };
        Ok(Response::new(reply).with_metadata("x-server", "example").with_trailer_bin("x-trace-bin", trace))
    }

    fn lots_of_replies(
        &self,
        request: Request<HelloRequest>,
        replies: &mut Sender<HelloResponse>,
    ) -> Result<(), Status> {
        // Initial metadata leaves at once, so that the caller can act on it before the first message.
        let mut headers = Metadata::new();
        headers.insert("x-count", "2")?;
        replies.context().send_headers(&headers)?;
        for i in 1..=2 {
            replies.send(HelloResponse { reply: format!("Hello {i}, {}!", request.greeting) })?;
        }
        replies.context().set_trailer("x-cost", "3")?;
        Ok(())
    }

    fn lots_of_greetings(&self, _: &mut Receiver<HelloRequest>) -> Result<Response<HelloResponse>, Status> {
        Err(Status::unimplemented("not in this example"))
    }

    fn bidi_hello(&self, _: &mut Receiver<HelloRequest>, _: &mut Sender<HelloResponse>) -> Result<(), Status> {
        Err(Status::unimplemented("not in this example"))
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let server = Server::builder().add_service(HelloServiceServer::blocking(Greeter)).bind("127.0.0.1:0")?.spawn();
    let hello = HelloServiceClient::new(Channel::connect(format!("http://{}", server.address()))?);
    let ada = |name: &str| Request::new(HelloRequest { greeting: name.into() }).with_metadata("x-caller", "ada");

    println!("A unary call:");
    let reply = hello.say_hello(ada("Bob").with_metadata_bin("x-trace-bin", [0, 1, 255]))?;
    println!("   {}", reply.reply);
    println!("   x-server: {:?}", reply.metadata().get("x-server"));
    println!("   x-trace-bin, in the trailers: {:?}", reply.trailers().get_bin("x-trace-bin"));

    println!("A stream of replies:");
    let mut replies = hello.lots_of_replies(ada("Cleo"));
    println!("   x-count, before the first reply: {:?}", replies.headers()?.get("x-count"));
    for reply in &mut replies {
        println!("   {}", reply?.reply);
    }
    println!("   x-cost, after the last one: {:?}", replies.trailers().get("x-cost"));

    println!("Errors carry metadata too:");
    let status = hello.say_hello(ada("")).expect_err("an empty greeting is refused");
    println!("   {status}; x-hint: {:?}", status.metadata().get("x-hint"));

    println!("A caller that does not say who it is:");
    let status = hello.say_hello(HelloRequest::default()).expect_err("x-caller is required");
    println!("   {status}");

    println!("What a header cannot carry fails before a byte is sent:");
    let status = hello.say_hello(ada("Bob").with_metadata("x-Größe", "1")).expect_err("that is no name of a header");
    println!("   {status}");
    let error = Request::new(HelloRequest::default()).try_with_metadata("grpc-timeout", "1S").err();
    println!("   {}", error.ok_or("grpc-timeout is reserved")?);

    server.shutdown(Duration::from_secs(1));
    Ok(())
}
