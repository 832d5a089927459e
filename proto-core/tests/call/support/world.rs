//! Plays a scenario to its end.

use super::script::{Do, Got, Ran, Scenario, View};
use proto_core::call::{CallId, Head, Recv, SendError};
use proto_core::connection::{Client, Connection, Event, Server};
use proto_core::testkit::{Faults, Pair};
use proto_core::time::Instant;
use proto_core::{Config, MessageBuf, Status};
use std::time::Duration;

/// A step's outcome.
#[derive(PartialEq, Eq)]
enum Step {
    Done,
    Wait,
    /// Nothing more to do on this side.
    Leave,
}

/// How far a side is in its script.
struct Player {
    id: Option<CallId>,
    steps: Vec<Do>,
    next: usize,
    sleeps_until: Option<Instant>,
    /// An event said that it is worth trying again.
    woken: bool,
    view: View,
    message: MessageBuf,
}

impl Player {
    fn new(steps: &[Do]) -> Self {
        Player {
            id: None,
            steps: steps.to_vec(),
            next: 0,
            sleeps_until: None,
            woken: true,
            view: View::default(),
            message: MessageBuf::new(),
        }
    }

    /// The next step, if there is reason to try it: steps that wait rest until an event of the call wakes them, as a
    /// runtime would.
    fn step(&self) -> Option<Do> {
        let step = self.steps.get(self.next)?;
        let by_itself = matches!(step, Do::Sleep(_) | Do::Over);
        (self.woken || by_itself).then(|| step.clone())
    }

    /// Goes on by one step. False: it waits.
    fn stepped(&mut self, outcome: Step) -> bool {
        match outcome {
            Step::Wait => self.woken = false,
            Step::Done => (self.next, self.woken) = (self.next + 1, true),
            Step::Leave => self.next = self.steps.len(),
        }
        outcome != Step::Wait
    }

    fn hear(&mut self, event: Event) {
        let id = match event {
            Event::Readable(id) | Event::Writable(id) | Event::Ended(id) => Some(id),
            _ => None,
        };
        self.woken |= id.is_some() && id == self.id;
    }

    fn note(&mut self, now: Instant, outcome: Option<&Status>) {
        if self.view.outcome.is_none() {
            self.view.outcome = outcome.cloned();
            self.view.at = outcome.map(|_| now);
        }
    }

    fn pulled(&mut self, recv: Recv) -> Option<Got> {
        match recv {
            Recv::Message => {
                use bytes::Buf;
                let bytes = self.message.copy_to_bytes(self.message.remaining());
                Some(Got::Message(bytes.to_vec()))
            }
            Recv::Pending => None,
            Recv::End => Some(Got::End),
            Recv::Failed(status) => Some(Got::Failed(status)),
        }
    }

    fn slept(&mut self, now: Instant, ms: u64) -> Step {
        match self.sleeps_until {
            None => {
                self.sleeps_until = Some(now + Duration::from_millis(ms));
                Step::Wait
            }
            Some(until) if until > now => Step::Wait,
            Some(_) => {
                self.sleeps_until = None;
                Step::Done
            }
        }
    }
}

/// A pair with one call that is played from both ends.
pub(crate) struct World {
    pair: Pair,
    start: Instant,
    client: Player,
    server: Player,
    kind: proto_core::call::Kind,
}

impl World {
    pub(crate) fn new(scenario: &Scenario, faults: Faults) -> Self {
        let (mut client_config, mut server_config) = (Config::default(), Config::default());
        (scenario.client_config)(&mut client_config);
        (scenario.server_config)(&mut server_config);
        let mut pair = Pair::new(client_config, server_config, faults);
        let now = pair.now();
        let mut options = (scenario.options)(now);
        options.kind = scenario.kind;
        let mut client = Player::new(&scenario.client);
        let id = pair.client.start(now, Head::new(scenario.path), &options).expect("the call starts");
        client.id = Some(id);
        let kind = scenario.server_kind.unwrap_or(scenario.kind);
        World { pair, start: now, client, server: Player::new(&scenario.server), kind }
    }

    /// Until both scripts are through. Asserts that this takes no hour of virtual time, and that nothing is left
    /// behind.
    pub(crate) fn play(mut self) -> Ran {
        let limit = self.start + Duration::from_secs(3_600);
        loop {
            while self.pair.step() | self.act() {}
            if self.is_through() {
                break;
            }
            let sleeps = [self.client.sleeps_until, self.server.sleeps_until];
            let due = sleeps.into_iter().flatten().chain(self.pair.next_due()).min();
            let Some(due) = due.filter(|due| *due <= limit) else {
                panic!("nothing moves any more: {:#?}", (self.client.view, self.server.view));
            };
            let by = due.saturating_duration_since(self.pair.now());
            self.pair.advance(by.max(Duration::from_nanos(1)));
        }
        self.pair.settle();
        assert_eq!(self.pair.client.active_calls(), 0, "the client's call is released");
        self.drop_unserved();
        assert_eq!(self.pair.server.active_calls(), 0, "the server's call is released");
        let server = self.server.id.is_some().then_some(self.server.view);
        Ran { start: self.start, client: self.client.view, server }
    }

    /// A call that never came to a handler, because the client's script was through first.
    fn drop_unserved(&mut self) {
        let now = self.pair.now();
        while let Some(id) = self.pair.server.accept() {
            self.pair.server.call(id).expect("just accepted").release(now);
        }
    }

    fn is_through(&self) -> bool {
        let server_through = self.server.next >= self.server.steps.len();
        let never_came = self.server.id.is_none() && self.pair.under_way() == 0;
        self.client.next >= self.client.steps.len() && (server_through || never_came)
    }

