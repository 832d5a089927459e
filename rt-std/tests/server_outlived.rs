//! What a context and a pusher say that outlive their handler, in a simulation: how the call was cut short, or that it has ended.

use proto_build_testing::hello::v1::{HelloRequest, HelloResponse, HelloServiceClient, HelloServiceServer, blocking};
use proto_core::Config;
use proto_core::call::Kind;
use proto_core::rpc::MethodInfo;
use rt_common_testing::Cli;
use rt_std::testkit::Sim;
use rt_std::{Cancel, Context, Pusher, Receiver, Request, Response, Sender, Status};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const MS: Duration = Duration::from_millis(1);
const SEC: Duration = Duration::from_secs(1);
/// What is said of a call whose handler has returned.
const RETURNED: &str = "CANCELLED: the call has ended";

/// Gives its context and its pusher away; what its handlers do then is what the greeting says.
#[derive(Clone, Default)]
struct Service(Arc<Mutex<Kept>>);

#[derive(Default)]
struct Kept {
    context: Option<Context>,
    pusher: Option<Pusher<HelloResponse>>,
    /// What the context said in the handler, at its end.
    before: Option<String>,
}

impl Service {
    fn serve(&self, context: &Context, pusher: Option<Pusher<HelloResponse>>, what: &str) -> Result<(), Status> {
        let kept = || self.0.lock().expect("nobody panics");
        (kept().context, kept().pusher) = (Some(context.clone()), pusher);
        match what {
            "wait" => while !context.wait_cancelled(SEC) {},
            "abort" => context.cancel(Status::aborted("by the handler")),
            "fail" => return Err(Status::not_found("as told")),
            _ => {}
        }
        kept().before = context.check().err().map(|status| status.to_string());
        Ok(())
    }
}

impl blocking::HelloService for Service {
    fn on_call(&self, context: &mut Context) -> Result<(), Status> {
        self.0.lock().expect("nobody panics").context = Some(context.clone());
        Ok(())
    }

    fn say_hello(&self, request: Request<HelloRequest>) -> Result<Response<HelloResponse>, Status> {
        self.serve(request.context(), None, &request.greeting)?;
        Ok(Response::new(HelloResponse::default()))
    }

    fn lots_of_replies(
        &self,
        request: Request<HelloRequest>,
        replies: &mut Sender<HelloResponse>,
    ) -> Result<(), Status> {
        self.serve(request.context(), Some(replies.pusher()), &request.greeting)
    }

    fn lots_of_greetings(&self, _: &mut Receiver<HelloRequest>) -> Result<Response<HelloResponse>, Status> {
        Err(Status::unimplemented("not asked for"))
    }

    fn bidi_hello(&self, _: &mut Receiver<HelloRequest>, _: &mut Sender<HelloResponse>) -> Result<(), Status> {
        Err(Status::unimplemented("not asked for"))
    }
}

/// A call that ends like this. What was said of it in the handler at its end, and after that by its context and its pusher.
fn ended(seed: u64, end: &str, streamed: bool) -> (Option<String>, String, Option<String>) {
    Sim::seed(seed).run(|sim| {
        let service = Service::default();
        let server = sim.serve(HelloServiceServer::blocking(service.clone()));
        let hello = HelloServiceClient::new(sim.channel(&server));
        let cancel = Cancel::new();
        let what = if matches!(end, "caller" | "deadline" | "connection") { "wait" } else { end };
        let request = Request::new(HelloRequest { greeting: what.into() }).cancel_on(&cancel);
        let request = if end == "deadline" { request.with_timeout(20 * MS) } else { request };
        let call = sim.spawn("client", move || {
            if streamed { hello.lots_of_replies(request).recv().map(drop) } else { hello.say_hello(request).map(drop) }
        });
        sim.sleep(10 * MS);
        match end {
            "caller" => cancel.cancel(),
            "connection" => sim.cut_link_after(Duration::ZERO),
            _ => {}
        }
        sim.sleep(100 * MS);
        let _ = call.join();
        let kept = service.0.lock().expect("nobody panics");
        let after = kept.context.as_ref().and_then(|context| context.check().err()).expect("the call is over");
        let push = |pusher: &Pusher<HelloResponse>| pusher.send(HelloResponse::default()).expect_err("it is over");
        (kept.before.clone(), after.to_string(), kept.pusher.as_ref().map(|pusher| push(pusher).to_string()))
    })
}

#[test]
fn a_context_and_a_pusher_that_outlive_a_call_which_was_cut_short_say_how() {
    let ends = ["caller", "deadline", "connection", "abort"];
    let expected = ["CANCELLED: ", "DEADLINE_EXCEEDED: ", "CANCELLED: ", "ABORTED: "];
    for (end, expected) in ends.into_iter().zip(expected) {
        for (seed, streamed) in (0..10).flat_map(|seed| [(seed, false), (seed, true)]) {
            let (before, after, pushed) = ended(seed, end, streamed);
            assert!(after.starts_with(expected) && after != RETURNED, "{end} {seed}: {after}");
            assert_eq!(before.as_deref(), Some(&*after), "{end} {seed}");
            assert_eq!(pushed, streamed.then_some(after), "{end} {seed}");
        }
    }
}

#[test]
fn a_context_and_a_pusher_that_outlive_a_handler_which_has_returned_say_that_the_call_has_ended() {
    for (end, streamed) in ["return", "fail"].into_iter().flat_map(|end| [(end, false), (end, true)]) {
        let (before, after, pushed) = ended(7, end, streamed);
        assert_eq!((before, &*after), (None, RETURNED), "{end}");
        assert_eq!(pushed.as_deref(), streamed.then_some(RETURNED), "{end}");
    }
}

#[test]
fn a_context_that_outlives_a_call_which_ended_before_its_handler_began_says_how() {
    static SAY_HELLO: MethodInfo =
        MethodInfo { name: "SayHello", path: "/hello.v1.HelloService/SayHello", kind: Kind::UNARY };
    for (seed, cancels) in (0..10).flat_map(|seed| [(seed, false), (seed, true)]) {
        Sim::seed(seed).run(|sim| {
            let service = Service::default();
            let server = sim.serve(HelloServiceServer::blocking(service.clone()));
            let mut client = Cli::new(&sim.os(), server.address(), Config::default());
            client.open(1, &SAY_HELLO);
            client.pump_for(50 * MS);
            let said = || {
                let kept = service.0.lock().expect("nobody panics");
                kept.context.as_ref().expect("its headers came").check().err().map(|status| status.to_string())
            };
            assert_eq!(said(), None, "its message has not come");
            if cancels {
                client.cancel(1);
                client.flush();
            } else {
                client.pipe.close();
            }
            sim.sleep(50 * MS);
            let after = said().expect("it is over");
            assert!(after.starts_with("CANCELLED: ") && after != RETURNED, "{seed}: {after}");
            client.pipe.close();
        });
    }
}
