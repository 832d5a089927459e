//! Many calls at once on one thread: the requests leave now, the replies are looked at later.
//!
//!     cargo run --example later

use examples::lookup::{Answer, LookupServiceClient, LookupServiceServer, Question, blocking::LookupService};
use rt_std::{Channel, Request, Response, Server, Status};
use std::error::Error;
use std::sync::Barrier;
use std::time::Duration;

/// Answers when three questions have come, so that no call is answered before the next is sent.
struct Together {
    three: Barrier,
}

impl LookupService for Together {
    fn lookup(&self, request: Request<Question>) -> Result<Response<Answer>, Status> {
        self.three.wait();
        Ok(Answer { text: format!("{} has an answer", request.text) }.into())
    }
}

fn ask(text: &str) -> Question {
    Question { text: text.into(), think_ms: 0 }
}

fn main() -> Result<(), Box<dyn Error>> {
    let service = Together { three: Barrier::new(3) };
    let server = Server::builder().add_service(LookupServiceServer::blocking(service)).bind("127.0.0.1:0")?.spawn();
    let channel = Channel::connect(format!("http://{}", server.address()))?;

    // The same generated client; its methods return at once.
    let client = LookupServiceClient::new(channel.later());
    let mut pending = Vec::new();
    for text in ["art", "birds", "clouds"] {
        println!("-> {text}");
        pending.push(client.lookup(ask(text)));
    }
    println!("All three are on their way, and nothing has waited so far.");
    for call in pending {
        println!("<- {}", call.wait()?.text);
    }

    println!("Looking without waiting, and waiting for a while:");
    let mut lonely = client.lookup(ask("dance"));
    let now = lonely.try_wait();
    println!("   at once:      {}", if now.is_none() { "no answer yet" } else { "an answer" });
    let soon = lonely.wait_timeout(Duration::from_millis(50));
    println!("   after 50 ms:  {}", if soon.is_none() { "no answer yet" } else { "an answer" });
    // Two more let it go.
    let others = ["elves", "fire"].map(|text| client.lookup(ask(text)));
    println!("   with company: {}", lonely.wait()?.text);
    for call in others {
        println!("                 {}", call.wait()?.text);
    }

    server.shutdown(Duration::from_secs(1));
    Ok(())
}
