//! What a handler can do with its call, seen from the client, in a simulation: metadata at both ends of every shape,
//! `on_call`, cancelling, draining, pushers.

use proto_build_testing::hello::v1::{HelloRequest, HelloResponse, HelloServiceClient, HelloServiceServer, blocking};
use rt_std::testkit::Sim;
use rt_std::{Channel, Code, Context, Metadata, Pusher, Receiver, Request, Response, Sender, Server, Status};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const MS: Duration = Duration::from_millis(1);
const SEC: Duration = Duration::from_secs(1);

/// Does what the first request, or the request metadata "do", says.
#[derive(Clone, Default)]
struct Service {
    log: Arc<Mutex<Vec<String>>>,
    pushers: Arc<Mutex<Vec<Pusher<HelloResponse>>>>,
}

impl Service {
    fn note(&self, text: impl Into<String>) {
        self.log.lock().expect("no handler panics").push(text.into());
    }

    fn log(&self) -> Vec<String> {
        self.log.lock().expect("no handler panics").clone()
    }

    /// What every handler does first and last.
    fn act(&self, context: &Context) -> Result<(), Status> {
        let what = context.metadata().get("do").unwrap_or_default();
        if what.contains("headers") {
            let mut metadata = Metadata::new();
            metadata.insert("x-initial", "early")?;
            context.send_headers(&metadata)?;
            let twice = context.send_headers(&metadata).expect_err("once is enough");
            assert_eq!(twice.code(), Code::FailedPrecondition);
        }
        context.set_trailer("x-trailing", "late")?;
        context.set_trailer_bin("x-raw-bin", [1, 2, 3])?;
        if what.contains("cancel") {
            context.cancel(Status::aborted("ended by itself"));
            assert_eq!(context.check().expect_err("it has ended").code(), Code::Aborted);
        }
        if what.contains("sleep") {
            self.note(format!("slept: {:?}", context.sleep(SEC).map_err(|status| status.code())));
        }
        if what.contains("drain") {
            while !context.draining() {
                context.sleep(MS)?;
            }
            self.note("drained");
        }
        if what.contains("fail") { Err(Status::not_found("as told").with_metadata(one("x-own", "7"))) } else { Ok(()) }
    }
}

fn one(name: &str, value: &str) -> Metadata {
    let mut metadata = Metadata::new();
    metadata.insert(name, value).expect("a proper name");
    metadata
}

fn greeting(text: &str) -> HelloRequest {
    HelloRequest { greeting: text.into() }
}

fn reply(text: impl Into<String>) -> HelloResponse {
    HelloResponse { reply: text.into() }
}

impl blocking::HelloService for Service {
    fn say_hello(&self, request: Request<HelloRequest>) -> Result<Response<HelloResponse>, Status> {
        self.act(request.context())?;
        let response = Response::new(reply(&*request.greeting)).with_trailer("x-cost", "3");
        let told = request.metadata().get("do").is_some_and(|what| what.contains("headers"));
        Ok(if told { response } else { response.with_metadata("x-initial", "with the reply") })
    }

    fn lots_of_replies(
        &self,
        request: Request<HelloRequest>,
        replies: &mut Sender<HelloResponse>,
    ) -> Result<(), Status> {
        if request.greeting == "push" {
            self.pushers.lock().expect("no handler panics").push(replies.pusher());
            while !request.context().wait_cancelled(SEC) {}
            return Ok(());
        }
        replies.context().set_trailer("x-trailing", "first")?;
        self.act(request.context())?;
        replies.send(reply("one"))
    }

    fn lots_of_greetings(&self, requests: &mut Receiver<HelloRequest>) -> Result<Response<HelloResponse>, Status> {
        self.act(requests.context())?;
        let count = requests.try_fold(0, |n, request| request.map(|_| n + 1))?;
        Ok(reply(format!("{count} requests")).into())
    }

    fn bidi_hello(
        &self,
        requests: &mut Receiver<HelloRequest>,
        replies: &mut Sender<HelloResponse>,
    ) -> Result<(), Status> {
        self.act(requests.context())?;
        for request in requests {
            let request = request?;
            self.note(format!("request {}", request.greeting));
            replies.send(reply(request.greeting))?;
        }
        Ok(())
    }

