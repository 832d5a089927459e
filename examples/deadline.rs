//! One deadline for a chain of services: A calls B, B calls C. Each of them ends by itself, with its own view.
//!
//!     cargo run --example deadline

use examples::lookup::{Answer, LookupServiceClient, LookupServiceServer, Question, blocking::LookupService};
use rt_std::{Channel, Code, Request, Response, Running, Server, Status};
use std::error::Error;
use std::sync::mpsc;
use std::time::Duration;

/// One link of the chain: hands the question on, or, at the end of the chain, thinks about it.
struct Link {
    name: &'static str,
    next: Option<LookupServiceClient<Channel>>,
    views: mpsc::Sender<String>,
}

impl LookupService for Link {
    fn lookup(&self, request: Request<Question>) -> Result<Response<Answer>, Status> {
        let outcome = match &self.next {
            // The smaller deadline counts, that of the caller or its own; here it has none of its own.
            Some(next) => next.lookup(Request::new(Question::clone(&request)).within(request.context())),
            None => think(&request),
        };
        let in_time = if request.context().deadline().is_some() { "had a deadline" } else { "had no deadline" };
        let verdict = outcome.as_ref().map_or_else(Status::to_string, |_| "OK".into());
        let _ = self.views.send(format!("   {} {in_time}, and saw: {verdict}", self.name));
        outcome
    }
}

fn think(request: &Request<Question>) -> Result<Response<Answer>, Status> {
    // Not `thread::sleep`: this one wakes up when the call is over.
    request.context().sleep(Duration::from_millis(request.think_ms.into()))?;
    Ok(Answer { text: format!("{} has an answer", request.text) }.into())
}

fn start(name: &'static str, next: Option<&Running>, views: &mpsc::Sender<String>) -> Result<Running, Box<dyn Error>> {
    let next = next.map(|server| Channel::new(format!("http://{}", server.address()))).transpose()?;
    let link = Link { name, next: next.map(LookupServiceClient::new), views: views.clone() };
    Ok(Server::builder().add_service(LookupServiceServer::blocking(link)).bind("127.0.0.1:0")?.spawn())
}

fn main() -> Result<(), Box<dyn Error>> {
    let (views, heard) = mpsc::channel();
    let c = start("C", None, &views)?;
    let b = start("B", Some(&c), &views)?;
    let a = start("A", Some(&b), &views)?;
    let client = LookupServiceClient::new(Channel::connect(format!("http://{}", a.address()))?);
    let question = |think_ms| Question { text: "everything".into(), think_ms };

    println!("Enough time: 1 ms of thinking, 10 s to do it.");
    let reply = client.lookup(Request::new(question(1)).with_timeout(Duration::from_secs(10)))?;
    println!("   the client got: {}", reply.text);
    print_views(&heard)?;

    println!("Not enough: 60 s of thinking, 200 ms to do it.");
    match client.lookup(Request::new(question(60_000)).with_timeout(Duration::from_millis(200))) {
        Err(status) if status.code() == Code::DeadlineExceeded => println!("   the client got: {status}"),
        other => return Err(format!("the deadline was expected to pass: {other:?}").into()),
    }
    print_views(&heard)?;
    Ok(())
}

/// What the three links saw, in the order of the alphabet.
fn print_views(heard: &mpsc::Receiver<String>) -> Result<(), mpsc::RecvError> {
    let mut views = [heard.recv()?, heard.recv()?, heard.recv()?];
    views.sort();
    views.iter().for_each(|view| println!("{view}"));
    Ok(())
}
