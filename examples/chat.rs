//! A chat room: what one caller says is pushed into the calls of the others, in no fixed ratio.
//!
//!     cargo run --example chat

use examples::chat::{ChatServiceClient, ChatServiceServer, Line, blocking::ChatService};
use rt_std::{Channel, Pusher, Receiver, Requests, Sender, Server, Status, Streaming};
use std::error::Error;
use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

/// Who is in the room, and how to reach them. A pusher outlives the handler's stack frame, and can be used by every thread.
#[derive(Default)]
struct Room {
    members: Mutex<Vec<(String, Pusher<Line>)>>,
}

impl Room {
    fn members(&self) -> MutexGuard<'_, Vec<(String, Pusher<Line>)>> {
        self.members.lock().unwrap_or_else(|e| e.into_inner())
    }

    /// To everybody but the speaker. Whoever does not keep up, or has left, misses the line; nobody waits for them.
    fn say(&self, line: &Line) {
        for (name, pusher) in self.members().iter() {
            if *name != line.name {
                let _ = pusher.try_send(line.clone());
            }
        }
    }
}

impl ChatService for Room {
    fn join(&self, lines: &mut Receiver<Line>, replies: &mut Sender<Line>) -> Result<(), Status> {
        let Some(first) = lines.next() else { return Ok(()) };
        let name = first?.name;
        {
            let mut members = self.members();
            if members.iter().any(|(other, _)| *other == name) {
                return Err(Status::already_exists(format!("somebody called {name} is here already")));
            }
            members.push((name.clone(), replies.pusher()));
        }
        replies.send(Line { name: "room".into(), text: format!("welcome, {name}") })?;
        self.say(&Line { name: name.clone(), text: "(comes in)".into() });
        // Until the caller half-closes, cancels or is lost: whichever it is, the member leaves.
        let end = lines.try_for_each(|line| {
            self.say(&Line { name: name.clone(), text: line?.text });
            Ok(())
        });
        self.members().retain(|(other, _)| *other != name);
        self.say(&Line { name, text: "(leaves)".into() });
        end
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
    fn join(chat: &ChatServiceClient<Channel>, name: &'static str) -> Result<Self, Box<dyn Error>> {
        let (mut says, hears) = chat.join().split();
        says.send(Line { name: name.into(), text: String::new() })?;
        let mut caller = Caller { name, says, hears };
        caller.hear(1)?;
        Ok(caller)
    }

    fn say(&mut self, text: &str) -> Result<(), Box<dyn Error>> {
        println!("{} says: {text}", self.name);
        Ok(self.says.send(Line { name: self.name.into(), text: text.into() })?)
    }

    /// Prints the next lines that it hears.
    fn hear(&mut self, lines: usize) -> Result<(), Box<dyn Error>> {
        for _ in 0..lines {
            let line = self.hears.next().ok_or("the room is closed")??;
            println!("   {} hears {}: {}", self.name, line.name, line.text);
        }
        Ok(())
    }

    /// Half-closes, and reads until the server ends the call.
    fn leave(self) -> Result<(), Box<dyn Error>> {
        println!("{} leaves", self.name);
        self.says.finish()?;
        for line in self.hears {
            let line = line?;
            println!("   {} hears {}: {}", self.name, line.name, line.text);
        }
        Ok(())
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let server =
        Server::builder().add_service(ChatServiceServer::blocking(Room::default())).bind("127.0.0.1:0")?.spawn();
    // Three calls, many messages each way, one connection, one thread.
    let chat = ChatServiceClient::new(Channel::connect(format!("http://{}", server.address()))?);

    let mut ada = Caller::join(&chat, "Ada")?;
    let mut bob = Caller::join(&chat, "Bob")?;
    ada.hear(1)?;
    let mut cleo = Caller::join(&chat, "Cleo")?;
    ada.hear(1)?;
    bob.hear(1)?;

    ada.say("Has anybody seen the cat?")?;
    ada.say("It is grey.")?;
    bob.hear(2)?;
    bob.say("It sits on the keyboard.")?;
    ada.hear(1)?;
    // Cleo has said nothing so far; what she was told waits for her.
    cleo.hear(3)?;
    ada.leave()?;
    bob.hear(1)?;
    bob.leave()?;
    cleo.hear(2)?;
    cleo.leave()?;

    server.shutdown(Duration::from_secs(1));
    Ok(())
}
