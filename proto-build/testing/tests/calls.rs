//! Generated clients and servers talk to each other, in all shapes of a call.

use proto_build_testing::hello::v1::{HelloRequest, HelloResponse, HelloServiceClient, HelloServiceServer, blocking};
use proto_build_testing::loopback::Loopback;
use proto_core::rpc::{AnyFront, Context, Receiver, Request, RequestOptions, Response, Sender};
use proto_core::{Code, Status};
use std::sync::Arc;

#[derive(Clone, Debug)]
struct Greeter;

fn reply(text: impl Into<String>) -> HelloResponse {
    HelloResponse { reply: text.into() }
}

fn greeting(text: &str) -> HelloRequest {
    HelloRequest { greeting: text.into() }
}

impl blocking::HelloService for Greeter {
    fn say_hello(&self, request: Request<HelloRequest>) -> Result<Response<HelloResponse>, Status> {
        if request.greeting.is_empty() {
            return Err(Status::invalid_argument("greeting is empty"));
        }
        let who = request.context().get::<String>().cloned().unwrap_or_default();
        Ok(Response::new(reply(format!("Hello, {}{who}!", request.greeting)))
            .with_metadata("x-method", request.context().method())
            .with_trailer("x-cost", "3"))
    }

    fn lots_of_replies(
        &self,
        request: Request<HelloRequest>,
        replies: &mut Sender<HelloResponse>,
    ) -> Result<(), Status> {
        replies.send_all((0..3).map(|i| reply(format!("{i} {}", request.greeting))))?;
        if request.greeting == "fail" { Err(Status::aborted("as asked")) } else { Ok(()) }
    }

    fn lots_of_greetings(&self, requests: &mut Receiver<HelloRequest>) -> Result<Response<HelloResponse>, Status> {
        let names = requests.map(|r| r.map(|r| r.greeting)).collect::<Result<Vec<_>, _>>()?;
        Ok(reply(names.join(", ")).into())
    }

    fn bidi_hello(
        &self,
        requests: &mut Receiver<HelloRequest>,
        replies: &mut Sender<HelloResponse>,
    ) -> Result<(), Status> {
        for request in requests {
            replies.send(reply(request?.greeting.to_uppercase()))?;
        }
        Ok(())
    }

    fn on_call(&self, context: &mut Context) -> Result<(), Status> {
        match context.metadata().get("x-user") {
            Some("nobody") => Err(Status::unauthenticated("who are you?")),
            Some(user) => {
                let user = format!(" ({user})");
                context.insert(user);
                Ok(())
            }
            None => Ok(()),
        }
    }
}

fn client() -> HelloServiceClient<Loopback> {
    HelloServiceClient::new(Loopback::new(HelloServiceServer::blocking(Greeter)))
}

#[test]
fn a_unary_call_takes_a_message_or_a_request() {
    let hello = client();
    assert_eq!(hello.say_hello(greeting("Ada")).unwrap().reply, "Hello, Ada!");
    let response = hello.say_hello(Request::new(greeting("Bob")).with_metadata("x-user", "b")).unwrap();
    assert_eq!(response.reply, "Hello, Bob (b)!");
    assert_eq!(response.metadata().get("x-method"), Some("/hello.v1.HelloService/SayHello"));
    assert_eq!(response.trailers().get("x-cost"), Some("3"));
    assert_eq!(hello.say_hello(greeting("")).unwrap_err().code(), Code::InvalidArgument);
}

#[test]
fn server_streaming_yields_replies_and_then_the_status() {
    let replies = client().lots_of_replies(greeting("Ada"));
    let texts: Vec<_> = replies.into_iter().map(|r| r.unwrap().reply).collect();
    assert_eq!(texts, ["0 Ada", "1 Ada", "2 Ada"]);
    let mut replies = client().lots_of_replies(greeting("fail"));
    assert_eq!(replies.pop().unwrap().unwrap_err().code(), Code::Aborted);
    assert_eq!(replies.len(), 3);
}

#[test]
fn client_streaming_gathers_requests() {
    let mut call = client().lots_of_greetings();
    for name in ["Ada", "Bob"] {
        call.send(greeting(name)).unwrap();
    }
    assert_eq!(call.finish().unwrap().reply, "Ada, Bob");
    let call = client().lots_of_greetings_with(RequestOptions::new().with_metadata("x-user", "nobody"));
    assert_eq!(call.finish().unwrap_err().code(), Code::Unauthenticated);
}

