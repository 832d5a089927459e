//! The service of the scenarios. What its handlers do is written once, for those that block and for those that are
//! futures; each does what its first message, or the metadata "do", says, and notes how its call ended in its eyes.

use proto_build_testing::hello::v1::{self, HelloRequest, HelloResponse, HelloServiceClient, blocking};
use proto_core::rpc::{Context, Request, Response};
use proto_core::{Code, Metadata, Status};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

const TICK: Duration = Duration::from_millis(1);
/// Longer than a test.
const LONG: Duration = Duration::from_secs(600);

/// Sends a reply from outside of a handler, if there is room. `None`: the call is over.
pub type Push = Box<dyn Fn(&str) -> Option<bool> + Send>;

/// What the handlers of one server have seen and left.
#[derive(Clone, Default)]
pub struct Log {
    lines: Arc<Mutex<Vec<String>>>,
    pushers: Arc<Mutex<Vec<Push>>>,
}

impl Log {
    fn note(&self, line: impl Into<String>) {
        lock(&self.lines).push(line.into());
    }

    pub fn lines(&self) -> Vec<String> {
        lock(&self.lines).clone()
    }

    pub fn forget(&self) {
        lock(&self.lines).clear();
    }

    pub fn pusher(&self) -> Option<Push> {
        lock(&self.pushers).pop()
    }

    fn verdict(&self) -> Verdict {
        Verdict { log: self.clone(), told: false }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How a call ended for its handler. One that is dropped where it waits was cut short.
struct Verdict {
    log: Log,
    told: bool,
}

impl Verdict {
    fn of<T>(mut self, result: Result<T, Status>) -> Result<T, Status> {
        self.told = true;
        self.log.note(format!("{:?}", result.as_ref().map_or_else(Status::code, |_| Code::Ok)));
        result
    }
}

impl Drop for Verdict {
    fn drop(&mut self) {
        if !self.told {
            self.log.note("cut short");
        }
    }
}

/// The service; `C` is a channel to the next one of a chain.
pub struct Service<C> {
    pub log: Log,
    pub next: Option<C>,
}

pub fn greeting(text: &str) -> HelloRequest {
    HelloRequest { greeting: text.into() }
}

fn reply(text: impl Into<String>) -> HelloResponse {
    HelloResponse { reply: text.into() }
}

/// What every handler does first.
fn act(context: &Context) -> Result<(), Status> {
    let what = context.metadata().get("do").unwrap_or_default();
    if what.contains("headers") {
        let mut metadata = Metadata::new();
        metadata.insert("x-initial", "early")?;
        context.send_headers(&metadata)?;
    }
    context.set_trailer("x-trailing", "late")?;
    context.set_trailer_bin("x-raw-bin", [1, 2, 3])?;
    if what.contains("end") {
        context.cancel(Status::aborted("ended by itself"));
    }
    if what.contains("fail") {
        return Err(Status::not_found("as told"));
    }
    Ok(())
}

fn waits(context: &Context) -> bool {
    context.metadata().get("do").is_some_and(|what| what.contains("wait"))
}

/// The handlers of a runtime: its trait, its crate, and what makes a plain `fn` a future of this.
macro_rules! handlers {
    ($trait:path, $runtime:ident, [$($async:ident)?], [$($await:tt)*], $sleep:ident) => {
        impl $trait for Service<$runtime::Channel> {
            $($async)? fn say_hello(&self, request: Request<HelloRequest>) -> Result<Response<HelloResponse>, Status> {
                let (context, verdict) = (request.context(), self.log.verdict());
                act(context)?;
                match &request.greeting[..] {
                    "slow" => verdict.of(context.$sleep(LONG)$($await)*.map(|()| reply("late").into())),
                    "relay" => {
                        let next = HelloServiceClient::new(self.next.clone().expect("there is a next one"));
                        let call = Request::new(greeting("slow")).within(context);
                        verdict.of(next.say_hello(call)$($await)*.map(|reply| reply.into_inner().into()))
                    }
                    "drain" => {
                        self.log.note("begun");
                        while !context.draining() {
                            context.$sleep(TICK)$($await)*?;
                        }
                        verdict.of(Ok(reply("drained").into()))
                    }
                    "panic" => panic!("a handler that is meant to"),
                    name => verdict.of(Ok(Response::new(reply(name)).with_metadata("x-own", "1"))),
                }
            }

            $($async)? fn lots_of_replies(
                &self,
                request: Request<HelloRequest>,
                replies: &mut $runtime::Sender<HelloResponse>,
            ) -> Result<(), Status> {
                let (context, verdict) = (request.context(), self.log.verdict());
                act(context)?;
                if waits(context) {
                    return verdict.of(context.$sleep(LONG)$($await)*);
                }
                match &request.greeting[..] {
                    "push" => {
                        let pusher = replies.pusher();
                        lock(&self.log.pushers).push(Box::new(move |text| match pusher.is_closed() {
                            true => None,
                            false => Some(pusher.try_send(reply(text)).is_ok()),
                        }));
                        verdict.of(context.$sleep(LONG)$($await)*)
                    }
                    "panic" => panic!("a handler that is meant to"),
                    name => {
                        for i in 0..3 {
                            replies.send(reply(format!("{i} {name}")))$($await)*?;
                        }
                        verdict.of(Ok(()))
                    }
                }
            }

            /// Answers after the first one where it is "first".
            $($async)? fn lots_of_greetings(
                &self,
                requests: &mut $runtime::Receiver<HelloRequest>,
            ) -> Result<Response<HelloResponse>, Status> {
                let verdict = self.log.verdict();
                act(requests.context())?;
                let mut count = 0;
                while let Some(request) = requests.recv()$($await)*? {
                    if request.greeting == "first" {
                        return verdict.of(Ok(reply("enough").into()));
                    }
                    count += 1;
                }
                verdict.of(Ok(reply(format!("{count} requests")).into()))
            }

            $($async)? fn bidi_hello(
                &self,
                requests: &mut $runtime::Receiver<HelloRequest>,
                replies: &mut $runtime::Sender<HelloResponse>,
            ) -> Result<(), Status> {
                let verdict = self.log.verdict();
                act(requests.context())?;
                if waits(requests.context()) {
                    return verdict.of(requests.context().$sleep(LONG)$($await)*);
                }
                while let Some(request) = requests.recv()$($await)*? {
                    self.log.note(format!("request {}", request.greeting));
                    replies.send(reply(request.greeting))$($await)*?;
                }
                verdict.of(Ok(()))
            }

            fn on_call(&self, context: &mut Context) -> Result<(), Status> {
                self.log.note(format!("on_call {}", context.method().rsplit('/').next().unwrap_or_default()));
                match context.metadata().get("user") {
                    Some("nobody") => Err(Status::unauthenticated("who are you?")),
                    _ => Ok(()),
                }
            }
        }
    };
}

handlers!(blocking::HelloService, rt_std, [], [], sleep);
handlers!(v1::HelloService, rt_smol, [async], [.await], sleep_async);
