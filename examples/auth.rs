//! What others call interceptors: something that every call passes, at the client and at the server.
//!
//! At the client it is a channel around a channel: a `Front` that hands every call on, here with a token, and counts it.
//! Generated clients take any. At the server it is `on_call`, which runs at a call's headers, before any message is read, and
//! hands what it has found out to the handler.
//!
//!     cargo run --example auth

use examples::hello::{HelloRequest, HelloResponse, HelloService, HelloServiceClient, HelloServiceServer};
use proto_core::rpc::{Front, Method};
use rt_smol::{Channel, Context, Receiver, Request, RequestOptions, Response, Sender, Server, Status};
use std::error::Error;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// A channel that shows a token with every call.
#[derive(Clone)]
struct WithToken<F> {
    channel: F,
    token: String,
    calls: Arc<AtomicUsize>,
}

impl<F> WithToken<F> {
    fn new(channel: F, token: &str) -> Self {
        WithToken { channel, token: format!("Bearer {token}"), calls: Arc::default() }
    }

    fn options(&self, options: RequestOptions) -> RequestOptions {
        self.calls.fetch_add(1, Relaxed);
        options.with_metadata("authorization", &self.token)
    }

    fn request<Q>(&self, request: Request<Q>) -> Request<Q> {
        let (message, options) = request.into_parts();
        Request::with_options(message, self.options(options))
    }
}

/// What calls are stays what the channel below says; each kind of call is handed on.
impl<F: Front> Front for WithToken<F> {
    type Unary<M: 'static> = F::Unary<M>;
    type Streaming<M: 'static> = F::Streaming<M>;
    type ClientStreaming<Q: 'static, M: 'static> = F::ClientStreaming<Q, M>;
    type Bidi<Q: 'static, M: 'static> = F::Bidi<Q, M>;

    fn unary<Q: 'static, M: 'static>(&self, method: &'static Method<Q, M>, request: Request<Q>) -> F::Unary<M> {
        self.channel.unary(method, self.request(request))
    }

    fn streaming<Q: 'static, M: 'static>(&self, method: &'static Method<Q, M>, request: Request<Q>) -> F::Streaming<M> {
        self.channel.streaming(method, self.request(request))
    }

    fn client_streaming<Q: 'static, M: 'static>(
        &self,
        method: &'static Method<Q, M>,
        options: RequestOptions,
    ) -> F::ClientStreaming<Q, M> {
        self.channel.client_streaming(method, self.options(options))
    }

    fn bidi<Q: 'static, M: 'static>(&self, method: &'static Method<Q, M>, options: RequestOptions) -> F::Bidi<Q, M> {
        self.channel.bidi(method, self.options(options))
    }
}

/// Who calls, for the handlers.
struct User(String);

struct Greeter;

impl HelloService for Greeter {
    /// Of every method, at the headers. An error is the call's end: no handler runs.
    fn on_call(&self, context: &mut Context) -> Result<(), Status> {
        let token = context.metadata().get("authorization").and_then(|value| value.strip_prefix("Bearer "));
        match token {
            Some("ada's secret") => context.insert(User("Ada".into())),
            Some(_) => return Err(Status::unauthenticated("nobody has this token")),
            None => return Err(Status::unauthenticated("no token: metadata \"authorization\" is missing")),
        }
        Ok(())
    }

    async fn say_hello(&self, request: Request<HelloRequest>) -> Result<Response<HelloResponse>, Status> {
        let user = request.context().get::<User>().ok_or_else(|| Status::internal("on_call inserts it"))?;
        Ok(HelloResponse { reply: format!("{} says hello to {}", user.0, request.greeting) }.into())
    }

    async fn lots_of_replies(
        &self,
        _: Request<HelloRequest>,
        replies: &mut Sender<HelloResponse>,
    ) -> Result<(), Status> {
        replies.send(HelloResponse { reply: "for those who are known".into() }).await
    }

    async fn lots_of_greetings(&self, _: &mut Receiver<HelloRequest>) -> Result<Response<HelloResponse>, Status> {
        Err(Status::unimplemented("not in this example"))
    }

    async fn bidi_hello(&self, _: &mut Receiver<HelloRequest>, _: &mut Sender<HelloResponse>) -> Result<(), Status> {
        Err(Status::unimplemented("not in this example"))
    }
}

fn greeting(name: &str) -> HelloRequest {
    HelloRequest { greeting: name.into() }
}

async fn run() -> Result<(), Box<dyn Error>> {
    let server = Server::builder().add_service(HelloServiceServer::new(Greeter)).bind("127.0.0.1:0")?.spawn();
    let channel = Channel::connect(server.address().to_string()).await?;

    let known = WithToken::new(channel.clone(), "ada's secret");
    let hello = HelloServiceClient::new(known.clone());
    println!("{}", hello.say_hello(greeting("Bob")).await?.reply);
    let mut replies = hello.lots_of_replies(greeting("Bob"));
    while let Some(reply) = replies.next().await {
        println!("{}", reply?.reply);
    }
    println!("{} calls went through", known.calls.load(Relaxed));

    let guessing = HelloServiceClient::new(WithToken::new(channel.clone(), "a guess"));
    let nobody = HelloServiceClient::new(channel);
    for call in [guessing.say_hello(greeting("Bob")), nobody.say_hello(greeting("Bob"))] {
        match call.await {
            Ok(reply) => println!("unexpected: {}", reply.reply),
            Err(status) => println!("{status}"),
        }
    }
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    smol::block_on(run())
}
