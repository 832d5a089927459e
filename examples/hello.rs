//! The four kinds of call, one call that runs out of time, and one that the client cancels: first by a client that
//! blocks, then by one that awaits, on the same server. Server and clients in one program, over a free loopback port.
//!
//!     cargo run --example hello
//!
//! A server whose handlers are `async fn`s: `hello-async`.

use examples::hello::{HelloRequest, HelloResponse, HelloServiceClient, HelloServiceServer, blocking::HelloService};
use rt_std::{Cancel, Channel, Code, Receiver, Request, Response, Sender, Server, Status};
use std::error::Error;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

// The calls of the client that awaits.
#[allow(dead_code)]
#[path = "hello-async.rs"]
mod hello_async;

/// The service. Its last word on a cancelled call goes to `noticed`, so that `main` can print it.
struct Greeter {
    noticed: mpsc::Sender<Status>,
}

impl HelloService for Greeter {
    fn say_hello(&self, request: Request<HelloRequest>) -> Result<Response<HelloResponse>, Status> {
        if request.greeting == "Sloth" {
            // Wakes up early, with an error, when the caller has no more time.
            request.context().sleep(Duration::from_secs(10))?;
        }
        Ok(hello(&request.greeting).into())
    }

    fn lots_of_replies(
        &self,
        request: Request<HelloRequest>,
        replies: &mut Sender<HelloResponse>,
    ) -> Result<(), Status> {
        let times = if request.greeting == "Echo" { u32::MAX } else { 3 };
        for i in 1..=times {
            let reply = HelloResponse { reply: format!("Hello {i}, {}!", request.greeting) };
            if let Err(status) = replies.send(reply) {
                // The caller has gone: no need to go on.
                let _ = self.noticed.send(status.clone());
                return Err(status);
            }
        }
        Ok(())
    }

    fn lots_of_greetings(&self, requests: &mut Receiver<HelloRequest>) -> Result<Response<HelloResponse>, Status> {
        let names = requests.map(|r| r.map(|r| r.greeting)).collect::<Result<Vec<_>, _>>()?;
        Ok(hello(&names.join(", ")).into())
    }

    fn bidi_hello(
        &self,
        requests: &mut Receiver<HelloRequest>,
        replies: &mut Sender<HelloResponse>,
    ) -> Result<(), Status> {
        for request in requests {
            replies.send(hello(&request?.greeting))?;
        }
        Ok(())
    }
}

fn hello(name: &str) -> HelloResponse {
    HelloResponse { reply: format!("Hello, {name}!") }
}

fn greet(name: &str) -> HelloRequest {
    HelloRequest { greeting: name.into() }
}

fn main() -> Result<(), Box<dyn Error>> {
    let (noticed, last_words) = mpsc::channel();
    let server =
        Server::builder().add_service(HelloServiceServer::blocking(Greeter { noticed })).bind("127.0.0.1:0")?.spawn();
    println!("The server listens on {}.", server.address());

    println!("\nBlocking:");
    let channel = Channel::connect(format!("http://{}", server.address()))?;
    calls(&HelloServiceClient::new(channel))?;
    println!("   the handler: {}", last_words.recv()?);

    println!("\nAwaited, on smol, with the same server:");
    smol::block_on(hello_async::calls(&server.address().to_string()))?;
    println!("   the handler: {}", last_words.recv()?);

    let report = server.shutdown(Duration::from_secs(1));
    println!("\nThe server has stopped: {report}");
    Ok(())
}

fn calls(client: &HelloServiceClient<Channel>) -> Result<(), Box<dyn Error>> {
    println!("\n1. Unary: one request, one reply");
    let reply = client.say_hello(greet("Ada"))?;
    println!("   <- {}", reply.reply);

    println!("\n2. Server streaming: one request, many replies");
    for reply in client.lots_of_replies(greet("Bob")) {
        println!("   <- {}", reply?.reply);
    }

    println!("\n3. Client streaming: many requests, one reply");
    let mut call = client.lots_of_greetings();
    for name in ["Ada", "Bob", "Cleo"] {
        println!("   -> {name}");
        call.send(greet(name))?;
    }
    println!("   <- {}", call.finish()?.reply);

    println!("\n4. Bidirectional streaming: here each request waits for its reply");
    let (mut requests, mut replies) = client.bidi_hello().split();
    for name in ["Dora", "Emil"] {
        println!("   -> {name}");
        requests.send(greet(name))?;
        if let Some(reply) = replies.next() {
            println!("   <- {}", reply?.reply);
        }
    }
    requests.finish()?;

    // Whoever notices first says so: this client ("while waiting for the response") or the server ("while handling the call").
    println!("\n5. A deadline: Sloth gets 100 ms and would take 10 s");
    match client.say_hello(Request::new(greet("Sloth")).with_timeout(Duration::from_millis(100))) {
        Err(status) if status.code() == Code::DeadlineExceeded => println!("   <- {status}"),
        other => return Err(format!("Sloth was expected to be late: {other:?}").into()),
    }

    println!("\n6. Cancelling: Echo never stops, until another thread says so");
    let cancel = Cancel::new();
    let mut replies = client.lots_of_replies(Request::new(greet("Echo")).cancel_on(&cancel));
    for reply in replies.by_ref().take(2) {
        println!("   <- {}", reply?.reply);
    }
    thread::scope(|s| {
        s.spawn(|| cancel.cancel());
    });
    match replies.find_map(Result::err) {
        Some(status) if status.code() == Code::Cancelled => println!("   the client:  {status}"),
        other => return Err(format!("Echo was expected to be cancelled: {other:?}").into()),
    }
    Ok(())
}
