//! `hello` with `async fn`s: the four kinds of call, one call that runs out of time, and one that the client cancels.
//! Server and client in one program, over a free loopback port, on smol; any other executor does as well.
//!
//!     cargo run --example hello-async

use examples::hello::{HelloRequest, HelloResponse, HelloService, HelloServiceClient, HelloServiceServer};
use rt_smol::{Cancel, Channel, Code, Receiver, Request, Response, Sender, Server, Status};
use std::error::Error;
use std::time::Duration;

/// The service. That a call was left goes to `noticed`, so that `main` can print it.
struct Greeter {
    noticed: smol::channel::Sender<&'static str>,
}

/// When its caller has gone, a handler is dropped where it waits. What must be done then is done by destructors.
struct Farewell<'a>(&'a Greeter);

impl Drop for Farewell<'_> {
    fn drop(&mut self) {
        let _ = self.0.noticed.try_send("dropped where it waited");
    }
}

impl HelloService for Greeter {
    async fn say_hello(&self, request: Request<HelloRequest>) -> Result<Response<HelloResponse>, Status> {
        if request.greeting == "Sloth" {
            // When its caller has no more time, it is dropped here.
            request.context().sleep_async(Duration::from_secs(10)).await?;
        }
        Ok(hello(&request.greeting).into())
    }

    async fn lots_of_replies(
        &self,
        request: Request<HelloRequest>,
        replies: &mut Sender<HelloResponse>,
    ) -> Result<(), Status> {
        let (times, _farewell) = match request.greeting.as_str() {
            "Echo" => (u32::MAX, Some(Farewell(self))),
            _ => (3, None),
        };
        for i in 1..=times {
            // Waits while the caller does not read.
            replies.send(HelloResponse { reply: format!("Hello {i}, {}!", request.greeting) }).await?;
        }
        Ok(())
    }

    async fn lots_of_greetings(
        &self,
        requests: &mut Receiver<HelloRequest>,
    ) -> Result<Response<HelloResponse>, Status> {
        let mut names = Vec::new();
        while let Some(request) = requests.recv().await? {
            names.push(request.greeting);
        }
        Ok(hello(&names.join(", ")).into())
    }

    async fn bidi_hello(
        &self,
        requests: &mut Receiver<HelloRequest>,
        replies: &mut Sender<HelloResponse>,
    ) -> Result<(), Status> {
        while let Some(request) = requests.recv().await? {
            replies.send(hello(&request.greeting)).await?;
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

/// The calls; `hello` makes them too, to its blocking server.
pub(crate) async fn calls(address: &str) -> Result<(), Box<dyn Error>> {
    let client = HelloServiceClient::new(Channel::connect(format!("http://{address}")).await?);

    println!("\n1. Unary: one request, one reply");
    // Both are on their way before the first is awaited.
    let (ada, adam) = (client.say_hello(greet("Ada")), client.say_hello(greet("Adam")));
    println!("   <- {}\n   <- {}", ada.await?.reply, adam.await?.reply);

    println!("\n2. Server streaming: one request, many replies");
    let mut replies = client.lots_of_replies(greet("Bob"));
    while let Some(reply) = replies.next().await {
        println!("   <- {}", reply?.reply);
    }

    println!("\n3. Client streaming: many requests, one reply");
    let mut call = client.lots_of_greetings();
    for name in ["Ada", "Bob", "Cleo"] {
        println!("   -> {name}");
        call.send(greet(name)).await?;
    }
    println!("   <- {}", call.finish().await?.reply);

    println!("\n4. Bidirectional streaming: here each request waits for its reply");
    let (mut requests, mut replies) = client.bidi_hello().split();
    for name in ["Dora", "Emil"] {
        println!("   -> {name}");
        requests.send(greet(name)).await?;
        if let Some(reply) = replies.next().await {
            println!("   <- {}", reply?.reply);
        }
    }
    requests.finish().await?;

    // Whoever notices first says so: this client ("while waiting for the response") or the server ("while handling the call").
    println!("\n5. A deadline: Sloth gets 100 ms and would take 10 s");
    match client.say_hello(Request::new(greet("Sloth")).with_timeout(Duration::from_millis(100))).await {
        Err(status) if status.code() == Code::DeadlineExceeded => println!("   <- {status}"),
        other => return Err(format!("Sloth was expected to be late: {other:?}").into()),
    }

    println!("\n6. Cancelling: Echo never stops, until another task says so");
    let cancel = Cancel::new();
    let mut replies = client.lots_of_replies(Request::new(greet("Echo")).cancel_on(&cancel));
    for _ in 0..2 {
        println!("   <- {}", replies.recv().await?.ok_or("Echo never stops")?.reply);
    }
    smol::spawn(async move { cancel.cancel() }).await;
    loop {
        match replies.recv().await {
            // What was on its way already.
            Ok(Some(_)) => {}
            Err(status) if status.code() == Code::Cancelled => break println!("   the client:  {status}"),
            other => return Err(format!("Echo was expected to be cancelled: {other:?}").into()),
        }
    }
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    smol::block_on(async {
        let (noticed, last_words) = smol::channel::unbounded();
        let greeter = HelloServiceServer::new(Greeter { noticed });
        let server = Server::builder().add_service(greeter).bind("127.0.0.1:0")?.spawn();
        println!("The server listens on {}.", server.address());
        calls(&server.address().to_string()).await?;
        println!("   the handler: {}", last_words.recv().await?);
        println!("\nThe server has stopped: {}", server.shutdown(Duration::from_secs(1)).await);
        Ok(())
    })
}
