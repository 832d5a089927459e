//! The client against this crate's server, in a simulation: metadata, statuses, early answers, each side's own verdict.

use proto_build_testing::hello::v1::{HelloRequest, HelloResponse, HelloServiceClient, HelloServiceServer, blocking};
use proto_core::rpc::AnyStreams;
use proto_tls::testkit::Authority;
use rt_std::testkit::Sim;
use rt_std::{Cancel, Channel, Code, Receiver, Request, RequestOptions, Response, SendError, Sender, Status};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const MS: Duration = Duration::from_millis(1);
const SEC: Duration = Duration::from_secs(1);

/// What a handler thinks of how its call ended.
type Verdicts = Arc<Mutex<Vec<Result<(), Code>>>>;

#[derive(Clone, Default)]
struct Service {
    verdicts: Verdicts,
    /// Where "relay" calls go.
    next: Option<Channel>,
}

impl Service {
    fn judge<T>(&self, result: Result<T, Status>) -> Result<T, Status> {
        let verdict = result.as_ref().map(drop).map_err(Status::code);
        self.verdicts.lock().expect("no handler panics").push(verdict);
        result
    }

    fn verdicts(&self) -> Vec<Result<(), Code>> {
        self.verdicts.lock().expect("no handler panics").clone()
    }
}

fn greeting(text: &str) -> HelloRequest {
    HelloRequest { greeting: text.into() }
}

fn reply(text: impl Into<String>) -> HelloResponse {
    HelloResponse { reply: text.into() }
}

impl blocking::HelloService for Service {
    fn say_hello(&self, request: Request<HelloRequest>) -> Result<Response<HelloResponse>, Status> {
        match &request.greeting[..] {
            "fail" => Err(Status::not_found("no such greeting")),
            "slow" => self.judge(request.context().sleep(600 * SEC).map(|()| reply("late").into())),
            "relay" => {
                let next = HelloServiceClient::new(self.next.clone().expect("there is a next one"));
                let call = Request::new(greeting("slow")).within(request.context());
                self.judge(next.say_hello(call).map(|response| response.into_inner().into()))
            }
            name => {
                let user = request.metadata().get("x-user").unwrap_or("nobody");
                let text = format!("{name} from {user}");
                Ok(Response::new(reply(text)).with_metadata("x-server", "1").with_trailer("x-cost", "3"))
            }
        }
    }

    fn lots_of_replies(
        &self,
        request: Request<HelloRequest>,
        replies: &mut Sender<HelloResponse>,
    ) -> Result<(), Status> {
        let sent = (0..3).try_for_each(|i| replies.send(reply(format!("{i} {}", request.greeting))));
        self.judge(sent)
    }

    fn lots_of_greetings(&self, requests: &mut Receiver<HelloRequest>) -> Result<Response<HelloResponse>, Status> {
        // Answers after the first one.
        let first = requests.recv()?;
        self.judge(Ok(reply(first.map_or_else(String::new, |first| first.greeting)).into()))
    }

    fn bidi_hello(
        &self,
        requests: &mut Receiver<HelloRequest>,
        replies: &mut Sender<HelloResponse>,
    ) -> Result<(), Status> {
        replies.context().send_headers(requests.context().metadata())?;
        for request in requests {
            replies.send(reply(request?.greeting))?;
        }
        let _ = replies.context().set_trailer("x-cost", "3");
        Ok(())
    }
}

/// Plays a scene on some seeds with a server and a client of it; on some over TLS.
fn scene(play: impl Fn(&Sim, &Service, HelloServiceClient<Channel>) + Send + Sync) {
    let authority = Authority::new("tests").expect("the system has random numbers");
    let acceptor = authority.issue("localhost").expect("a name").server().build().expect("good settings");
    let connector = authority.client().with_server_name("localhost").build().expect("good settings");
    for seed in 0..16 {
        let sim = Sim::seed(seed);
        let sim = if seed < 10 { sim } else { sim.with_tls(connector.clone(), acceptor.clone()) };
        sim.run(|sim| {
            let service = Service::default();
            let server = sim.serve(HelloServiceServer::blocking(service.clone()));
            play(sim, &service, HelloServiceClient::new(sim.channel(&server)));
        });
    }
}

#[test]
fn metadata_goes_both_ways_and_an_error_is_the_servers() {
    scene(|_, _, hello| {
        let response = hello.say_hello(Request::new(greeting("Ada")).with_metadata("x-user", "u1")).expect("a reply");
        assert_eq!(response.reply, "Ada from u1");
        assert_eq!(response.metadata().get("x-server"), Some("1"));
        assert_eq!(response.trailers().get("x-cost"), Some("3"));
        let status = hello.say_hello(greeting("fail")).expect_err("it fails");
        assert_eq!((status.code(), status.message()), (Code::NotFound, "no such greeting"));
    });
}

#[test]
fn the_server_says_ok_and_the_client_says_deadline_exceeded() {
    scene(|sim, service, hello| {
        assert_eq!(hello.say_hello(greeting("warm")).expect("a reply").reply, "warm from nobody");
        let mut replies = hello.lots_of_replies(Request::new(greeting("Ada")).with_timeout(50 * MS));
        assert_eq!(replies.recv().expect("a reply").expect("the first one").reply, "0 Ada");
        // The server has sent all its answers and is done; nothing of the end arrives in time.
        drop(replies);
        service.verdicts.lock().expect("no handler panics").clear();
        let mut replies = hello.lots_of_replies(Request::new(greeting("Bob")).with_timeout(50 * MS));
        // The request is under way; what is written from now on does not arrive.
        sim.hold_links(true);
        let status = loop {
            match replies.recv() {
                Ok(Some(_)) => {}
                Ok(None) => panic!("the end cannot have come"),
                Err(status) => break status,
            }
        };
        assert_eq!(status.code(), Code::DeadlineExceeded, "{status}");
        assert_eq!(service.verdicts(), [Ok(())]);
        sim.hold_links(false);
    });
}

