//! A game that is a client and a server at once: it ticks once a frame and never waits for anything but the next frame.
//!
//!     cargo run --example game-loop

use examples::hello::{HelloRequest, HelloServiceClient, HelloServiceServer};
use examples::{greeter::Greeter, port::Port};
use proto_core::rpc::driven::{Caller, Driven, Handlers, Lend, Services};
use proto_core::rpc::{Peer, Request, Router};
use proto_core::{Config, Instant, connection::Server};
use std::net::{TcpListener, TcpStream};
use std::task::{Context, Poll, Waker};
use std::{cell::RefCell, error::Error, rc::Rc, sync::Arc, sync::Mutex, time::Duration};

/// What is due between two frames.
const FRAME: Duration = Duration::from_millis(16);

/// A player's connection, as its handlers get at it.
#[derive(Clone)]
struct Shared(Arc<Mutex<Driven<Server>>>);

impl Lend<Driven<Server>> for Shared {
    fn lend<O>(&self, act: impl FnOnce(&mut Driven<Server>) -> O) -> O {
        act(&mut self.0.lock().expect("nothing panics while the connection is lent"))
    }
}

type Player = (Port, Shared, Handlers<Shared>);

/// The server's share of a frame.
fn serve(listener: &TcpListener, services: &Services, players: &mut Vec<Player>, now: Instant) {
    while let Ok((socket, peer)) = listener.accept() {
        let Ok(port) = Port::new(socket) else { continue };
        let connection = Shared(Arc::new(Mutex::new(Driven::server(Config::default(), now))));
        let handlers = Handlers::new(connection.clone(), services.clone(), Peer::Tcp(peer));
        players.push((port, connection, handlers));
    }
    players.retain_mut(|(port, connection, handlers)| {
        connection.lend(|c| port.receive(c, now));
        handlers.poll(&mut Context::from_waker(Waker::noop()));
        connection.lend(|c| port.transmit(c, now))
    });
}

fn main() -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    listener.set_nonblocking(true)?;
    let services = Arc::new(Router::new().with_service(HelloServiceServer::new(Greeter))?);
    // Over loopback it does not wait. Elsewhere connect before the game begins, or on a thread.
    let mut port = Port::new(TcpStream::connect(listener.local_addr()?)?)?;
    let connection = Rc::new(RefCell::new(Driven::client(Config::default(), Instant::ZERO)));
    let hello = HelloServiceClient::new(Caller(connection.clone()));
    let greet = |name: &str| Request::new(HelloRequest { greeting: name.into() });
    let mut replies = hello.lots_of_replies(greet("Ada"));
    let mut calls = vec![hello.say_hello(greet("Bob")), hello.say_hello(greet("patience").with_timeout(8 * FRAME))];

    let (start, mut players) = (std::time::Instant::now(), Vec::new());
    for frame in 1.. {
        let now = Instant::ZERO + start.elapsed();
        serve(&listener, &services, &mut players, now);
        port.receive(&mut connection.borrow_mut(), now);
        while let Poll::Ready(Some(reply)) = replies.poll_next() {
            println!("frame {frame}: {}", reply?.reply);
        }
        calls.retain_mut(|call| {
            let Poll::Ready(outcome) = call.poll_reply() else { return true };
            println!("frame {frame}: {:?}", outcome.map(|reply| reply.into_inner().reply));
            false
        });
        if !port.transmit(&mut connection.borrow_mut(), now) || calls.is_empty() {
            break;
        }
        // Here the game draws, and sleeps for what is left of the frame.
        std::thread::sleep(FRAME);
    }
    // A goodbye, for which nobody waits.
    connection.lend(|c| c.shutdown(c.now(), Duration::ZERO));
    connection.lend(|c| port.transmit(c, c.now()));
    Ok(())
}