    fn on_call(&self, context: &mut Context) -> Result<(), Status> {
        let name = context.method().rsplit('/').next().unwrap_or_default();
        self.note(format!("on_call {name}"));
        match context.metadata().get("user") {
            Some("nobody") => Err(Status::unauthenticated("who are you?")),
            _ => Ok(()),
        }
    }
}

/// Plays a scene on some seeds with a server and a client of it.
fn scene(play: impl Fn(&Sim, &Service, Channel, rt_std::Stop) + Send + Sync) {
    for seed in 0..10 {
        Sim::seed(seed).run(|sim| {
            let service = Service::default();
            let server = sim.serve(HelloServiceServer::blocking(service.clone()));
            play(sim, &service, sim.channel(&server), server.stop());
        });
    }
}

fn told(what: &str) -> rt_std::RequestOptions {
    Request::new(()).with_metadata("do", what).into_parts().1
}

/// Calls in every shape: initial metadata, trailing metadata, and the end.
fn every_shape(channel: &Channel, what: &str) -> Vec<(&'static str, Option<Metadata>, Metadata, Code)> {
    let hello = HelloServiceClient::new(channel.clone());
    let message = || Request::new(greeting("x")).with_metadata("do", what);
    let mut seen = Vec::new();
    match hello.say_hello(message()) {
        Ok(response) => seen.push(("unary", Some(response.metadata().clone()), response.trailers().clone(), Code::Ok)),
        Err(status) => seen.push(("unary", None, status.metadata().clone(), status.code())),
    }
    let mut replies = hello.lots_of_replies(message());
    let headers = replies.headers().ok().cloned();
    let end = replies.by_ref().find_map(Result::err);
    let trailers = end.as_ref().map_or_else(|| replies.trailers().clone(), |s| s.metadata().clone());
    seen.push(("server streaming", headers, trailers, end.map_or(Code::Ok, |s| s.code())));
    let mut call = hello.lots_of_greetings_with(told(what));
    // It may have ended already: `finish` tells.
    let _ = call.send(greeting("x"));
    match call.finish() {
        Ok(r) => seen.push(("client streaming", Some(r.metadata().clone()), r.trailers().clone(), Code::Ok)),
        Err(status) => seen.push(("client streaming", None, status.metadata().clone(), status.code())),
    }
    let (mut requests, mut replies) = hello.bidi_hello_with(told(what)).split();
    let _ = requests.send(greeting("x"));
    let _ = requests.finish();
    let headers = replies.headers().ok().cloned();
    let end = replies.by_ref().find_map(Result::err);
    let trailers = end.as_ref().map_or_else(|| replies.trailers().clone(), |s| s.metadata().clone());
    seen.push(("bidi", headers, trailers, end.map_or(Code::Ok, |s| s.code())));
    seen
}

#[test]
fn trailing_metadata_comes_with_ok_and_with_an_error_in_all_four_shapes() {
    scene(|_, _, channel, _| {
        for (what, code) in
            [("", Code::Ok), ("fail", Code::NotFound), ("headers", Code::Ok), ("headers fail", Code::NotFound)]
        {
            for (shape, _, trailers, ended) in every_shape(&channel, what) {
                assert_eq!(ended, code, "{shape}, told {what:?}");
                let last = trailers.get_all("x-trailing").last();
                assert_eq!(last, Some("late"), "{shape}, told {what:?}: {trailers:?}");
                assert_eq!(trailers.get_bin("x-raw-bin"), Some(&[1, 2, 3][..]), "{shape}, told {what:?}");
                assert_eq!(trailers.get("x-own"), (code != Code::Ok).then_some("7"), "{shape}, told {what:?}");
            }
        }
    });
}

