//! A service on the blocking runtime that tells the test what it sees.

use proto_build_testing::hello::v1::{HelloRequest, HelloResponse, HelloServiceClient, HelloServiceServer, blocking};
use rt_smol::{Channel, Code, Request, Response, Status};
use rt_std::{Receiver, Running, Sender, Server, ServerError};
use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::mpsc::{self, Receiver as News};
use std::time::Duration;

/// What a handler has seen.
#[derive(Debug, PartialEq, Eq)]
pub enum Seen {
    /// A call of this greeting began.
    Began(String),
    /// It ended like this for its handler.
    Ended(Result<(), Code>),
}

struct Service(Mutex<mpsc::Sender<Seen>>);

impl Service {
    fn tell(&self, seen: Seen) {
        // The test may be over.
        let _ = self.0.lock().expect("no handler panics").send(seen);
    }

    fn judge<T>(&self, result: Result<T, Status>) -> Result<T, Status> {
        self.tell(Seen::Ended(result.as_ref().map(drop).map_err(Status::code)));
        result
    }
}

pub fn greeting(text: &str) -> HelloRequest {
    HelloRequest { greeting: text.into() }
}

fn reply(text: impl Into<String>) -> HelloResponse {
    HelloResponse { reply: text.into() }
}

impl blocking::HelloService for Service {
    fn say_hello(&self, request: Request<HelloRequest>) -> Result<Response<HelloResponse>, Status> {
        self.tell(Seen::Began(request.greeting.clone()));
        match &request.greeting[..] {
            "fail" => Err(Status::not_found("no such greeting")),
            "slow" => {
                let slept = request.context().sleep(Duration::from_secs(600));
                self.judge(slept.map(|()| reply("late").into()))
            }
            name => {
                let user = request.metadata().get("x-user").unwrap_or("nobody");
                let text = format!("{name} from {user}");
                Ok(Response::new(reply(text)).with_metadata("x-server", "1").with_trailer("x-cost", "3"))
            }
        }
    }

    /// As fast as the caller takes them, for ever.
    fn lots_of_replies(
        &self,
        request: Request<HelloRequest>,
        replies: &mut Sender<HelloResponse>,
    ) -> Result<(), Status> {
        self.tell(Seen::Began(request.greeting.clone()));
        let sent = (0..).try_for_each(|i| replies.send(reply(format!("{i} {}", request.greeting))));
        self.judge(sent)
    }

    /// Answers after the first one.
    fn lots_of_greetings(&self, requests: &mut Receiver<HelloRequest>) -> Result<Response<HelloResponse>, Status> {
        let first = requests.recv()?;
        self.judge(Ok(reply(first.map_or_else(String::new, |first| first.greeting)).into()))
    }

    fn bidi_hello(
        &self,
        requests: &mut Receiver<HelloRequest>,
        replies: &mut Sender<HelloResponse>,
    ) -> Result<(), Status> {
        self.tell(Seen::Began("bidi".into()));
        let echoed = requests.try_for_each(|request| replies.send(reply(request?.greeting)));
        self.judge(echoed)
    }
}

/// The service on a free port, and what its handlers see.
pub fn hello() -> (Running, News<Seen>) {
    hello_at("127.0.0.1:0".parse().expect("an address")).expect("a free port")
}

/// The same at this address.
pub fn hello_at(address: SocketAddr) -> Result<(Running, News<Seen>), ServerError> {
    let (sender, news) = mpsc::channel();
    let service = HelloServiceServer::blocking(Service(Mutex::new(sender)));
    Ok((Server::builder().add_service(service).bind(address)?.spawn(), news))
}

pub fn client(server: &Running) -> HelloServiceClient<Channel> {
    HelloServiceClient::new(Channel::new(server.address().to_string()).expect("a target"))
}
