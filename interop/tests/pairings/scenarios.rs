//! What a call's life is to be on both sides, whatever runtimes they are on: each scenario has a server (and one behind it)
//! and a client of its own, with a relay between them, and judges by what both have seen.

use super::relay::Relay;
use super::service::{Log, Push, greeting};
use interop::cases::{LIMIT, Outcome};
use interop::runtime::Runtime;
use proto_build_testing::hello::v1::HelloServiceClient;
use proto_core::rpc::{AnyFront, Request, RequestOptions, SendError};
use proto_core::{Code, Metadata, Status};
use std::pin::Pin;
use std::time::Duration;

const MS: Duration = Duration::from_millis(1);

/// A scenario's own.
pub struct World<F: Runtime> {
    pub channel: F,
    pub relay: Relay,
    /// Of the server that the client calls.
    pub near: Log,
    /// Of the one behind it.
    pub far: Log,
    /// Stops the near one, with a grace.
    pub stop: Box<dyn Fn(Duration)>,
}

type Play<F> = for<'a> fn(&'a World<F>) -> Pin<Box<dyn Future<Output = Outcome> + 'a>>;

macro_rules! scenarios {
    ($($name:ident)+) => {
        /// All of them, by name.
        pub fn all<F: Runtime>() -> Vec<(&'static str, Play<F>)> {
            vec![$((stringify!($name), |world| Box::pin($name(world)))),+]
        }
    };
}

scenarios! {
    metadata_and_the_end_in_all_four_shapes
    initial_metadata_comes_before_any_message
    on_call_runs_at_the_headers_and_may_refuse
    metadata_that_no_header_can_carry_fails_its_call_alone
    the_server_says_ok_and_the_client_says_deadline_exceeded
    the_server_answers_before_the_client_has_sent_everything_and_the_client_learns_it
    cancelling_at_a_ends_the_work_in_c_and_each_has_its_own_view
    a_deadline_travels_to_the_calls_of_a_handler
    a_panic_is_unknown_and_the_server_lives_on
    a_pusher_sends_from_anywhere_until_the_call_is_over
    a_lost_connection_gives_a_status_and_the_next_call_reconnects
    a_call_that_waits_for_the_server_gets_through_once_there_is_one
    a_handler_learns_that_the_server_drains_and_its_call_ends_well
}

fn same<T: PartialEq + std::fmt::Debug>(what: &str, got: T, wanted: T) -> Outcome {
    if got == wanted { Ok(()) } else { Err(format!("{what}: {got:?}, not {wanted:?}").into()) }
}

fn limited() -> RequestOptions {
    RequestOptions::new().with_timeout(LIMIT)
}

impl<F: Runtime> World<F> {
    fn hello(&self) -> HelloServiceClient<F> {
        HelloServiceClient::new(self.channel.clone())
    }

    /// For calls that go on while the scenario does.
    fn later(&self) -> HelloServiceClient<F::Later> {
        HelloServiceClient::new(self.channel.later())
    }

    /// Connects, so that what a scenario counts begins with its own calls.
    pub async fn begin(&self) -> Outcome {
        self.greet("connect").await?;
        self.near.forget();
        Ok(())
    }

    async fn greet(&self, text: &str) -> Result<String, Status> {
        let request = Request::with_options(greeting(text), limited());
        Ok(F::settle(self.hello().say_hello(request)).await?.into_inner().reply)
    }
}

/// Waits until this is noted.
async fn noted<F: Runtime>(log: &Log, line: &str) -> Outcome {
    for _ in 0..20_000 {
        if log.lines().iter().any(|noted| noted == line) {
            return Ok(());
        }
        F::sleep(MS).await;
    }
    Err(format!("{line:?} is not among {:?}", log.lines()).into())
}