#[test]
fn initial_metadata_comes_before_any_message_in_all_four_shapes() {
    scene(|_, _, channel, _| {
        for (shape, headers, ..) in every_shape(&channel, "headers") {
            assert_eq!(headers.expect(shape).get("x-initial"), Some("early"), "{shape}");
        }
        let hello = HelloServiceClient::new(channel.clone());
        let response = hello.say_hello(greeting("x")).expect("a reply");
        assert_eq!(response.metadata().get("x-initial"), Some("with the reply"));
        // Before a message, and while the handler sleeps.
        let call = hello.bidi_hello_with(told("headers sleep"));
        assert_eq!(call.headers().expect("they come").get("x-initial"), Some("early"));
        drop(call);
    });
}

#[test]
fn on_call_runs_at_the_headers_before_any_message_and_may_refuse() {
    scene(|sim, service, channel, _| {
        let hello = HelloServiceClient::new(channel);
        let _ = hello.say_hello(greeting("connect")).expect("a reply");
        service.log.lock().expect("no handler panics").clear();
        let (mut requests, mut replies) = hello.bidi_hello().split();
        sim.sleep(10 * MS);
        // The client has sent nothing but headers.
        assert_eq!(service.log(), ["on_call BidiHello"]);
        requests.send(greeting("a")).expect("it goes on");
        assert_eq!(replies.recv().expect("a reply").expect("one").reply, "a");
        requests.finish().expect("it ends");
        assert_eq!(service.log(), ["on_call BidiHello", "request a"]);
        let stranger = Request::new(greeting("x")).with_metadata("user", "nobody");
        let status = hello.say_hello(stranger).expect_err("refused");
        assert_eq!((status.code(), status.message()), (Code::Unauthenticated, "who are you?"));
        // A message of many frames: `on_call` has run once, long before the last of them.
        let long = "x".repeat(500_000);
        assert_eq!(hello.say_hello(greeting(&long)).expect("a reply").reply.len(), 500_000);
        assert_eq!(service.log().iter().filter(|line| *line == "on_call SayHello").count(), 2, "{:?}", service.log());
    });
}

#[test]
fn a_large_request_that_is_refused_at_its_headers_is_refused_before_it_is_complete() {
    scene(|_, service, channel, _| {
        let hello = HelloServiceClient::new(channel);
        let stranger = Request::new(greeting(&"x".repeat(3_000_000))).with_metadata("user", "nobody");
        assert_eq!(hello.say_hello(stranger).expect_err("refused").code(), Code::Unauthenticated);
        assert_eq!(service.log(), ["on_call SayHello"]);
    });
}

#[test]
fn a_handler_may_end_its_call_before_it_returns() {
    scene(|_, _, channel, _| {
        for (shape, _, trailers, code) in every_shape(&channel, "cancel") {
            assert_eq!(code, Code::Aborted, "{shape}");
            assert_eq!(
                trailers.get("x-trailing"),
                if shape == "server streaming" { Some("first") } else { Some("late") }
            );
        }
    });
}

#[test]
fn a_handler_that_sleeps_is_woken_by_the_end_of_its_call() {
    scene(|sim, service, channel, _| {
        let hello = HelloServiceClient::new(channel);
        let short = Request::new(greeting("x")).with_metadata("do", "sleep").with_timeout(50 * MS);
        assert_eq!(hello.say_hello(short).expect_err("too short").code(), Code::DeadlineExceeded);
        sim.sleep(5 * MS);
        let log = service.log();
        let slept = log.last().expect("it has said so");
        // Its own deadline, or the client's word that came first.
        assert!(slept.contains("DeadlineExceeded") || slept.contains("Cancelled"), "{slept}");
    });
}

#[test]
fn a_handler_learns_that_the_server_drains_and_its_call_ends_well() {
    scene(|sim, service, channel, stop| {
        let hello = HelloServiceClient::new(channel);
        let call = sim.spawn("call", move || hello.say_hello(Request::new(greeting("x")).with_metadata("do", "drain")));
        sim.sleep(20 * MS);
        stop.graceful(SEC);
        assert_eq!(call.join().expect("a reply").reply, "x");
        assert_eq!(service.log(), ["on_call SayHello", "drained"]);
    });
}

