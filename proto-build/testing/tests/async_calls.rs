//! Generated clients and servers whose handlers are futures talk to each other, in all shapes of a call.

use proto_build_testing::hello::v1::{
    HelloRequest, HelloResponse, HelloService, HelloServiceClient, HelloServiceServer, blocking,
};
use proto_build_testing::loopback::Loopback;
use proto_build_testing::loopback_async::{AsyncLoopback, ROOM, run};
use proto_build_testing::other::plain;
use proto_core::rpc::asynchronous::{Receiver, Sender};
use proto_core::rpc::{AnyStreams, AsyncService, Context, Request, RequestOptions, Response, SendError, ServerCall};
use proto_core::{Code, Status};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Weak};

#[derive(Debug, Default)]
struct Greeter {
    /// Handlers under way.
    under_way: Arc<()>,
    sent: AtomicUsize,
}

fn reply(text: impl Into<String>) -> HelloResponse {
    HelloResponse { reply: text.into() }
}

fn greeting(text: &str) -> HelloRequest {
    HelloRequest { greeting: text.into() }
}

impl HelloService for Greeter {
    async fn say_hello(&self, request: Request<HelloRequest>) -> Result<Response<HelloResponse>, Status> {
        let _under_way = self.under_way.clone();
        match &request.greeting[..] {
            "" => return Err(Status::invalid_argument("greeting is empty")),
            "for ever" => return Err(request.context().cancelled().await),
            _ => {}
        }
        let who = request.context().get::<String>().cloned().unwrap_or_default();
        Ok(Response::new(reply(format!("Hello, {}{who}!", request.greeting)))
            .with_metadata("x-method", request.context().method())
            .with_trailer("x-cost", "3"))
    }

    async fn lots_of_replies(
        &self,
        request: Request<HelloRequest>,
        replies: &mut Sender<HelloResponse>,
    ) -> Result<(), Status> {
        let _under_way = self.under_way.clone();
        for i in 0..2 * ROOM + 1 {
            replies.send(reply(format!("{i} {}", request.greeting))).await?;
            self.sent.fetch_add(1, Ordering::Relaxed);
        }
        if request.greeting == "fail" { Err(Status::aborted("as asked")) } else { Ok(()) }
    }

    async fn lots_of_greetings(
        &self,
        requests: &mut Receiver<HelloRequest>,
    ) -> Result<Response<HelloResponse>, Status> {
        let mut names = Vec::new();
        while let Some(request) = requests.recv().await? {
            names.push(request.greeting);
        }
        Ok(reply(names.join(", ")).into())
    }

