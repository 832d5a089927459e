//! Handlers and clients under test without a socket: the messages and contexts that handlers get are made by hand, and
//! a channel inside the process tests the whole way of a call.
//!
//!     cargo run --example testing
//!
//! In a crate of yours each function below is a `#[test]`.

use examples::hello::{HelloRequest, HelloResponse, HelloServiceClient, HelloServiceServer, blocking::HelloService};
use rt_std::{Channel, Code, Context, Metadata, Receiver, Request, Response, Sender, Status};
use std::time::Duration;

struct Greeter;

impl HelloService for Greeter {
    fn say_hello(&self, request: Request<HelloRequest>) -> Result<Response<HelloResponse>, Status> {
        let title = request.metadata().get("x-title").unwrap_or("dear");
        if request.context().time_left().is_some_and(|left| left < Duration::from_millis(10)) {
            return Err(Status::deadline_exceeded("too little time to be polite"));
        }
        Ok(HelloResponse { reply: format!("Hello, {title} {}!", request.greeting) }.into())
    }

    fn lots_of_replies(
        &self,
        request: Request<HelloRequest>,
        replies: &mut Sender<HelloResponse>,
    ) -> Result<(), Status> {
        for i in 1..=3 {
            replies.send(HelloResponse { reply: format!("{i} {}", request.greeting) })?;
        }
        Ok(())
    }

    fn lots_of_greetings(&self, requests: &mut Receiver<HelloRequest>) -> Result<Response<HelloResponse>, Status> {
        let names = requests.map(|r| r.map(|r| r.greeting)).collect::<Result<Vec<_>, _>>()?;
        Ok(HelloResponse { reply: names.join(", ") }.into())
    }

    fn bidi_hello(
        &self,
        requests: &mut Receiver<HelloRequest>,
        replies: &mut Sender<HelloResponse>,
    ) -> Result<(), Status> {
        requests.try_for_each(|request| replies.send(HelloResponse { reply: request?.greeting }))
    }
}

fn greeting(name: &str) -> HelloRequest {
    HelloRequest { greeting: name.into() }
}

/// A unary handler is a function of a request; what it reads of its call stands in a context made for it.
fn a_title_in_the_metadata_is_used() -> Result<(), Status> {
    let reply = Greeter.say_hello(Request::new(greeting("Ada")))?;
    assert_eq!(reply.reply, "Hello, dear Ada!");

    let mut metadata = Metadata::new();
    metadata.insert("x-title", "Countess")?;
    let context = Context::for_test().with_metadata(metadata).with_time_left(Duration::from_secs(1));
    let reply = Greeter.say_hello(Request::with_context(greeting("Ada"), context))?;
    assert_eq!(reply.reply, "Hello, Countess Ada!");
    Ok(())
}

fn a_greeting_that_would_be_late_is_not_tried() {
    let context = Context::for_test().with_time_left(Duration::from_millis(1));
    let status = Greeter.say_hello(Request::with_context(greeting("Ada"), context)).expect_err("too late");
    assert_eq!(status.code(), Code::DeadlineExceeded);
}

/// A sender for tests keeps what is sent; it can also play a caller that goes.
fn replies_stop_when_the_caller_has_gone() -> Result<(), Status> {
    let mut replies = Sender::for_test();
    Greeter.lots_of_replies(Request::new(greeting("Bob")), &mut replies)?;
    assert_eq!(replies.sent().len(), 3);

    let mut replies = Sender::for_test().ending_after(1, Status::cancelled("the caller has gone"));
    let status = Greeter.lots_of_replies(Request::new(greeting("Bob")), &mut replies).expect_err("nobody listens");
    assert_eq!((status.code(), replies.sent().len()), (Code::Cancelled, 1));
    Ok(())
}

/// A receiver is made of the messages that the caller sends, or of results, where the call breaks in the middle.
fn greetings_are_joined_and_a_broken_call_is_an_error() -> Result<(), Status> {
    let reply = Greeter.lots_of_greetings(&mut Receiver::from_iter([greeting("Ada"), greeting("Bob")]))?;
    assert_eq!(reply.reply, "Ada, Bob");

    let broken = [Ok(greeting("Ada")), Err(Status::unavailable("the connection was lost"))];
    let status = Greeter.lots_of_greetings(&mut Receiver::from_results(broken)).expect_err("it broke");
    assert_eq!(status.code(), Code::Unavailable);
    Ok(())
}

/// Client, connection and server, all of it but the socket: deadlines, metadata and statuses travel as they will.
fn a_client_is_tested_with_a_server_inside_the_process() -> Result<(), Status> {
    let hello = HelloServiceClient::new(Channel::in_process(HelloServiceServer::blocking(Greeter)));
    let reply = hello.say_hello(Request::new(greeting("Cleo")).with_metadata("x-title", "Queen"))?;
    assert_eq!(reply.reply, "Hello, Queen Cleo!");
    let replies = hello.lots_of_replies(greeting("Dora")).collect::<Result<Vec<_>, _>>()?;
    assert_eq!(replies.len(), 3);
    Ok(())
}

fn main() -> Result<(), Status> {
    a_title_in_the_metadata_is_used()?;
    println!("unary: a request, a context, a reply");
    a_greeting_that_would_be_late_is_not_tried();
    println!("a deadline: as far away as the test says");
    replies_stop_when_the_caller_has_gone()?;
    println!("server streaming: a sender that keeps what is sent");
    greetings_are_joined_and_a_broken_call_is_an_error()?;
    println!("client streaming: a receiver of given messages");
    a_client_is_tested_with_a_server_inside_the_process()?;
    println!("the whole way of a call, without a socket");
    Ok(())
}
