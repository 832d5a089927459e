//! What can go wrong, and what a status says about it: whose verdict it is, whether the server may have seen the call,
//! whether it can be sent again.
//!
//!     cargo run --example errors

use examples::hello::{HelloRequest, HelloServiceClient};
use examples::lookup::{Answer, LookupServiceClient, LookupServiceServer, Question, blocking::LookupService};
use rt_std::{Channel, Request, Response, Server, Status};
use std::error::Error;
use std::fmt::Debug;
use std::net::TcpListener;
use std::time::Duration;

struct Library;

impl LookupService for Library {
    fn lookup(&self, request: Request<Question>) -> Result<Response<Answer>, Status> {
        request.context().sleep(Duration::from_millis(request.think_ms.into()))?;
        match request.text.as_str() {
            "" => Err(Status::invalid_argument("text is empty")),
            "trouble" => panic!("a handler that panics costs its own call, not the server"),
            "everything" => Ok(Answer { text: "x".repeat(5 * 1024 * 1024) }.into()),
            text => Ok(Answer { text: format!("{text} has an answer") }.into()),
        }
    }
}

fn show<T: Debug>(what: &str, outcome: Result<T, Status>) -> Result<(), Box<dyn Error>> {
    let status = match outcome {
        Err(status) => status,
        Ok(reply) => return Err(format!("{what}: an error was expected, not {reply:?}").into()),
    };
    println!("{what}");
    println!("   {status}");
    println!("   whose verdict: {:?}", status.origin());
    println!("   seen by the server: {:?}; can be sent again: {}", status.seen_by_server(), status.can_retry());
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    // One line for the panic below, instead of a backtrace.
    std::panic::set_hook(Box::new(|info| eprintln!("(on the server: {info})")));
    let server = Server::builder().add_service(LookupServiceServer::blocking(Library)).bind("127.0.0.1:0")?.spawn();
    let channel = Channel::connect(format!("http://{}", server.address()))?;
    let client = LookupServiceClient::new(channel.clone());
    let ask = |text: &str, think_ms| Request::new(Question { text: text.into(), think_ms });

    show("The handler refuses:", client.lookup(ask("", 0)))?;
    show("The handler panics:", client.lookup(ask("trouble", 0)))?;
    let stranger = HelloServiceClient::new(channel);
    show("The server does not have the service:", stranger.say_hello(HelloRequest::default()))?;
    show("The reply is larger than 4 MiB:", client.lookup(ask("everything", 0)))?;
    let hurried = ask("patience", 60_000).with_timeout(Duration::from_millis(50));
    show("The deadline passes:", client.lookup(hurried))?;
    let misnamed = ask("names", 0).with_metadata("two words", "1");
    show("Metadata that no header can carry:", client.lookup(misnamed))?;

    // A port that was free a moment ago: nobody listens there.
    let nobody = TcpListener::bind("127.0.0.1:0")?.local_addr()?;
    let nobody = LookupServiceClient::new(Channel::new(format!("http://{nobody}"))?);
    show("Nobody listens there:", nobody.lookup(ask("silence", 0)))?;

    println!("Targets that cannot be meant:");
    for target in ["ftp://example.com:1", "localhost", "example.com:99999", "http://:50051"] {
        match Channel::new(target) {
            Err(error) => println!("   {error}"),
            Ok(_) => return Err(format!("{target} was expected to be refused").into()),
        }
    }

    server.shutdown(Duration::from_secs(1));
    Ok(())
}