#[test]
fn the_server_answers_before_the_client_has_sent_everything_and_the_client_learns_it() {
    scene(|sim, service, hello| {
        let mut call = hello.lots_of_greetings();
        call.send(greeting("first")).expect("the server takes it");
        // Who only sends looks into the socket now and then.
        sim.sleep(200 * MS);
        let ended = (0..1000).find_map(|_| call.send(greeting("more")).err());
        assert!(matches!(ended, Some(SendError::Ended)), "{ended:?}");
        let response = call.finish().expect("a reply");
        assert_eq!((&response.reply[..], response.all_sent()), ("first", false));
        assert_eq!(service.verdicts(), [Ok(())]);
    });
}

#[test]
fn a_cancelled_call_ends_the_work_of_its_handler() {
    scene(|sim, service, hello| {
        let cancel = Cancel::new();
        let token = cancel.clone();
        let call = sim.spawn("call", move || hello.say_hello(Request::new(greeting("slow")).cancel_on(&token)));
        sim.sleep(20 * MS);
        cancel.cancel();
        assert_eq!(call.join().expect_err("it was cancelled").code(), Code::Cancelled);
        sim.sleep(20 * MS);
        assert_eq!(service.verdicts(), [Err(Code::Cancelled)]);
    });
}

#[test]
fn cancelling_at_a_ends_the_work_in_c_and_each_has_its_own_view() {
    for seed in 0..10 {
        Sim::seed(seed).run(|sim| {
            let last = Service::default();
            let far = sim.serve(HelloServiceServer::blocking(last.clone()));
            let middle = Service { next: Some(sim.channel(&far)), ..Service::default() };
            let near = sim.serve(HelloServiceServer::blocking(middle.clone()));
            let hello = HelloServiceClient::new(sim.channel(&near));
            let cancel = Cancel::new();
            let token = cancel.clone();
            let start = sim.now();
            let call = sim.spawn("call", move || hello.say_hello(Request::new(greeting("relay")).cancel_on(&token)));
            sim.sleep(50 * MS);
            cancel.cancel();
            assert_eq!(call.join().expect_err("it was cancelled").code(), Code::Cancelled);
            sim.sleep(50 * MS);
            assert_eq!(middle.verdicts(), [Err(Code::Cancelled)]);
            assert_eq!(last.verdicts(), [Err(Code::Cancelled)]);
            assert!(sim.now() - start < SEC);
        });
    }
}

#[test]
fn a_deadline_travels_to_the_calls_of_a_handler() {
    for seed in 0..10 {
        Sim::seed(seed).run(|sim| {
            let last = Service::default();
            let far = sim.serve(HelloServiceServer::blocking(last.clone()));
            let middle = Service { next: Some(sim.channel(&far)), ..Service::default() };
            let near = sim.serve(HelloServiceServer::blocking(middle.clone()));
            let hello = HelloServiceClient::new(sim.channel(&near));
            let status = hello.say_hello(Request::new(greeting("relay")).with_timeout(100 * MS)).expect_err("no time");
            assert_eq!(status.code(), Code::DeadlineExceeded);
            sim.sleep(50 * MS);
            assert_eq!((middle.verdicts().len(), last.verdicts().len()), (1, 1));
            assert!(middle.verdicts()[0].is_err() && last.verdicts()[0].is_err());
        });
    }
}

#[test]
fn a_service_in_this_process_is_called_the_same_way() {
    let hello = HelloServiceClient::new(Channel::in_process(HelloServiceServer::blocking(Service::default())));
    assert_eq!(hello.say_hello(greeting("Ada")).expect("a reply").reply, "Ada from nobody");
    let replies: Result<Vec<_>, _> = hello.lots_of_replies(greeting("Bob")).map(|r| r.map(|r| r.reply)).collect();
    assert_eq!(replies.expect("it ends well"), ["0 Bob", "1 Bob", "2 Bob"]);
}

/// A library that knows no runtime: asks in turn, then reads what is left.
async fn ask<F: AnyStreams>(hello: &HelloServiceClient<F>, names: &[&str]) -> Result<Vec<String>, Status> {
    let mut call = hello.bidi_hello_with(RequestOptions::new().with_metadata("x-user", "u1"));
    let mut texts = Vec::new();
    for name in names {
        F::bidi_send(&mut call, greeting(name)).await?;
        texts.extend(F::bidi_next(&mut call).await.transpose()?.map(|reply| reply.reply));
    }
    texts.extend(F::bidi_headers(&mut call).await?.get("x-user").map(str::to_owned));
    F::bidi_finish(&mut call).await?;
    assert!(F::bidi_next(&mut call).await.is_none());
    assert!(matches!(F::bidi_send(&mut call, greeting("late")).await, Err(SendError::Ended)));
    texts.extend(F::bidi_trailers(&call).get("x-cost").map(str::to_owned));

    let mut replies = hello.lots_of_replies(greeting("x"));
    assert!(F::headers(&mut replies).await?.get("x-user").is_none());
    while let Some(reply) = F::next(&mut replies).await {
        texts.push(reply?.reply);
    }
    assert!(F::trailers(&replies).is_empty());
    Ok(texts)
}

#[test]
fn a_library_of_no_runtime_has_calls_that_stream_both_ways_and_their_metadata() {
    scene(|_, _, hello| {
        let texts = rt_std::settled(ask(&hello, &["Ada", "Bob"])).expect("replies");
        assert_eq!(texts, ["Ada", "Bob", "u1", "3", "0 x", "1 x", "2 x"]);
    });
}