/// A call's initial metadata, trailing metadata, and end.
type Seen = (&'static str, Option<Metadata>, Metadata, Code);

fn seen(shape: &'static str, headers: Option<Metadata>, trailers: &Metadata, end: Option<Status>) -> Seen {
    match end {
        Some(status) => (shape, headers, status.metadata().clone(), status.code()),
        None => (shape, headers, trailers.clone(), Code::Ok),
    }
}

/// A call of each shape whose handler is told what to do.
async fn every_shape<F: Runtime>(world: &World<F>, told: &str) -> Vec<Seen> {
    let (hello, options) = (world.hello(), || limited().with_metadata("do", told));
    let request = || Request::with_options(greeting("x"), options());
    let mut all = Vec::new();
    all.push(match F::settle(hello.say_hello(request())).await {
        Ok(reply) => seen("unary", Some(reply.metadata().clone()), reply.trailers(), None),
        Err(status) => seen("unary", None, &Metadata::new(), Some(status)),
    });
    let mut replies = hello.lots_of_replies(request());
    let headers = F::headers(&mut replies).await.ok().cloned();
    let mut end = None;
    while let Some(reply) = F::next(&mut replies).await {
        end = reply.err();
    }
    all.push(seen("server streaming", headers, F::trailers(&replies), end));
    let mut call = hello.lots_of_greetings_with(options());
    // It may have ended already: `finish` tells.
    let _ = F::send(&mut call, greeting("x")).await;
    all.push(match F::finish(call).await {
        Ok(reply) => seen("client streaming", Some(reply.metadata().clone()), reply.trailers(), None),
        Err(status) => seen("client streaming", None, &Metadata::new(), Some(status)),
    });
    let mut call = hello.bidi_hello_with(options());
    let _ = F::bidi_send(&mut call, greeting("x")).await;
    let _ = F::bidi_finish(&mut call).await;
    let headers = F::bidi_headers(&mut call).await.ok().cloned();
    let mut end = None;
    while let Some(reply) = F::bidi_next(&mut call).await {
        end = reply.err();
    }
    all.push(seen("bidi", headers, F::bidi_trailers(&call), end));
    all
}

async fn metadata_and_the_end_in_all_four_shapes<F: Runtime>(world: &World<F>) -> Outcome {
    let ends = [
        ("", Code::Ok),
        ("fail", Code::NotFound),
        ("headers", Code::Ok),
        ("headers fail", Code::NotFound),
        // Before its handler returns.
        ("end", Code::Aborted),
    ];
    for (told, code) in ends {
        for (shape, headers, trailers, ended) in every_shape(world, told).await {
            let what = format!("{shape}, told {told:?}");
            same(&what, ended, code)?;
            same(&what, trailers.get("x-trailing"), Some("late"))?;
            same(&what, trailers.get_bin("x-raw-bin"), Some(&[1, 2, 3][..]))?;
            if told == "headers" {
                same(&what, headers.as_ref().and_then(|headers| headers.get("x-initial")), Some("early"))?;
            }
        }
    }
    Ok(())
}

async fn initial_metadata_comes_before_any_message<F: Runtime>(world: &World<F>) -> Outcome {
    let options = || limited().with_metadata("do", "headers wait");
    let mut replies = world.hello().lots_of_replies(Request::with_options(greeting("x"), options()));
    same("server streaming", F::headers(&mut replies).await?.get("x-initial"), Some("early"))?;
    // No request has been sent yet.
    let mut call = world.hello().bidi_hello_with(options());
    same("bidi", F::bidi_headers(&mut call).await?.get("x-initial"), Some("early"))
}

async fn on_call_runs_at_the_headers_and_may_refuse<F: Runtime>(world: &World<F>) -> Outcome {
    let mut call = world.hello().bidi_hello_with(limited());
    noted::<F>(&world.near, "on_call BidiHello").await?;
    same("before any message", world.near.lines(), vec!["on_call BidiHello".to_owned()])?;
    F::bidi_send(&mut call, greeting("a")).await?;
    let reply = F::bidi_next(&mut call).await.ok_or("no reply")??;
    same("reply", &reply.reply[..], "a")?;
    same("after it", world.near.lines(), ["on_call BidiHello", "request a"].map(str::to_owned).to_vec())?;
    for long in [1, 3_000_000] {
        let stranger = Request::with_options(greeting(&"x".repeat(long)), limited().with_metadata("user", "nobody"));
        let status = F::settle(world.hello().say_hello(stranger)).await.err().ok_or("it was let in")?;
        same("stranger", (status.code(), status.message()), (Code::Unauthenticated, "who are you?"))?;
    }
    Ok(())
}

async fn metadata_that_no_header_can_carry_fails_its_call_alone<F: Runtime>(world: &World<F>) -> Outcome {
    for (name, value) in [("x-line", "a\nb"), ("grpc-status", "0"), ("x-Größe", "1")] {
        let bad = Request::with_options(greeting("x"), limited().with_metadata(name, value));
        let status = F::settle(world.hello().say_hello(bad)).await.err().ok_or("it was sent")?;
        same(&format!("{status}"), status.to_string().contains(name), true)?;
    }
    same("calls that arrived", world.near.lines().len(), 0)?;
    same("afterwards", &world.greet("x").await?[..], "x")
}

async fn the_server_says_ok_and_the_client_says_deadline_exceeded<F: Runtime>(world: &World<F>) -> Outcome {
    world.relay.hold(true);
    let hurried = Request::new(greeting("Ada")).with_timeout(1_000 * MS);
    let mut replies = world.hello().lots_of_replies(hurried);
    // The server has sent all its answers and is done; nothing of that arrives in time.
    noted::<F>(&world.near, "Ok").await?;
    let end = F::next(&mut replies).await.ok_or("the end cannot have come")?;
    let status = end.err().ok_or("a reply cannot have come")?;
    same("client", status.code(), Code::DeadlineExceeded)?;
    same("server", world.near.lines(), ["on_call LotsOfReplies", "Ok"].map(str::to_owned).to_vec())?;
    world.relay.hold(false);
    same("afterwards", &world.greet("x").await?[..], "x")
}

async fn the_server_answers_before_the_client_has_sent_everything_and_the_client_learns_it<F: Runtime>(
    world: &World<F>,
) -> Outcome {
    let mut call = world.hello().lots_of_greetings_with(limited());
    F::send(&mut call, greeting("first")).await?;
    noted::<F>(&world.near, "Ok").await?;
    // It is told as soon as the answer has arrived.
    let mut sent = Ok(());
    for _ in 0..20_000 {
        sent = F::send(&mut call, greeting("more")).await;
        if sent.is_err() {
            break;
        }
        F::sleep(MS).await;
    }
    same("client", matches!(sent, Err(SendError::Ended)), true)?;
    let reply = F::finish(call).await?;
    same("reply", (&reply.reply[..], reply.all_sent()), ("enough", false))?;
    same("server", world.near.lines(), ["on_call LotsOfGreetings", "Ok"].map(str::to_owned).to_vec())
}

/// In the eyes of a handler: cancelled, or dropped where it waited.
fn cut_short(log: &Log, how: &[&str]) -> Outcome {
    let lines = log.lines();
    let last = lines.last().map_or("", String::as_str);
    if how.contains(&last) { Ok(()) } else { Err(format!("a handler saw {lines:?}").into()) }
}

async fn both_cut_short<F: Runtime>(world: &World<F>, how: &[&str]) -> Outcome {
    for _ in 0..20_000 {
        if cut_short(&world.near, how).is_ok() && cut_short(&world.far, how).is_ok() {
            break;
        }
        F::sleep(MS).await;
    }
    cut_short(&world.near, how)?;
    cut_short(&world.far, how)
}

async fn cancelling_at_a_ends_the_work_in_c_and_each_has_its_own_view<F: Runtime>(world: &World<F>) -> Outcome {
    let (token, cancel) = F::cancel();
    let request = Request::with_options(greeting("relay"), limited().cancel_on(&token));
    let pending = world.later().say_hello(request);
    noted::<F>(&world.far, "on_call SayHello").await?;
    cancel();
    let status = <F::Later as AnyFront>::settle(pending).await.err().ok_or("it was cancelled")?;
    same("client", status.code(), Code::Cancelled)?;
    both_cut_short(world, &["Cancelled", "cut short"]).await
}

async fn a_deadline_travels_to_the_calls_of_a_handler<F: Runtime>(world: &World<F>) -> Outcome {
    let hurried = Request::new(greeting("relay")).with_timeout(500 * MS);
    let status = F::settle(world.hello().say_hello(hurried)).await.err().ok_or("there is no time")?;
    same("client", status.code(), Code::DeadlineExceeded)?;
    // Its own deadline, or the word of its client that came first.
    both_cut_short(world, &["DeadlineExceeded", "Cancelled", "cut short"]).await
}

async fn a_panic_is_unknown_and_the_server_lives_on<F: Runtime>(world: &World<F>) -> Outcome {
    let status = world.greet("panic").await.err().ok_or("it panics")?;
    same("unary", status.code(), Code::Unknown)?;
    let mut replies = world.hello().lots_of_replies(Request::with_options(greeting("panic"), limited()));
    let status = F::next(&mut replies).await.and_then(Result::err).ok_or("it panics")?;
    same("server streaming", status.code(), Code::Unknown)?;
    same("afterwards", &world.greet("x").await?[..], "x")
}

async fn a_pusher_sends_from_anywhere_until_the_call_is_over<F: Runtime>(world: &World<F>) -> Outcome {
    let mut replies = world.hello().lots_of_replies(Request::with_options(greeting("push"), limited()));
    let mut found: Option<Push> = None;
    for _ in 0..20_000 {
        found = world.near.pusher();
        if found.is_some() {
            break;
        }
        F::sleep(MS).await;
    }
    let push = found.ok_or("no pusher")?;
    for text in ["a", "b", "c"] {
        same("a push", push(text), Some(true))?;
        let reply = F::next(&mut replies).await.ok_or("no reply")??;
        same("reply", &reply.reply[..], text)?;
    }
    drop(replies);
    for _ in 0..20_000 {
        if push("late").is_none() {
            return Ok(());
        }
        F::sleep(MS).await;
    }
    Err("the pusher is open after the end of its call".into())
}

async fn a_lost_connection_gives_a_status_and_the_next_call_reconnects<F: Runtime>(world: &World<F>) -> Outcome {
    let pending = world.later().say_hello(Request::with_options(greeting("slow"), limited()));
    noted::<F>(&world.near, "on_call SayHello").await?;
    let mut streaming = world.hello().bidi_hello_with(limited());
    F::bidi_send(&mut streaming, greeting("a")).await?;
    F::bidi_next(&mut streaming).await.ok_or("no reply")??;
    world.relay.cut();
    let status = <F::Later as AnyFront>::settle(pending).await.err().ok_or("there is nobody to answer")?;
    same("client", status.code(), Code::Unavailable)?;
    let status = F::bidi_next(&mut streaming).await.and_then(Result::err).ok_or("there is nobody to answer")?;
    same("client, bidi", status.code(), Code::Unavailable)?;
    same("afterwards", &world.greet("x").await?[..], "x")?;
    let cut = |log: &Log| log.lines().iter().filter(|line| ["Cancelled", "cut short"].contains(&&line[..])).count();
    for _ in 0..20_000 {
        if cut(&world.near) == 2 {
            return Ok(());
        }
        F::sleep(MS).await;
    }
    Err(format!("both handlers are cancelled, and saw {:?}", world.near.lines()).into())
}

async fn a_call_that_waits_for_the_server_gets_through_once_there_is_one<F: Runtime>(world: &World<F>) -> Outcome {
    world.relay.close(true);
    world.relay.cut();
    let status = world.greet("nobody").await.err().ok_or("nobody is there")?;
    same("fails fast", status.code(), Code::Unavailable)?;
    let patient = Request::with_options(greeting("Ada"), limited().with_wait_for_ready());
    let pending = world.later().say_hello(patient);
    world.relay.close(false);
    same("waits", &<F::Later as AnyFront>::settle(pending).await?.reply[..], "Ada")
}

async fn a_handler_learns_that_the_server_drains_and_its_call_ends_well<F: Runtime>(world: &World<F>) -> Outcome {
    let pending = world.later().say_hello(Request::with_options(greeting("drain"), limited()));
    noted::<F>(&world.near, "begun").await?;
    (world.stop)(LIMIT);
    same("the call", &<F::Later as AnyFront>::settle(pending).await?.reply[..], "drained")?;
    same("server", world.near.lines().last().map(String::as_str), Some("Ok"))?;
    // The word that it stops may come behind the reply.
    for _ in 0..20_000 {
        if let Err(status) = world.greet("late").await {
            return same("a late call", status.code(), Code::Unavailable);
        }
        F::sleep(MS).await;
    }
    Err("the server has stopped, and takes calls".into())
}