#[test]
fn bidi_answers_each_request() {
    let mut call = client().bidi_hello();
    for name in ["Ada", "Bob"] {
        call.send(greeting(name)).unwrap();
    }
    let texts: Vec<_> = call.replies().into_iter().map(|r| r.unwrap().reply).collect();
    assert_eq!(texts, ["ADA", "BOB"]);
    let call = client().bidi_hello_with(RequestOptions::new().with_metadata("bad name", "1"));
    assert!(call.replies().pop().unwrap().unwrap_err().message().contains("\"bad name\""));
}

#[test]
fn handlers_can_be_shared_boxed_and_dyn() {
    let shared: Arc<dyn blocking::HelloService> = Arc::new(Greeter);
    let boxed: Box<dyn blocking::HelloService> = Box::new(shared.clone());
    for channel in [
        Loopback::new(HelloServiceServer::blocking(Arc::new(Greeter))),
        Loopback::new(HelloServiceServer::blocking(shared)),
        Loopback::new(HelloServiceServer::blocking(boxed)),
    ] {
        let hello = HelloServiceClient::new(channel);
        assert_eq!(hello.say_hello(greeting("Ada")).unwrap().reply, "Hello, Ada!");
        let refused = Request::new(greeting("Ada")).with_metadata("x-user", "nobody");
        assert_eq!(hello.say_hello(refused).unwrap_err().code(), Code::Unauthenticated);
        let mut call = hello.bidi_hello();
        call.send(greeting("x")).unwrap();
        assert_eq!(call.replies().len(), 1);
    }
}

#[test]
fn a_handler_is_tested_without_a_channel() {
    use blocking::HelloService;
    let mut replies = Sender::for_test();
    Greeter.bidi_hello(&mut Receiver::from_iter([greeting("a"), greeting("b")]), &mut replies).unwrap();
    assert_eq!(replies.sent(), [reply("A"), reply("B")]);
    let mut replies = Sender::for_test().ending_after(1, Status::cancelled("gone"));
    let ended = Greeter.lots_of_replies(Request::new(greeting("x")), &mut replies);
    assert_eq!(ended.unwrap_err().code(), Code::Cancelled);
}

#[test]
fn a_client_is_clone_debug_send_and_sync() {
    fn check<T: Clone + std::fmt::Debug + Send + Sync + 'static>(_: &T) {}
    check(&client());
    check(&HelloServiceServer::blocking(Greeter));
}

#[test]
fn a_service_without_its_package_and_one_alone_have_their_own_types() {
    use proto_build_testing::{alone, bare};
    struct Bare;
    impl bare::blocking::HelloService for Bare {
        fn say_hello(&self, request: Request<bare::HelloRequest>) -> Result<Response<bare::HelloReply>, Status> {
            let text = format!("{} {}", request.context().method(), request.name);
            Ok(bare::HelloReply { text }.into())
        }
    }
    let hello = bare::HelloServiceClient::new(Loopback::new(bare::HelloServiceServer::blocking(Bare)));
    let reply = hello.say_hello(bare::HelloRequest { name: "Ada".into() }).unwrap();
    assert_eq!(reply.text, "/HelloService/SayHello Ada");
    let client = alone::HelloServiceClient::new(Loopback::new(HelloServiceServer::blocking(Greeter)));
    assert_eq!(client.say_hello(alone::HelloRequest { greeting: "Ada".into() }).unwrap().reply, "Hello, Ada!");
}

/// A library that knows no runtime.
async fn greet_all<F: AnyFront>(hello: &HelloServiceClient<F>, names: &[&str]) -> Result<Vec<String>, Status> {
    let mut call = hello.lots_of_greetings();
    for name in names {
        F::send(&mut call, greeting(name)).await?;
    }
    let mut texts = vec![F::finish(call).await?.into_inner().reply];
    texts.push(F::settle(hello.say_hello(greeting("all"))).await?.into_inner().reply);
    let mut replies = hello.lots_of_replies(greeting("x"));
    while let Some(reply) = F::next(&mut replies).await {
        texts.push(reply?.reply);
    }
    Ok(texts)
}

#[test]
fn a_library_for_every_runtime_is_written_once() {
    let hello = client();
    let mut future = std::pin::pin!(greet_all(&hello, &["Ada", "Bob"]));
    let mut context = std::task::Context::from_waker(std::task::Waker::noop());
    // A blocking front's futures are ready at the first poll.
    let std::task::Poll::Ready(texts) = future.as_mut().poll(&mut context) else { panic!("it must not wait") };
    assert_eq!(texts.unwrap(), ["Ada, Bob", "Hello, all!", "0 x", "1 x", "2 x"]);
}
