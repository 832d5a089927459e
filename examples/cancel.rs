//! Three ways to cancel a call, and what its handler notices each time.
//!
//!     cargo run --example cancel

use examples::hello::{HelloRequest, HelloResponse, HelloServiceClient, HelloServiceServer, blocking::HelloService};
use rt_std::{Cancel, Channel, Receiver, Request, Response, Sender, Server, Status};
use std::error::Error;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// Reports what its handlers see to `main`.
struct Greeter {
    events: mpsc::Sender<String>,
}

impl Greeter {
    fn report(&self, event: String) {
        let _ = self.events.send(event);
    }
}

impl HelloService for Greeter {
    fn say_hello(&self, request: Request<HelloRequest>) -> Result<Response<HelloResponse>, Status> {
        self.report(format!("   handler: {} has come", request.greeting));
        // Work in small bites, and look up between them. (`sleep` looks by itself; `check` is for work that computes.)
        for _ in 0..60_000 {
            if let Err(status) =
                request.context().check().and_then(|()| request.context().sleep(Duration::from_millis(1)))
            {
                self.report(format!("   handler: {} is over: {status}", request.greeting));
                return Err(status);
            }
        }
        Ok(HelloResponse { reply: "after a minute".into() }.into())
    }

    fn lots_of_replies(
        &self,
        request: Request<HelloRequest>,
        replies: &mut Sender<HelloResponse>,
    ) -> Result<(), Status> {
        loop {
            // Blocks while the client does not read, and fails when it has gone.
            if let Err(status) = replies.send(HelloResponse { reply: "again".into() }) {
                self.report(format!("   handler: {} is over: {status}", request.greeting));
                return Err(status);
            }
        }
    }

    fn lots_of_greetings(&self, _: &mut Receiver<HelloRequest>) -> Result<Response<HelloResponse>, Status> {
        Err(Status::unimplemented("not in this example"))
    }

    fn bidi_hello(&self, _: &mut Receiver<HelloRequest>, _: &mut Sender<HelloResponse>) -> Result<(), Status> {
        Err(Status::unimplemented("not in this example"))
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let (events, happened) = mpsc::channel();
    let server =
        Server::builder().add_service(HelloServiceServer::blocking(Greeter { events })).bind("127.0.0.1:0")?.spawn();
    let channel = Channel::connect(format!("http://{}", server.address()))?;
    let hello = HelloServiceClient::new(channel.clone());
    let greet = |name: &str| HelloRequest { greeting: name.into() };

    println!("1. With a `Cancel`, from another thread; it may cancel many calls at once:");
    let cancel = Cancel::new();
    let outcome = thread::scope(|s| {
        let call = s.spawn(|| hello.say_hello(Request::new(greet("Ada")).cancel_on(&cancel)));
        println!("{}", happened.recv()?);
        cancel.cancel();
        Ok::<_, mpsc::RecvError>(call.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    })?;
    println!("   client:  {}", outcome.expect_err("the call was cancelled"));
    println!("{}", happened.recv()?);

    println!("2. By dropping the call, here a stream that is left after two replies:");
    let mut replies = hello.lots_of_replies(greet("Bob"));
    for reply in replies.by_ref().take(2) {
        println!("   client:  {}", reply?.reply);
    }
    drop(replies);
    println!("{}", happened.recv()?);

    println!("3. By dropping a call that nobody has waited for yet:");
    let pending = HelloServiceClient::new(channel.later()).say_hello(greet("Cleo"));
    println!("{}", happened.recv()?);
    drop(pending);
    println!("{}", happened.recv()?);

    server.shutdown(Duration::from_secs(1));
    Ok(())
}
