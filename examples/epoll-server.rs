//! A server on an event loop of one's own: one thread, epoll (or what the system has instead) by the `polling` crate,
//! and of gRPC nothing but `proto-core`. The guide "Write a runtime" (`proto_core::guide`) builds it step by step.
//!
//!     cargo run --example epoll-server -- 127.0.0.1:50051
//!
//! It stops at the first line, or the end, of its standard input.

use examples::{greeter::Greeter, hello::HelloServiceServer};
use polling::{Event, Events, PollMode, Poller};
use proto_core::connection::Server;
use proto_core::rpc::driven::{Driven, Handlers, Lend, Services};
use proto_core::rpc::{Peer, Router};
use proto_core::{Config, Incoming, Instant, Outgoing};
use std::io::{self, ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::{sync::Arc, sync::Mutex, task::Context, task::Waker, time::Duration};

/// A connection, as its handlers get at it. They could be sent to other threads, hence the lock.
#[derive(Clone)]
struct Shared(Arc<Mutex<Driven<Server>>>);

impl Lend<Driven<Server>> for Shared {
    fn lend<O>(&self, act: impl FnOnce(&mut Driven<Server>) -> O) -> O {
        act(&mut self.0.lock().expect("nothing panics while the connection is lent"))
    }
}

struct Client {
    socket: TcpStream,
    connection: Shared,
    handlers: Handlers<Shared>,
    incoming: Incoming,
    outgoing: Outgoing,
    key: usize,
}

impl Client {
    fn new(socket: TcpStream, key: usize, services: &Services, now: Instant) -> io::Result<Self> {
        socket.set_nonblocking(true)?;
        socket.set_nodelay(true)?;
        let connection = Shared(Arc::new(Mutex::new(Driven::server(Config::default(), now))));
        let handlers = Handlers::new(connection.clone(), services.clone(), Peer::Tcp(socket.peer_addr()?));
        Ok(Client { socket, connection, handlers, incoming: Incoming::new(), outgoing: Outgoing::new(), key })
    }

    /// Input before time, time before handlers, handlers before output. Then: what to wait for, or that it is over.
    fn turn(&mut self, now: Instant) -> Option<Event> {
        self.read(now);
        self.connection.lend(|c| c.handle_timeout(now));
        // These handlers await nothing but their calls. Others need a waker that does `poller.notify()`.
        self.handlers.poll(&mut Context::from_waker(Waker::noop()));
        let lives = self.write(now);
        // Input while it is wanted; room only while output is left, since there nearly always is room.
        let input = self.connection.lend(|c| c.wants_input());
        lives.then(|| Event::new(self.key, input, !self.outgoing.is_empty()))
    }

    fn read(&mut self, now: Instant) {
        // A few reads, then it is the others' turn: what is left makes the next wait short.
        let mut reads = 0..4;
        while reads.next().is_some() && self.connection.lend(|c| c.wants_input()) {
            match self.socket.read(self.incoming.spare()) {
                Ok(0) => self.connection.lend(|c| c.receive_eof(now)),
                Ok(n) => {
                    self.incoming.filled(n);
                    // An error closes the connection, and its last words wait to be written: `write` sees both.
                    let _ = self.connection.lend(|c| c.receive(now, &mut self.incoming));
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => self.connection.lend(|c| c.lost(now, error.to_string(), None)),
            }
        }
    }

    fn write(&mut self, now: Instant) -> bool {
        while self.connection.lend(|c| c.poll_transmit(now, &mut self.outgoing)) {
            match self.socket.write(self.outgoing.chunk()) {
                Ok(n) => self.outgoing.advance(n),
                // What is left stays in `outgoing`, and the poller is asked for room.
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                // What the peer said before is heard first, in the next turn, which is due at once; and the handlers hear
                // how their calls ended.
                Err(error) => self.connection.lend(|c| c.write_failed(now, &error, &self.outgoing)),
            }
        }
        !self.connection.lend(|c| c.is_over(self.outgoing.is_empty()))
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let listener = TcpListener::bind(std::env::args().nth(1).as_deref().unwrap_or("127.0.0.1:0"))?;
    listener.set_nonblocking(true)?;
    println!("listening on {}", listener.local_addr()?);
    let services = Arc::new(Router::new().with_service(HelloServiceServer::new(Greeter))?);
    let (poller, mut events) = (Poller::new()?, Events::new());
    let (stdin, mut stopping) = (io::stdin(), false);
    // SAFETY: the poller is dropped before them.
    unsafe { poller.add_with_mode(&listener, Event::readable(0), PollMode::Level)? };
    unsafe { poller.add_with_mode(&stdin, Event::readable(1), PollMode::Level)? };

    let (mut clients, mut next_key, start) = (Vec::<Client>::new(), 2, std::time::Instant::now());
    while !(stopping && clients.is_empty()) {
        let due = clients.iter().filter_map(|client| client.connection.lend(|c| c.poll_timeout())).min();
        events.clear();
        poller.wait(&mut events, due.map(|due| due - (Instant::ZERO + start.elapsed())))?;
        let now = Instant::ZERO + start.elapsed();
        // One that cannot be accepted for want of descriptors is asked for again; a server that lives at that limit lets its
        // listener rest then.
        while let (false, Ok((socket, _))) = (stopping, listener.accept()) {
            let Ok(client) = Client::new(socket, next_key, &services, now) else { continue };
            // SAFETY: it is deleted below, before it is dropped.
            unsafe { poller.add_with_mode(&client.socket, Event::none(next_key), PollMode::Level)? };
            clients.push(client);
            next_key += 1;
        }
        if events.iter().any(|event| event.key == 1) {
            poller.delete(&stdin)?;
            poller.delete(&listener)?;
            stopping = true;
            // No new calls from now on; those that run have a second.
            clients.iter().for_each(|client| client.connection.lend(|c| c.shutdown(now, Duration::from_secs(1))));
        }
        clients.retain_mut(|client| match client.turn(now) {
            Some(interest) => poller.modify_with_mode(&client.socket, interest, PollMode::Level).is_ok(),
            None => poller.delete(&client.socket).is_err(),
        });
    }
    Ok(())
}
