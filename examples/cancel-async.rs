//! Cancelling where calls are futures: dropping is cancelling, at every await. And what a handler can do about its end.
//!
//!     cargo run --example cancel-async

use examples::lookup::{Answer, LookupService, LookupServiceClient, LookupServiceServer, Question};
use futures_lite::future::or;
use rt_smol::{Cancel, Channel, Request, Response, Server, Status};
use smol::channel::{Receiver, Sender, unbounded};
use std::error::Error;
use std::time::Duration;

/// Reports what becomes of its handlers to `main`.
struct Library {
    events: Sender<String>,
}

/// Reports that its handler is gone, unless it came to its end.
struct Unfinished<'a>(&'a Library, String);

impl Drop for Unfinished<'_> {
    fn drop(&mut self) {
        let _ = self.0.events.try_send(format!("   handler: {} was dropped where it waited", self.1));
    }
}

impl LookupService for Library {
    async fn lookup(&self, request: Request<Question>) -> Result<Response<Answer>, Status> {
        let _ = self.events.send(format!("   handler: {} has come", request.text)).await;
        let unfinished = Unfinished(self, request.text.clone());
        request.context().sleep_async(Duration::from_millis(request.think_ms.into())).await?;
        // It came to its end: nothing to report.
        std::mem::forget(unfinished);
        Ok(Answer { text: format!("{} has an answer", request.text) }.into())
    }
}

async fn calls(address: &str, happened: &Receiver<String>) -> Result<(), Box<dyn Error>> {
    let client = LookupServiceClient::new(Channel::connect(format!("http://{address}")).await?);
    let ask = |text: &str, think_ms| Request::new(Question { text: text.into(), think_ms });

    println!("1. The faster of two answers: `or` drops the slower call, and that cancels it.");
    let tortoise = client.lookup(ask("tortoise", 60_000));
    println!("{}", happened.recv().await?);
    let answer = or(client.lookup(ask("hare", 1)), tortoise).await?;
    println!("{}\n   client:  {}\n{}", happened.recv().await?, answer.text, happened.recv().await?);

    println!("2. No longer than this: dropped by a timer, without a deadline.");
    let call = async { Some(client.lookup(ask("silence", 60_000)).await) };
    let timer = async {
        smol::Timer::after(Duration::from_millis(50)).await;
        None
    };
    println!("   client:  {:?}", or(call, timer).await.map(|outcome| outcome.is_ok()));
    println!("{}\n{}", happened.recv().await?, happened.recv().await?);

    println!("3. With a `Cancel`, from another task; it may cancel many calls at once:");
    let cancel = Cancel::new();
    let call = client.lookup(ask("patience", 60_000).cancel_on(&cancel));
    println!("{}", happened.recv().await?);
    smol::spawn(async move { cancel.cancel() }).await;
    println!("   client:  {}", call.await.expect_err("the call was cancelled"));
    println!("{}", happened.recv().await?);
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    smol::block_on(async {
        let (events, happened) = unbounded();
        let library = LookupServiceServer::new(Library { events });
        let server = Server::builder().add_service(library).bind("127.0.0.1:0")?.spawn();
        calls(&server.address().to_string(), &happened).await?;
        server.shutdown(Duration::from_secs(1)).await;
        Ok(())
    })
}
