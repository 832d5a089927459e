//! One library, three runtimes. The crate `sdk` (in `examples/sdk`) depends on `proto-core` alone; here it is used from
//! blocking code, from smol, and from the frames of a game, whose front is written below.
//!
//!     cargo run --example sdk

use examples::{greeter::Greeter, hello::HelloServiceServer, port::Port};
use proto_core::connection::Client;
use proto_core::rpc::driven::{Driven, Replies, Requests, open, start};
use proto_core::rpc::{AnyFront, Front, Method, Request, RequestOptions as Options, Response, SendError};
use proto_core::{Config, Instant, Status};
use sdk::Reception;
use std::net::TcpStream;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::{cell::RefCell, error::Error, rc::Rc, time::Duration};

type Connection = Rc<RefCell<Driven<Client>>>;
type Both<Q, M> = (Requests<Connection, Q>, Replies<Connection, M>);

/// The front of a game: its connection is driven by the frames. (`proto_core::rpc::driven::Caller` is the same, ready to
/// use.)
#[derive(Clone)]
struct Game(Connection);

impl Front for Game {
    type Unary<M: 'static> = Replies<Connection, M>;
    type Streaming<M: 'static> = Replies<Connection, M>;
    type ClientStreaming<Q: 'static, M: 'static> = Both<Q, M>;
    type Bidi<Q: 'static, M: 'static> = Both<Q, M>;

    fn unary<Q: 'static, M: 'static>(&self, method: &'static Method<Q, M>, request: Request<Q>) -> Self::Unary<M> {
        start(&self.0, method, request)
    }
    fn streaming<Q: 'static, M: 'static>(&self, method: &'static Method<Q, M>, request: Request<Q>) -> Self::Unary<M> {
        start(&self.0, method, request)
    }
    fn client_streaming<Q: 'static, M: 'static>(&self, method: &'static Method<Q, M>, with: Options) -> Both<Q, M> {
        open(&self.0, method, with)
    }
    fn bidi<Q: 'static, M: 'static>(&self, method: &'static Method<Q, M>, with: Options) -> Both<Q, M> {
        open(&self.0, method, with)
    }
}

impl AnyFront for Game {
    async fn settle<M: 'static>(call: Self::Unary<M>) -> Result<Response<M>, Status> {
        call.reply().await
    }
    async fn next<M: 'static>(call: &mut Self::Streaming<M>) -> Option<Result<M, Status>> {
        call.next().await
    }
    async fn send<Q: 'static, M: 'static>(call: &mut Both<Q, M>, message: Q) -> Result<(), SendError> {
        call.0.send(message).await
    }
    async fn finish<Q: 'static, M: 'static>((mut requests, reply): Both<Q, M>) -> Result<Response<M>, Status> {
        requests.finish();
        reply.reply().await
    }
}

/// Frames until the work is done.
fn play<T>(address: &str, work: impl AsyncFnOnce(Game) -> T) -> Result<T, Box<dyn Error>> {
    let mut port = Port::new(TcpStream::connect(address)?)?;
    let connection = Rc::new(RefCell::new(Driven::client(Config::default(), Instant::ZERO)));
    let (mut work, began) = (pin!(work(Game(connection.clone()))), std::time::Instant::now());
    loop {
        let now = Instant::ZERO + began.elapsed();
        port.receive(&mut connection.borrow_mut(), now);
        if let Poll::Ready(value) = work.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return Ok(value);
        }
        // If the connection is over the work hears of it in the next frame.
        let _ = port.transmit(&mut connection.borrow_mut(), now);
        // Here the game draws, and sleeps for what is left of the frame.
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// What a user of the library does, whatever the runtime is.
async fn evening<F: AnyFront>(front: F) -> Result<(), Status> {
    let reception = Reception::new(front);
    println!("   {}", reception.welcome("Ada", Duration::from_secs(10)).await?);
    println!("   {}", reception.welcome_often("Bob").await?.join(" "));
    println!("   {}", reception.welcome_all(&["Cleo", "Dora"]).await?);
    let status = reception.welcome("patience", Duration::from_millis(50)).await.expect_err("a minute is too long");
    println!("   {:?}", status.code());
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let server = rt_smol::Server::builder().add_service(HelloServiceServer::new(Greeter)).bind("127.0.0.1:0")?.spawn();
    let address = server.address().to_string();
    println!("blocking, on the calling thread:");
    rt_std::settled(evening(rt_std::Channel::connect(&address)?))?;
    println!("async, on smol:");
    smol::block_on(async { evening(rt_smol::Channel::connect(&address).await?).await })?;
    println!("once a frame, in a game:");
    play(&address, evening)??;
    Ok(())
}
