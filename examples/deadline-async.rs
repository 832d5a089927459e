//! `deadline` with `async fn`s: one deadline for a chain of services, A calls B, B calls C. It travels with
//! `within(request.context())`, and so does the cancellation: when A's caller gives up, the work in C ends.
//!
//!     cargo run --example deadline-async

use examples::lookup::{Answer, LookupService, LookupServiceClient, LookupServiceServer, Question};
use rt_smol::{Channel, Code, Request, Response, Running, Server, Status};
use smol::channel::{Receiver, Sender, unbounded};
use std::error::Error;
use std::time::Duration;

/// One link of the chain: hands the question on, or, at the end of the chain, thinks about it.
struct Link {
    name: &'static str,
    next: Option<LookupServiceClient<Channel>>,
    views: Sender<String>,
}

/// What a link saw; when its handler is dropped before it saw anything, that.
struct View<'a>(&'a Link, String);

impl Drop for View<'_> {
    fn drop(&mut self) {
        let _ = self.0.views.try_send(format!("   {} saw: {}", self.0.name, self.1));
    }
}

impl LookupService for Link {
    async fn lookup(&self, request: Request<Question>) -> Result<Response<Answer>, Status> {
        let mut view = View(self, "its call was over, and the handler was dropped".into());
        let outcome = match &self.next {
            // The smaller deadline counts, that of the caller or its own; here it has none of its own.
            Some(next) => next.lookup(Request::new(Question::clone(&request)).within(request.context())).await,
            None => think(&request).await,
        };
        view.1 = outcome.as_ref().map_or_else(Status::to_string, |_| "OK".into());
        outcome
    }
}

async fn think(request: &Request<Question>) -> Result<Response<Answer>, Status> {
    // Not a timer of the executor's: this one ends with the call, and runs on the server's clock, virtual or not.
    request.context().sleep_async(Duration::from_millis(request.think_ms.into())).await?;
    Ok(Answer { text: format!("{} has an answer", request.text) }.into())
}

fn start(name: &'static str, next: Option<&Running>, views: &Sender<String>) -> Result<Running, Box<dyn Error>> {
    let next = next.map(|server| Channel::new(format!("http://{}", server.address()))).transpose()?;
    let link = Link { name, next: next.map(LookupServiceClient::new), views: views.clone() };
    Ok(Server::builder().add_service(LookupServiceServer::new(link)).bind("127.0.0.1:0")?.spawn())
}

/// What the three links saw, in the order of the alphabet.
async fn print_views(heard: &Receiver<String>) -> Result<(), smol::channel::RecvError> {
    let mut views = [heard.recv().await?, heard.recv().await?, heard.recv().await?];
    views.sort();
    views.iter().for_each(|view| println!("{view}"));
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    smol::block_on(async {
        let (views, heard) = unbounded();
        let c = start("C", None, &views)?;
        let b = start("B", Some(&c), &views)?;
        let a = start("A", Some(&b), &views)?;
        let client = LookupServiceClient::new(Channel::connect(format!("http://{}", a.address())).await?);
        let question = |think_ms| Question { text: "everything".into(), think_ms };

        println!("Enough time: 1 ms of thinking, 10 s to do it.");
        let reply = client.lookup(Request::new(question(1)).with_timeout(Duration::from_secs(10))).await?;
        println!("   the client got: {}", reply.text);
        print_views(&heard).await?;

        println!("Not enough: 60 s of thinking, 200 ms to do it.");
        match client.lookup(Request::new(question(60_000)).with_timeout(Duration::from_millis(200))).await {
            Err(status) if status.code() == Code::DeadlineExceeded => println!("   the client got: {status}"),
            other => return Err(format!("the deadline was expected to pass: {other:?}").into()),
        }
        Ok(print_views(&heard).await?)
    })
}