    /// Takes as many steps as possible on both sides. True if any was taken.
    fn act(&mut self) -> bool {
        let now = self.pair.now();
        while let Some(event) = self.pair.client.poll_event() {
            self.client.hear(event);
        }
        while let Some(event) = self.pair.server.poll_event() {
            self.server.hear(event);
        }
        let mut acted = client_steps(now, &mut self.pair.client, &mut self.client);
        if self.server.id.is_none() {
            self.server.id = self.pair.server.accept();
            if let Some(id) = self.server.id {
                let mut call = self.pair.server.call(id).expect("just accepted");
                let head = call.head();
                self.server.view.got.push(Got::Called {
                    path: head.path.into(),
                    metadata: head.metadata.clone(),
                    deadline: head.deadline,
                    messages: call.can_start(),
                });
                call.set_kind(self.kind);
                acted = true;
            }
        }
        acted | server_steps(now, &mut self.pair.server, &mut self.server)
    }
}

fn client_steps(now: Instant, connection: &mut Connection<Client>, player: &mut Player) -> bool {
    let Some(id) = player.id else { return false };
    let mut acted = false;
    while let Some(step) = player.step() {
        let Ok(mut call) = connection.call(id) else { return acted };
        player.note(now, call.outcome());
        let outcome = match step {
            Do::Send(message) => sent(player, call.send(now, &message)),
            Do::SendLast(message) => sent(player, call.send_last(now, &message)),
            Do::Half => sent(player, call.finish(now)),
            Do::Recv => {
                let recv = call.recv(now, &mut player.message);
                pull(player, recv)
            }
            Do::Drain => {
                let recv = call.recv(now, &mut player.message);
                drain(player, recv)
            }
            Do::Headers => match call.headers() {
                Some(headers) => {
                    player.view.got.push(Got::Headers(headers.clone()));
                    Step::Done
                }
                None if call.outcome().is_some() => Step::Done,
                None => Step::Wait,
            },
            Do::Sleep(ms) => player.slept(now, ms),
            Do::Cancel(status) => {
                call.cancel(now, status);
                Step::Done
            }
            Do::Over if call.outcome().is_some() => Step::Done,
            Do::Over => Step::Wait,
            Do::Release => Step::Leave,
            step => panic!("{step:?} is a server's step"),
        };
        if !player.stepped(outcome) {
            return acted;
        }
        acted = true;
    }
    if player.next < player.steps.len() {
        return acted;
    }
    if let Ok(mut call) = connection.call(id) {
        player.note(now, call.outcome());
        player.view.headers = call.headers().cloned();
        player.view.trailers = call.take_trailers();
        player.view.all_sent = call.all_sent();
        if player.view.outcome.is_none() {
            call.cancel(now, Status::OK);
            player.note(now, call.outcome());
        }
        call.release(now);
        acted = true;
    }
    acted
}

fn server_steps(now: Instant, connection: &mut Connection<Server>, player: &mut Player) -> bool {
    let Some(id) = player.id else { return false };
    let mut acted = false;
    while let Some(step) = player.step() {
        let Ok(mut call) = connection.call(id) else { return acted };
        player.note(now, call.outcome());
        let outcome = match step {
            Do::Send(message) => sent(player, call.send(now, &message)),
            Do::Recv => {
                let recv = call.recv(now, &mut player.message);
                pull(player, recv)
            }
            Do::Drain => {
                let recv = call.recv(now, &mut player.message);
                drain(player, recv)
            }
            Do::Start if call.can_start() || call.outcome().is_some() => Step::Done,
            Do::Start => Step::Wait,
            Do::SendHeaders(metadata) => {
                call.send_headers(now, &metadata);
                Step::Done
            }
            Do::Reply(headers, message, trailers) => {
                let outcome = call.reply(now, &headers, &message, &trailers);
                sent(player, outcome)
            }
            Do::Finish(status, trailers) => {
                if !call.finish(now, &status, &trailers) {
                    player.view.got.push(Got::FinishedTooLate);
                }
                Step::Done
            }
            Do::Sleep(ms) => player.slept(now, ms),
            Do::Cancel(status) => {
                call.cancel(now, status);
                Step::Done
            }
            Do::Over if call.outcome().is_some() => Step::Done,
            Do::Over => Step::Wait,
            step => panic!("{step:?} is a client's step"),
        };
        if !player.stepped(outcome) {
            return acted;
        }
        acted = true;
    }
    if player.next < player.steps.len() {
        return acted;
    }
    if let Ok(mut call) = connection.call(id) {
        if call.outcome().is_none() {
            call.cancel(now, Status::OK);
        }
        player.note(now, call.outcome());
        call.release(now);
        acted = true;
    }
    acted
}

fn sent(player: &mut Player, outcome: Result<(), SendError>) -> Step {
    match outcome {
        Ok(()) => Step::Done,
        Err(SendError::Blocked) => Step::Wait,
        Err(SendError::Ended) => {
            player.view.got.push(Got::SendEnded);
            Step::Done
        }
        Err(SendError::TooLarge(status)) => {
            player.view.got.push(Got::TooLarge(status));
            Step::Done
        }
    }
}

fn pull(player: &mut Player, recv: Recv) -> Step {
    match player.pulled(recv) {
        None => Step::Wait,
        Some(got) => {
            player.view.got.push(got);
            Step::Done
        }
    }
}

fn drain(player: &mut Player, recv: Recv) -> Step {
    match player.pulled(recv) {
        None => Step::Wait,
        Some(got) => {
            let last = !matches!(got, Got::Message(_));
            player.view.got.push(got);
            if last { Step::Done } else { drain_again(player) }
        }
    }
}

/// The step stays, but something was pulled: tried again at once.
fn drain_again(player: &mut Player) -> Step {
    player.steps.insert(player.next, Do::Drain);
    Step::Done
}
