//! A client on tokio: one task drives the connection, any task awaits its calls, and of gRPC there is nothing but
//! `proto-core`.
//!
//!     cargo run --example tokio-client -- 127.0.0.1:50051

use examples::hello::{HelloRequest, HelloServiceClient};
use proto_core::rpc::driven::{Caller, Driven, Lend};
use proto_core::{Config, Incoming, Instant, Outgoing, connection::Client, rpc::Request};
use std::task::{Context, Poll, Waker, ready};
use std::{future::poll_fn, pin::Pin, pin::pin, sync::Arc, sync::Mutex, sync::MutexGuard, time::Duration};
use tokio::{io, io::AsyncRead, io::AsyncWrite, net::TcpStream, time};

/// A connection, as its callers get at it.
#[derive(Clone)]
struct Shared(Arc<Mutex<State>>);

struct State {
    connection: Driven<Client>,
    start: time::Instant,
    /// The task that drives it, and the callers that wait.
    driver: Option<Waker>,
    callers: Vec<Waker>,
}

impl Shared {
    fn new(authority: String) -> Self {
        let connection = Driven::client(Config { authority, ..Config::default() }, Instant::ZERO);
        Shared(Arc::new(Mutex::new(State { connection, start: time::Instant::now(), driver: None, callers: vec![] })))
    }

    fn lock(&self) -> (MutexGuard<'_, State>, Instant) {
        let state = self.0.lock().expect("nothing panics while the connection is lent");
        let now = Instant::ZERO + state.start.elapsed();
        (state, now)
    }
}

impl Lend<Driven<Client>> for Shared {
    fn lend<O>(&self, act: impl FnOnce(&mut Driven<Client>) -> O) -> O {
        let (mut state, now) = self.lock();
        // What the caller does happens now, not when the driver was last awake.
        state.connection.tell_time(now);
        // It finds what was done when we let go of the lock.
        state.driver.take().inspect(Waker::wake_by_ref);
        act(&mut state.connection)
    }

    fn waiting(&self, cx: &mut Context<'_>) {
        let (mut state, _) = self.lock();
        state.callers.retain(|waker| !waker.will_wake(cx.waker()));
        state.callers.push(cx.waker().clone());
    }
}

/// Input before time, time before output. Ends with the connection.
async fn drive(shared: Shared, mut socket: impl AsyncRead + AsyncWrite + Unpin) {
    let (mut incoming, mut outgoing, mut timer) = (Incoming::new(), Outgoing::new(), pin!(time::sleep(Duration::ZERO)));
    poll_fn(|cx| {
        loop {
            let (mut state, now) = shared.lock();
            state.driver = Some(cx.waker().clone());
            while state.connection.wants_input() {
                let mut buf = io::ReadBuf::new(incoming.spare());
                let Poll::Ready(read) = Pin::new(&mut socket).poll_read(cx, &mut buf) else { break };
                let n = buf.filled().len();
                incoming.filled(n);
                match read {
                    Ok(()) if n == 0 => state.connection.receive_eof(now),
                    // An error closes the connection: its calls tell why.
                    Ok(()) => drop(state.connection.receive(now, &mut incoming)),
                    Err(error) => state.connection.lost(now, error.to_string(), Some(outgoing.written())),
                }
            }
            state.connection.handle_timeout(now);
            while state.connection.poll_transmit(now, &mut outgoing) {
                let Poll::Ready(written) = Pin::new(&mut socket).poll_write(cx, outgoing.chunk()) else { break };
                // What the peer said before is heard first, in the next turn, which is due at once.
                let failed = |error: &io::Error| state.connection.write_failed(now, error, &outgoing);
                let Ok(n) = written.inspect_err(failed) else { break };
                outgoing.advance(n);
            }
            // Callers look again when something has happened; not after every turn, since their looking makes for another one.
            while state.connection.poll_event().is_some() {
                state.callers.drain(..).for_each(Waker::wake);
            }
            if state.connection.is_closed() {
                return Poll::Ready(());
            }
            let Some(due) = state.connection.poll_timeout() else { return Poll::Pending };
            timer.as_mut().reset(state.start + (due - Instant::ZERO));
            ready!(timer.as_mut().poll(cx));
        }
    })
    .await;
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let address = std::env::args().nth(1).ok_or("expected the server's address, host:port")?;
    let socket = TcpStream::connect(&address).await?;
    socket.set_nodelay(true)?;
    let shared = Shared::new(address);
    let driver = tokio::spawn(drive(shared.clone(), socket));

    let hello = HelloServiceClient::new(Caller(shared.clone()));
    let greet = |name: &str| HelloRequest { greeting: name.into() };
    // Both are on their way before the first is awaited, here and in a task of its own.
    let (ada, bob) = (hello.say_hello(greet("Ada")), tokio::spawn(hello.say_hello(greet("Bob")).reply()));
    println!("{} {}", ada.reply().await?.reply, bob.await??.reply);
    let mut replies = hello.lots_of_replies(greet("Cleo"));
    while let Some(reply) = replies.next().await {
        println!("{}", reply?.reply);
    }
    let (mut requests, mut replies) = hello.bidi_hello();
    requests.send(greet("Dora")).await?;
    println!("{:?}", replies.next().await.transpose()?.map(|reply| reply.reply));
    requests.finish();
    let late = hello.say_hello(Request::new(greet("patience")).with_timeout(Duration::from_millis(50))).reply().await;
    println!("{}", late.expect_err("a minute is too long"));

    shared.lend(|c| c.shutdown(c.now(), Duration::ZERO));
    Ok(driver.await?)
}

#[cfg(test)]
#[path = "tests/inside/tokio_client.rs"]
mod tests;
