//! Stopping a server: calls that run may end within the grace, new ones are refused, what is left is cut.
//!
//!     cargo run --example shutdown

use examples::lookup::{Answer, LookupServiceClient, LookupServiceServer, Question, blocking::LookupService};
use rt_std::{Channel, Request, Response, Server, Status};
use std::error::Error;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// Says when a call has come, and thinks for as long as the question wants.
struct Thinker {
    running: mpsc::Sender<()>,
}

impl LookupService for Thinker {
    fn lookup(&self, request: Request<Question>) -> Result<Response<Answer>, Status> {
        let _ = self.running.send(());
        let context = request.context();
        // Wakes up when the server cuts the call.
        context.sleep(Duration::from_millis(request.think_ms.into()))?;
        let when = if context.draining() { "while the server was stopping" } else { "in peace" };
        Ok(Answer { text: format!("answered {when}") }.into())
    }
}

/// Starts a server, calls it, stops it with this grace while the call runs, and tells how everything ended.
fn scene(think_ms: u32, grace: Duration) -> Result<(), Box<dyn Error>> {
    let (running, is_running) = mpsc::channel();
    let server =
        Server::builder().add_service(LookupServiceServer::blocking(Thinker { running })).bind("127.0.0.1:0")?;
    let target = format!("http://{}", server.local_addr());
    // For signal handlers and the like: clone it, call it from anywhere, as often as you like.
    let stop = server.stop();
    let serving = thread::spawn(move || server.serve());

    let channel = Channel::connect(&target)?;
    // On its way, and not waited for yet.
    let call = LookupServiceClient::new(channel.later()).lookup(Question { text: "time".into(), think_ms });
    is_running.recv()?;
    // Returns at once; `serve` returns when it is done.
    stop.graceful(grace);
    match call.wait() {
        Ok(reply) => println!("   the call that ran: {}", reply.text),
        Err(status) => println!("   the call that ran: {status}"),
    }
    let report = serving.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
    println!("   the server:        {report}");
    match LookupServiceClient::new(channel).lookup(Question::default()) {
        Ok(reply) => Err(format!("nobody was expected to answer: {reply:?}").into()),
        Err(status) => {
            println!("   a new call:        {status}");
            Ok(())
        }
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    println!("A call of 500 ms, and a grace of 60 s:");
    scene(500, Duration::from_secs(60))?;
    println!("A call of 60 s, and a grace of 100 ms:");
    scene(60_000, Duration::from_millis(100))
}