#[test]
fn a_grace_that_never_ends_is_over_with_the_last_call() {
    Sim::seed(1).run(|sim| {
        let server = sim.serve(HelloServiceServer::blocking(Service::default()));
        let hello = HelloServiceClient::new(sim.channel(&server));
        let call = sim.spawn("call", move || hello.say_hello(Request::new(greeting("x")).with_metadata("do", "drain")));
        sim.sleep(20 * MS);
        let report = server.shutdown(Duration::MAX);
        assert_eq!((report.calls, report.forced, report.left_behind), (1, 0, 0));
        assert_eq!(call.join().expect("a reply").reply, "x");
    });
}

#[test]
fn a_pusher_sends_from_anywhere_until_the_call_is_over() {
    scene(|sim, service, channel, _| {
        let hello = HelloServiceClient::new(channel);
        let _ = hello.say_hello(greeting("connect")).expect("a reply");
        let mut replies = hello.lots_of_replies(greeting("push"));
        let pusher = loop {
            sim.sleep(MS);
            if let Some(pusher) = service.pushers.lock().expect("no panic").pop() {
                break pusher;
            }
        };
        let other = pusher.clone();
        let task = sim.spawn("pusher", move || (0..20).try_for_each(|i| other.send(reply(format!("{i}")))));
        for i in 0..20 {
            assert_eq!(replies.recv().expect("a reply").expect("one more").reply, format!("{i}"));
        }
        task.join().expect("all sent");
        assert!(!pusher.is_closed());
        // Nobody reads: sooner or later it would block.
        let full = (0..100_000).find_map(|_| pusher.try_send(reply("x".repeat(1000))).err());
        assert!(full.is_some_and(|error| error.is_full()));
        drop(replies);
        sim.sleep(10 * MS);
        assert!(pusher.is_closed());
        assert!(pusher.send(reply("too late")).is_err());
    });
}

#[test]
fn two_threads_of_a_handler_use_both_halves_of_a_call_at_once() {
    struct Both;
    impl blocking::HelloService for Both {
        fn say_hello(&self, _: Request<HelloRequest>) -> Result<Response<HelloResponse>, Status> {
            Err(Status::unimplemented("not here"))
        }
        fn lots_of_replies(&self, _: Request<HelloRequest>, _: &mut Sender<HelloResponse>) -> Result<(), Status> {
            Ok(())
        }
        fn lots_of_greetings(&self, _: &mut Receiver<HelloRequest>) -> Result<Response<HelloResponse>, Status> {
            Err(Status::unimplemented("not here"))
        }
        fn bidi_hello(
            &self,
            requests: &mut Receiver<HelloRequest>,
            replies: &mut Sender<HelloResponse>,
        ) -> Result<(), Status> {
            std::thread::scope(|scope| {
                let sending = scope.spawn(|| (0..1000).try_for_each(|i| replies.send(reply(format!("{i}")))));
                let count = requests.try_fold(0, |n, request| request.map(|_| n + 1))?;
                sending.join().expect("no panic")?;
                if count == 1000 { Ok(()) } else { Err(Status::internal(format!("{count} requests"))) }
            })
        }
    }
    // Threads of a handler's own are not the simulation's: over memory, in real time.
    let hello = HelloServiceClient::new(Channel::in_process(HelloServiceServer::blocking(Both)));
    let (mut requests, replies) = hello.bidi_hello().split();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            (0..1000).try_for_each(|_| requests.send(greeting("x"))).expect("the server takes them");
            requests.finish().expect("it ends");
        });
        let got: Vec<_> = replies.map(|r| r.expect("a reply").reply).collect();
        assert_eq!(got, (0..1000).map(|i| format!("{i}")).collect::<Vec<_>>());
    });
}

#[test]
fn methods_and_services_that_are_not_there_are_unimplemented_and_named() {
    use proto_build_testing::hello::v1 as there;
    let elsewhere = Server::builder();
    let hello = there::HelloServiceClient::new(Channel::in_process_with(elsewhere));
    let status = hello.say_hello(greeting("x")).expect_err("nothing is served");
    assert_eq!(status.code(), Code::Unimplemented);
    assert!(status.message().contains("hello.v1.HelloService"), "{status}");
}