    async fn bidi_hello(
        &self,
        requests: &mut Receiver<HelloRequest>,
        replies: &mut Sender<HelloResponse>,
    ) -> Result<(), Status> {
        replies.context().send_headers(requests.context().metadata())?;
        while let Some(request) = requests.next().await {
            replies.send(reply(request?.greeting.to_uppercase())).await?;
        }
        let _ = replies.context().set_trailer("x-cost", "4");
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

fn client() -> HelloServiceClient<AsyncLoopback> {
    HelloServiceClient::new(AsyncLoopback::new(HelloServiceServer::new(Greeter::default())))
}

#[test]
fn a_unary_call_is_a_future() {
    let hello = client();
    assert_eq!(run(hello.say_hello(greeting("Ada"))).unwrap().unwrap().reply, "Hello, Ada!");
    let request = Request::new(greeting("Bob")).with_metadata("x-user", "b");
    let response = run(hello.say_hello(request)).unwrap().unwrap();
    assert_eq!(response.reply, "Hello, Bob (b)!");
    assert_eq!(response.metadata().get("x-method"), Some("/hello.v1.HelloService/SayHello"));
    assert_eq!(response.trailers().get("x-cost"), Some("3"));
    assert_eq!(run(hello.say_hello(greeting(""))).unwrap().unwrap_err().code(), Code::InvalidArgument);
    let refused = Request::new(greeting("Ada")).with_metadata("x-user", "nobody");
    assert_eq!(run(hello.say_hello(refused)).unwrap().unwrap_err().code(), Code::Unauthenticated);
}

#[test]
fn server_streaming_waits_for_its_client_and_yields_the_status_last() {
    let service = Arc::new(Greeter::default());
    let hello = HelloServiceClient::new(AsyncLoopback::new(HelloServiceServer::new(service.clone())));
    let mut replies = hello.lots_of_replies(greeting("Ada"));
    assert_eq!(run(replies.next()).unwrap().unwrap().unwrap().reply, "0 Ada");
    // It went as far as there was room.
    assert_eq!(service.sent.load(Ordering::Relaxed), ROOM);
    let mut texts = Vec::new();
    while let Some(reply) = run(replies.next()).unwrap() {
        texts.push(reply.unwrap().reply);
    }
    assert_eq!(texts, ["1 Ada", "2 Ada", "3 Ada", "4 Ada"]);
    let mut replies = hello.lots_of_replies(greeting("fail"));
    for _ in 0..2 * ROOM + 1 {
        assert!(run(replies.next()).unwrap().unwrap().is_ok());
    }
    assert_eq!(run(replies.next()).unwrap().unwrap().unwrap_err().code(), Code::Aborted);
    assert!(run(replies.next()).unwrap().is_none());
}

#[test]
fn client_streaming_gathers_requests() {
    let hello = client();
    let mut call = hello.lots_of_greetings();
    // More than fit: the handler takes them meanwhile.
    for name in ["Ada", "Bob", "Cyd", "Dan", "Eve"] {
        run(call.send(greeting(name))).unwrap().unwrap();
    }
    assert_eq!(run(call.finish()).unwrap().unwrap().reply, "Ada, Bob, Cyd, Dan, Eve");
    let mut call = hello.lots_of_greetings_with(RequestOptions::new().with_metadata("x-user", "nobody"));
    assert!(matches!(run(call.send(greeting("Ada"))), Some(Err(SendError::Ended))));
    assert_eq!(run(call.finish()).unwrap().unwrap_err().code(), Code::Unauthenticated);
}

/// A library of no runtime: asks in turn, then reads what is left.
async fn ask<F: AnyStreams>(hello: &HelloServiceClient<F>, names: &[&str]) -> Result<Vec<String>, Status> {
    let mut call = hello.bidi_hello_with(RequestOptions::new().with_metadata("x-early", "1"));
    let mut texts = Vec::new();
    for name in names {
        F::bidi_send(&mut call, greeting(name)).await?;
        texts.extend(F::bidi_next(&mut call).await.transpose()?.map(|reply| reply.reply));
    }
    texts.extend(F::bidi_headers(&mut call).await?.get("x-early").map(str::to_owned));
    F::bidi_finish(&mut call).await?;
    assert!(F::bidi_next(&mut call).await.is_none());
    texts.extend(F::bidi_trailers(&call).get("x-cost").map(str::to_owned));
    Ok(texts)
}

#[test]
fn bidi_answers_each_request_as_it_comes() {
    assert_eq!(run(ask(&client(), &["Ada", "Bob"])).unwrap().unwrap(), ["ADA", "BOB", "1", "4"]);
}

#[test]
fn a_handler_is_dropped_with_its_call_wherever_it_waits() {
    let service = Arc::new(Greeter::default());
    let under_way: Weak<()> = Arc::downgrade(&service.under_way);
    let hello = HelloServiceClient::new(AsyncLoopback::new(HelloServiceServer::new(service)));
    let waiting = hello.say_hello(greeting("for ever"));
    let mut replies = hello.lots_of_replies(greeting("Ada"));
    // A handler has not begun before it is polled.
    assert_eq!(under_way.strong_count(), 1);
    assert!(run(replies.next()).unwrap().unwrap().is_ok());
    assert_eq!(under_way.strong_count(), 2);
    drop(replies);
    assert_eq!(under_way.strong_count(), 1);
    assert!(run(waiting).is_none());
    assert_eq!(under_way.strong_count(), 1);
}

#[test]
fn handlers_can_be_shared_and_serve_in_both_forms() {
    #[derive(Clone)]
    struct Both;
    impl plain::Notes for Both {
        async fn echo(
            &self,
            note: Request<proto_build_testing::plain::Note>,
        ) -> Result<Response<proto_build_testing::plain::Note>, Status> {
            Ok(note.into_inner().into())
        }
    }
    impl plain::blocking::Notes for Both {
        fn echo(
            &self,
            note: Request<proto_build_testing::plain::Note>,
        ) -> Result<Response<proto_build_testing::plain::Note>, Status> {
            Ok(note.into_inner().into())
        }
    }
    let note = proto_build_testing::plain::Note { text: "x".into() };
    for server in [plain::NotesServer::new(Both), plain::NotesServer::new(Both).clone()] {
        let notes = plain::NotesClient::new(AsyncLoopback::new(server));
        assert_eq!(run(notes.echo(note.clone())).unwrap().unwrap().text, "x");
    }
    let notes = plain::NotesClient::new(AsyncLoopback::new(Arc::new(plain::NotesServer::new(Arc::new(Both)))));
    assert_eq!(run(notes.echo(note.clone())).unwrap().unwrap().text, "x");
    // Not implemented: by default, as the options of the build asked for it.
    let status = run(notes.count(plain::Counted::default())).unwrap().unwrap_err();
    assert_eq!(
        (status.code(), status.message()),
        (Code::Unimplemented, "/Notes/Count is not implemented by this server")
    );
    let notes = plain::NotesClient::new(Loopback::new(plain::NotesServer::blocking(Both)));
    assert_eq!(notes.echo(note).unwrap().text, "x");
}

#[test]
fn handlers_are_tested_without_a_server() {
    let mut replies = Sender::for_test().ending_after(3, Status::cancelled("gone"));
    let service = Greeter::default();
    let outcome = run(service.lots_of_replies(Request::new(greeting("Ada")), &mut replies)).unwrap();
    assert_eq!((outcome.unwrap_err().message(), replies.sent().len()), ("gone", 3));
    let mut requests = Receiver::from_iter(["a", "b"].map(greeting));
    let mut replies = Sender::for_test();
    run(service.bidi_hello(&mut requests, &mut replies)).unwrap().unwrap();
    assert_eq!(replies.take_sent(), [reply("A"), reply("B")]);
    assert_eq!(run(service.lots_of_greetings(&mut Receiver::from_iter([]))).unwrap().unwrap().reply, "");
}

#[test]
fn what_does_not_parse_and_what_is_not_there_are_statuses() {
    let server = HelloServiceServer::new(Greeter::default());
    let mut call = ServerCall::default();
    call.request.extend_from_slice(&[0xff]);
    let (mut call, result) = run(server.call(0, call)).unwrap();
    assert_eq!(result.unwrap_err().code(), Code::Internal);
    // The call comes back, to be used again.
    call.request.clear();
    let (call, result) = run(server.call(0, call)).unwrap();
    assert_eq!(result.unwrap_err().code(), Code::InvalidArgument);
    assert_eq!(run(server.call(9, call)).unwrap().1.unwrap_err().code(), Code::Unimplemented);
    assert_eq!(server.info().name, "hello.v1.HelloService");
}

#[test]
fn futures_of_a_generated_server_may_travel_between_threads() {
    fn send(_: impl Send + 'static) {}
    fn forms<T: HelloService, B: blocking::HelloService>(one: T, other: B) {
        send(HelloServiceServer::new(one).call(0, ServerCall::default()));
        send(HelloServiceServer::blocking(other));
    }
    let _ = forms::<Greeter, Arc<dyn blocking::HelloService>>;
}
