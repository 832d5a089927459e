//! A server on a loop of completions, as io_uring has them: an operation is submitted together with the buffer that it
//! works on, and both come back when it is done. The buffers are `Incoming` and `Outgoing` themselves, which are moved,
//! so that nothing is copied on the way. The kernel's part is played by threads that block.
//!
//!     cargo run --example completion

use examples::{greeter::Greeter, hello::HelloRequest, hello::HelloServiceClient, hello::HelloServiceServer};
use proto_core::rpc::driven::{Driven, Handlers, Lend, Services};
use proto_core::rpc::{Peer, Request, Router};
use proto_core::{Config, Incoming, Instant, Outgoing, Status, connection::Server};
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, mpsc};
use std::{error::Error, task::Context, task::Waker, thread, time::Duration};

/// What is done, with the buffer that it was done to.
enum Done {
    Read(Incoming, io::Result<usize>),
    Written(Outgoing, io::Result<usize>),
}

/// Where operations are submitted. They are done some time, and come out at the other end.
struct Ring(mpsc::Sender<Done>);

impl Ring {
    fn submit(&self, operation: impl FnOnce() -> Done + Send + 'static) {
        let done = self.0.clone();
        thread::spawn(move || done.send(operation()).is_ok());
    }
}

/// A connection, as its handlers get at it.
#[derive(Clone)]
struct Shared(Arc<Mutex<Driven<Server>>>);

impl Lend<Driven<Server>> for Shared {
    fn lend<O>(&self, act: impl FnOnce(&mut Driven<Server>) -> O) -> O {
        act(&mut self.0.lock().expect("nothing panics while the connection is lent"))
    }
}

fn serve(socket: TcpStream, services: Services) -> io::Result<()> {
    let (peer, socket, start) = (Peer::Tcp(socket.peer_addr()?), Arc::new(socket), std::time::Instant::now());
    let clock = || Instant::ZERO + start.elapsed();
    let connection = Shared(Arc::new(Mutex::new(Driven::server(Config::default(), Instant::ZERO))));
    let mut handlers = Handlers::new(connection.clone(), services, peer);
    let (submit, done) = mpsc::channel();
    let ring = Ring(submit);
    // The buffers, while the ring does not have them.
    let (mut incoming, mut outgoing, mut failed) = (Some(Incoming::new()), Some(Outgoing::new()), None);
    loop {
        let now = clock();
        connection.lend(|c| c.handle_timeout(now));
        handlers.poll(&mut Context::from_waker(Waker::noop()));
        if let Some(mut buffer) = incoming.take_if(|_| failed.is_some() || connection.lend(|c| c.wants_input())) {
            let socket = socket.clone();
            ring.submit(move || {
                let result = (&*socket).read(buffer.spare());
                Done::Read(buffer, result)
            });
        }
        // While a write is under way the connection collects what goes next.
        if let Some(buffer) = outgoing.take_if(|out| connection.lend(|c| c.poll_transmit(now, out))) {
            let socket = socket.clone();
            ring.submit(move || {
                let result = (&*socket).write(buffer.chunk());
                Done::Written(buffer, result)
            });
        }
        if connection.lend(|c| c.is_over(outgoing.is_some())) {
            // What is under way ends with the socket, and gives its buffer back.
            socket.shutdown(Shutdown::Both).unwrap_or_default();
            if incoming.is_some() && outgoing.is_some() {
                return Ok(());
            }
        }
        let due = connection.lend(|c| c.poll_timeout());
        match done.recv_timeout(due.map_or(Duration::MAX, |due| due - clock())) {
            Ok(Done::Read(mut buffer, result)) => {
                buffer.filled(*result.as_ref().unwrap_or(&0));
                // It is heard out: what costs the connection is the write that failed before.
                if let Some((out, error)) = failed.take_if(|_| matches!(result, Ok(0) | Err(_))) {
                    connection.lend(|c| c.write_failed(clock(), &error, &out));
                    outgoing = Some(Outgoing::new());
                }
                connection.lend(|c| match result {
                    Ok(0) => c.receive_eof(clock()),
                    // An error closes the connection, and its last words wait to be written.
                    Ok(_) => drop(c.receive(clock(), &mut buffer)),
                    Err(error) => c.lost(clock(), error.to_string(), None),
                });
                incoming = Some(buffer);
            }
            Ok(Done::Written(mut buffer, Ok(n))) => {
                buffer.advance(n);
                outgoing = Some(buffer);
            }
            // Nothing more is written, since that buffer is kept; reads go on, to the end of what the peer had said before.
            Ok(Done::Written(buffer, Err(error))) => failed = Some((buffer, error)),
            // Something is due.
            Err(_) => {}
        }
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let channel = rt_std::Channel::new(format!("http://{}", listener.local_addr()?))?;
    let services = Arc::new(Router::new().with_service(HelloServiceServer::new(Greeter))?);
    let server = thread::spawn(move || serve(listener.accept()?.0, services));

    let hello = HelloServiceClient::new(channel);
    let greet = |name: &str| Request::new(HelloRequest { greeting: name.into() });
    println!("{}", hello.say_hello(greet("Ada"))?.reply);
    let replies = hello.lots_of_replies(greet("Bob")).collect::<Result<Vec<_>, Status>>()?;
    println!("{:?}", replies.iter().map(|reply| &reply.reply).collect::<Vec<_>>());
    let large = hello.say_hello(greet(&"x".repeat(3 << 20)))?.reply.len();
    println!("a reply of {large} bytes");
    let late = hello.say_hello(greet("patience").with_timeout(Duration::from_millis(50)));
    println!("{}", late.expect_err("a minute is too long"));
    // The last clone of its channel: the connection ends, and the server with it.
    drop(hello);
    Ok(server.join().expect("the server does not panic")?)
}
