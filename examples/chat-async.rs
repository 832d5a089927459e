//! `chat` with `async fn`s: what one caller says is pushed into the calls of the others. Members whose call is cut short
//! leave as well: their handler is dropped, and with it their membership.
//!
//!     cargo run --example chat-async

use examples::chat::{ChatService, ChatServiceClient, ChatServiceServer, Line};
use rt_smol::{Channel, Pusher, Receiver, Requests, Sender, Server, Status, Streaming};
use std::error::Error;
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

/// Who is in the room, and how to reach them. A pusher outlives the handler, and can be used by every task.
#[derive(Default)]
struct Room {
    members: Mutex<Vec<(String, Pusher<Line>)>>,
}

impl Room {
    fn members(&self) -> MutexGuard<'_, Vec<(String, Pusher<Line>)>> {
        self.members.lock().unwrap_or_else(|e| e.into_inner())
    }

    /// To everybody but the speaker. Whoever does not keep up, or has left, misses the line; nobody waits for them.
    fn say(&self, name: &str, text: &str) {
        for (other, pusher) in self.members().iter() {
            if other != name {
                let _ = pusher.try_send(Line { name: name.into(), text: text.into() });
            }
        }
    }

    fn enter(&self, name: String, pusher: Pusher<Line>) -> Result<Member<'_>, Status> {
        let mut members = self.members();
        if members.iter().any(|(other, _)| *other == name) {
            return Err(Status::already_exists(format!("somebody called {name} is here already")));
        }
        members.push((name.clone(), pusher));
        Ok(Member { room: self, name })
    }
}

/// Being in the room. It ends with the handler, however that ends: at its end, with an error, or dropped at an await since
/// its caller has gone.
struct Member<'a> {
    room: &'a Room,
    name: String,
}

impl Drop for Member<'_> {
    fn drop(&mut self) {
        self.room.members().retain(|(other, _)| *other != self.name);
        self.room.say(&self.name, "(leaves)");
    }
}

impl ChatService for Room {
    async fn join(&self, lines: &mut Receiver<Line>, replies: &mut Sender<Line>) -> Result<(), Status> {
        let Some(first) = lines.recv().await? else { return Ok(()) };
        let member = self.enter(first.name, replies.pusher())?;
        replies.send(Line { name: "room".into(), text: format!("welcome, {}", member.name) }).await?;
        self.say(&member.name, "(comes in)");
        while let Some(line) = lines.recv().await? {
            self.say(&member.name, &line.text);
        }
        Ok(())
    }
}

/// A caller's end of the call: what it says, what it hears.
struct Caller {
    name: &'static str,
    says: Requests<Line>,
    hears: Streaming<Line>,
}

impl Caller {
    /// Goes in, and waits for the welcome.
    async fn join(chat: &ChatServiceClient<Channel>, name: &'static str) -> Result<Self, Box<dyn Error>> {
        let (mut says, hears) = chat.join().split();
        says.send(Line { name: name.into(), text: String::new() }).await?;
        let mut caller = Caller { name, says, hears };
        caller.hear(1).await?;
        Ok(caller)
    }

    async fn say(&mut self, text: &str) -> Result<(), Box<dyn Error>> {
        println!("{} says: {text}", self.name);
        Ok(self.says.send(Line { name: self.name.into(), text: text.into() }).await?)
    }

    /// Prints the next lines that it hears.
    async fn hear(&mut self, lines: usize) -> Result<(), Box<dyn Error>> {
        for _ in 0..lines {
            let line = self.hears.recv().await?.ok_or("the room is closed")?;
            println!("   {} hears {}: {}", self.name, line.name, line.text);
        }
        Ok(())
    }
}

async fn evening(chat: &ChatServiceClient<Channel>) -> Result<(), Box<dyn Error>> {
    let mut ada = Caller::join(chat, "Ada").await?;
    let mut bob = Caller::join(chat, "Bob").await?;
    ada.hear(1).await?;
    let mut cleo = Caller::join(chat, "Cleo").await?;
    ada.hear(1).await?;
    bob.hear(1).await?;

    ada.say("Has anybody seen the cat?").await?;
    ada.say("It is grey.").await?;
    bob.hear(2).await?;
    // Cleo has said nothing so far; what she was told waits for her.
    cleo.hear(2).await?;

    println!("Ada's call is dropped");
    drop(ada);
    bob.hear(1).await?;
    cleo.hear(1).await?;
    println!("Bob half-closes, and hears the end");
    bob.says.finish().await?;
    assert!(bob.hears.recv().await?.is_none());
    cleo.hear(1).await
}

fn main() -> Result<(), Box<dyn Error>> {
    smol::block_on(async {
        let room = ChatServiceServer::new(Room::default());
        let server = Server::builder().add_service(room).bind("127.0.0.1:0")?.spawn();
        // Three calls, many messages each way, one connection, one task.
        let channel = Channel::connect(format!("http://{}", server.address())).await?;
        evening(&ChatServiceClient::new(channel)).await?;
        server.shutdown(Duration::from_secs(1)).await;
        Ok(())
    })
}
