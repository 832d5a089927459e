//! A client and a server wired in memory: no sockets, no threads, and the time is what the program says it is. A minute
//! passes in no time, and always in the same way.
//!
//!     cargo run --example in-memory

use examples::greeter::Greeter;
use examples::hello::{HelloRequest, HelloServiceClient, HelloServiceServer};
use proto_core::connection::{Client, Server};
use proto_core::rpc::driven::{Caller, Driven, Handlers, Lend};
use proto_core::rpc::{Peer, Request, Router};
use proto_core::{Config, Incoming, Instant, Outgoing, Status};
use std::task::{Context, Poll, Waker};
use std::{cell::RefCell, error::Error, rc::Rc, sync::Arc, sync::Mutex, time::Duration};

/// The server's end, as its handlers get at it.
#[derive(Clone)]
struct Shared(Arc<Mutex<Driven<Server>>>);

impl Lend<Driven<Server>> for Shared {
    fn lend<O>(&self, act: impl FnOnce(&mut Driven<Server>) -> O) -> O {
        act(&mut self.0.lock().expect("nothing panics while the connection is lent"))
    }
}

struct World {
    now: Instant,
    client: Rc<RefCell<Driven<Client>>>,
    server: Shared,
    handlers: Handlers<Shared>,
    /// What is on its way, there and back.
    wires: [(Outgoing, Incoming); 2],
}

impl World {
    fn new() -> Result<Self, Box<dyn Error>> {
        let now = Instant::ZERO;
        let client =
            Rc::new(RefCell::new(Driven::client(Config { authority: "memory".into(), ..Config::default() }, now)));
        let server = Shared(Arc::new(Mutex::new(Driven::server(Config::default(), now))));
        let services = Arc::new(Router::new().with_service(HelloServiceServer::new(Greeter))?);
        let handlers = Handlers::new(server.clone(), services, Peer::Unknown);
        Ok(World { now, client, server, handlers, wires: Default::default() })
    }

    /// Moves bytes, and lets handlers act on them, until nothing moves any more. No time passes.
    fn settle(&mut self) {
        let now = self.now;
        let mut moved = true;
        while moved {
            let [there, back] = &mut self.wires;
            self.client.lend(|c| c.handle_timeout(now));
            moved = self.client.lend(|c| c.poll_transmit(now, &mut there.0));
            carry(there);
            self.server.lend(|c| {
                // Both ends tell in `is_closed` what became of an error.
                let _ = c.receive(now, &mut there.1);
                c.handle_timeout(now);
            });
            self.handlers.poll(&mut Context::from_waker(Waker::noop()));
            moved |= self.server.lend(|c| c.poll_transmit(now, &mut back.0));
            carry(back);
            let _ = self.client.lend(|c| c.receive(now, &mut back.1));
        }
    }

    /// Lets time pass up to what is due next at either end, and settles.
    fn skip(&mut self) {
        let due = [self.client.lend(|c| c.poll_timeout()), self.server.lend(|c| c.poll_timeout())];
        self.now = due.into_iter().flatten().min().unwrap_or(self.now);
        self.settle();
    }
}

/// From one end's output to the other's input: what a socket does.
fn carry((outgoing, incoming): &mut (Outgoing, Incoming)) {
    while !outgoing.is_empty() {
        let n = outgoing.chunk().len();
        incoming.extend_from_slice(outgoing.chunk());
        outgoing.advance(n);
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut world = World::new()?;
    let hello = HelloServiceClient::new(Caller(world.client.clone()));
    let greet = |name: &str| Request::new(HelloRequest { greeting: name.into() });
    let show = |now: Instant, outcome: Result<String, Status>| {
        println!("after {:?}: {}", now - Instant::ZERO, outcome.unwrap_or_else(|status| status.to_string()));
    };

    let mut replies = hello.lots_of_replies(greet("Ada"));
    world.settle();
    while let Poll::Ready(Some(reply)) = replies.poll_next() {
        show(world.now, reply.map(|reply| reply.reply));
    }
    // Its handler sleeps for a minute. One caller has the time, the other has not.
    for timeout in [Duration::from_secs(20), Duration::from_secs(120)] {
        let mut call = hello.say_hello(greet("patience").with_timeout(timeout));
        world.settle();
        let outcome = loop {
            match call.poll_reply() {
                Poll::Ready(outcome) => break outcome,
                Poll::Pending => world.skip(),
            }
        };
        show(world.now, outcome.map(|reply| reply.into_inner().reply));
    }
    Ok(())
}
