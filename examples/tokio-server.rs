//! A server on tokio: a task a connection, over anything that is `AsyncRead + AsyncWrite`, and of gRPC nothing but
//! `proto-core`.
//!
//!     cargo run --example tokio-server -- 127.0.0.1:50051
//!
//! It stops when its standard input ends.

use examples::{greeter::Greeter, hello::HelloServiceServer};
use proto_core::connection::Server;
use proto_core::rpc::driven::{Driven, Handlers, Lend, Services};
use proto_core::rpc::{Peer, Router};
use proto_core::{Config, Incoming, Instant, Outgoing};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};
use std::{future::poll_fn, sync::Arc, sync::Mutex, time::Duration};
use tokio::{io, io::AsyncRead, io::AsyncReadExt, io::AsyncWrite, net::TcpListener, sync::watch, task::JoinSet, time};

/// A connection, as its handlers get at it.
#[derive(Clone)]
struct Shared(Arc<Mutex<Driven<Server>>>);

impl Lend<Driven<Server>> for Shared {
    fn lend<O>(&self, act: impl FnOnce(&mut Driven<Server>) -> O) -> O {
        act(&mut self.0.lock().expect("nothing panics while the connection is lent"))
    }
}

/// Everything of a connection stands in one future, so that whatever wakes it (the socket, the timer, what a handler
/// awaits) leads through the same turn: input before time, time before handlers, handlers before output.
struct Serving<S> {
    socket: S,
    connection: Shared,
    handlers: Handlers<Shared>,
    incoming: Incoming,
    outgoing: Outgoing,
    start: time::Instant,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Serving<S> {
    fn new(socket: S, peer: Peer, services: Services) -> Self {
        let connection = Shared(Arc::new(Mutex::new(Driven::server(Config::default(), Instant::ZERO))));
        let handlers = Handlers::new(connection.clone(), services, peer);
        let (incoming, outgoing, start) = (Incoming::new(), Outgoing::new(), time::Instant::now());
        Serving { socket, connection, handlers, incoming, outgoing, start }
    }

    fn read(&mut self, cx: &mut Context<'_>, now: Instant) {
        while self.connection.lend(|c| c.wants_input()) {
            let mut buf = io::ReadBuf::new(self.incoming.spare());
            let Poll::Ready(read) = Pin::new(&mut self.socket).poll_read(cx, &mut buf) else { return };
            let n = buf.filled().len();
            self.incoming.filled(n);
            self.connection.lend(|c| match read {
                Ok(()) if n == 0 => c.receive_eof(now),
                // An error closes the connection; its last words wait to be written.
                Ok(()) => drop(c.receive(now, &mut self.incoming)),
                Err(error) => c.lost(now, error.to_string(), Some(self.outgoing.written())),
            });
        }
    }

    /// False: the connection is over.
    fn write(&mut self, cx: &mut Context<'_>, now: Instant) -> bool {
        while self.connection.lend(|c| c.poll_transmit(now, &mut self.outgoing)) {
            match Pin::new(&mut self.socket).poll_write(cx, self.outgoing.chunk()) {
                Poll::Ready(Ok(n)) => self.outgoing.advance(n),
                // What the peer said before is heard first, in the next turn, which is due at once.
                Poll::Ready(Err(error)) => self.connection.lend(|c| c.write_failed(now, &error, &self.outgoing)),
                Poll::Pending => break,
            }
        }
        let flushed = Pin::new(&mut self.socket).poll_flush(cx).is_ready();
        !self.connection.lend(|c| c.is_over(flushed && self.outgoing.is_empty()))
    }

    async fn serve(mut self, mut stop: watch::Receiver<()>) {
        let (mut timer, mut stop) = (pin!(time::sleep(Duration::ZERO)), pin!(stop.changed()));
        let mut grace = Some(Duration::from_secs(1));
        poll_fn(|cx| {
            loop {
                let now = Instant::ZERO + self.start.elapsed();
                if grace.is_some() && stop.as_mut().poll(cx).is_ready() {
                    self.connection.lend(|c| c.shutdown(now, grace.take().unwrap_or_default()));
                }
                self.read(cx, now);
                self.connection.lend(|c| c.handle_timeout(now));
                self.handlers.poll(cx);
                if !self.write(cx, now) {
                    return Poll::Ready(());
                }
                let Some(due) = self.connection.lend(|c| c.poll_timeout()) else { return Poll::Pending };
                timer.as_mut().reset(self.start + (due - Instant::ZERO));
                // Due already: another turn.
                ready!(timer.as_mut().poll(cx));
            }
        })
        .await;
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let listener = TcpListener::bind(std::env::args().nth(1).as_deref().unwrap_or("127.0.0.1:0")).await?;
    println!("listening on {}", listener.local_addr()?);
    let services: Services = Arc::new(Router::new().with_service(HelloServiceServer::new(Greeter))?);
    let (stop, stopping) = watch::channel(());
    let (mut connections, mut stdin) = (JoinSet::new(), io::stdin());
    loop {
        tokio::select! {
            Ok((socket, peer)) = listener.accept() => {
                socket.set_nodelay(true)?;
                connections.spawn(Serving::new(socket, Peer::Tcp(peer), services.clone()).serve(stopping.clone()));
            }
            Some(_) = connections.join_next() => {}
            _ = stdin.read_u8() => break,
        }
    }
    drop((listener, stop));
    while connections.join_next().await.is_some() {}
    Ok(())
}
