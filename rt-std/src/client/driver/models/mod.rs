//! The two places under a model checker: the driver itself, in every interleaving of a few threads.
//!
//! The simulation draws interleavings by seed; here all are run in which a thread is preempted at most three times
//! where it need not wait. A scene is a handful of operations on a connection that stands; it holds when in each interleaving every thread
//! ends, with what it is to get. Rules that can be broken are named with each scene: without them the checker must
//! find a deadlock.
//!
//! What it does not see: rules about time, which stands still, and atomics, of which the driver has one, a hint.
//!
//! ```text
//! RUSTFLAGS="--cfg loom_models" cargo test -p rt-std --lib models
//! ```

mod world;

use super::{Direction, Driver, First, Observer, Wait, rules};
use proto_core::call::{CallId, CallOptions};
use proto_core::connection::Pulled;
use proto_core::testkit::Words;
use proto_core::{Code, Config, MessageBuf, Payload, Status};
use rt_common::models::{self, Thread, join};
use std::sync::Arc;
use world::{Machine, Wire, i_am};

/// Times that a thread is preempted where it need not wait, at most (`LOOM_MAX_PREEMPTIONS` says otherwise).
const PREEMPTIONS: usize = 3;

/// Set for the child process that runs a scene without a rule: its index.
const WITHOUT: &str = "MODEL_WITHOUT_RULE";

#[derive(Debug)]
struct Nobody;

impl Observer for Nobody {
    fn ready(&self) {}
    fn draining(&self) {}
    fn closed(&self, _reason: &str, _cause: Option<proto_core::channel::Cause>) {}
}

/// A connection after its handshake, with two calls whose requests have left.
#[derive(Clone)]
struct Stage {
    driver: Arc<Driver>,
    wire: Arc<Wire>,
    words: Arc<Words>,
    calls: [CallId; 2],
}

fn wait(id: CallId, alone: bool) -> Wait {
    Wait { call: Some(id), direction: Direction::Recv, deadline: None, until: None, alone }
}

impl Stage {
    fn new(words: &Arc<Words>, without: Option<&'static str>) -> Self {
        let (machine, wire) = (Arc::new(Machine::new(3, without)), Wire::new());
        let driver = Driver::new(machine, wire.clone(), Config::default(), Box::new(Nobody));
        let calls = [0, 1].map(|_| start(&driver));
        wire.feed(&words.greeting);
        let look = Wait { until: Some(Words::NOW), ..wait(calls[0], false) };
        assert!(matches!(driver.pull(&look, calls[0], &mut MessageBuf::new()), Pulled::Nothing));
        wire.forget_signals();
        Stage { driver, wire, words: words.clone(), calls }
    }

    /// The peer answers this call.
    fn reply(&self, n: usize) {
        self.wire.feed(&self.words.replies[n]);
    }

    /// Waits for a call until it is over: its status.
    fn end_of(&self, n: usize, alone: bool) -> Status {
        let (id, mut messages) = (self.calls[n], 0);
        loop {
            match self.driver.pull(&wait(id, alone), id, &mut MessageBuf::new()) {
                Pulled::Message => messages += 1,
                Pulled::End(_) => {
                    assert_eq!(messages, 1, "nothing of a call that succeeded is lost");
                    return Status::new(Code::Ok, "");
                }
                Pulled::Failed(status, _) => return status,
                Pulled::Nothing => panic!("nobody gave up"),
            }
        }
    }

    /// The same, on a thread of its own, with this code expected.
    fn expect(&self, n: usize, alone: bool, code: Code) -> Thread {
        let stage = self.clone();
        thread(n + 1, move || assert_eq!(stage.end_of(n, alone).code(), code))
    }
}

fn start(driver: &Driver) -> CallId {
    let first = First::Message(Payload::Slice(b""));
    driver.start_call(Words::HEAD, &CallOptions::default(), &first).expect("it starts").0
}

fn thread(number: usize, run: impl FnOnce() + Send + 'static) -> Thread {
    models::thread(move || {
        i_am(number);
        run();
    })
}

/// Runs a scene in which this call is answered first, if any is, in every interleaving, and again without each of these rules, in a process of its own, which is to fail.
fn holds(name: &str, first: usize, broken_without: &[&'static str], scene: impl Fn(&Stage) + Send + Sync + 'static) {
    let without = std::env::var(WITHOUT).ok().map(|index| rules::ALL[index.parse::<usize>().expect("an index")]);
    let words = Arc::new(Words::new(first));
    models::check(name, PREEMPTIONS, move || {
        i_am(0);
        scene(&Stage::new(&words, without));
    });
    if without.is_none() {
        broken_without.iter().for_each(|rule| notices(name, rule));
    }
}

/// Fails unless the scene fails without this rule. (The checker cannot go on in a process where it found a deadlock.)
fn notices(name: &str, rule: &str) {
    let index = rules::ALL.iter().position(|other| *other == rule).expect("a rule has a name");
    let test = format!("{}::{name}", module_path!().split_once("::").expect("a module of the crate").1);
    let child = std::process::Command::new(std::env::current_exe().expect("this program"))
        .args(["--exact", &test, "--nocapture"])
        .env(WITHOUT, index.to_string())
        .output()
        .expect("it can be started again");
    let said = String::from_utf8_lossy(&child.stderr);
    assert!(
        !child.status.success() && said.contains("deadlock"),
        "{name} does not notice that {rule:?} is missing: {said}"
    );
    println!("{name}: a deadlock without {rule:?}");
}

#[test]
fn who_leads_hands_the_readers_place_on() {
    holds("who_leads_hands_the_readers_place_on", 0, &[rules::READER_HANDED_ON], |stage| {
        let threads = [stage.expect(0, true, Code::Ok), stage.expect(1, true, Code::Ok)];
        stage.reply(0);
        stage.reply(1);
        join(threads);
    });
}

#[test]
fn the_place_of_a_cancelled_leader_is_handed_on() {
    let name = "the_place_of_a_cancelled_leader_is_handed_on";
    holds(name, 1, &[rules::READER_HANDED_ON], |stage| {
        let threads = [stage.expect(0, false, Code::Cancelled), stage.expect(1, false, Code::Ok)];
        stage.driver.cancel(stage.calls[0], Status::cancelled("enough"));
        stage.reply(1);
        join(threads);
    });
}

#[test]
fn the_only_one_hears_that_its_call_was_cancelled() {
    let name = "the_only_one_hears_that_its_call_was_cancelled";
    holds(name, 0, &[rules::LEADER_TOLD_OF_ITS_CALL, rules::PLAIN_ONLY_ALONE], |stage| {
        let waits = stage.expect(0, false, Code::Cancelled);
        stage.driver.cancel(stage.calls[0], Status::cancelled("enough"));
        waits.join().expect("it ends");
    });
}

#[test]
fn output_that_the_socket_did_not_take_leaves_when_it_does() {
    let name = "output_that_the_socket_did_not_take_leaves_when_it_does";
    holds(name, 0, &[rules::LEADER_TOLD_OF_OUTPUT], |stage| {
        stage.wire.room(false);
        stage.wire.answer(&stage.words.replies[0]);
        let waits = stage.expect(0, false, Code::Ok);
        // Its request is left behind: the answer to the other call comes after it.
        start(&stage.driver);
        stage.wire.room(true);
        waits.join().expect("it ends");
    });
}

#[test]
fn a_blocked_writer_and_a_leader_hear_what_is_meant_for_each() {
    let name = "a_blocked_writer_and_a_leader_hear_what_is_meant_for_each";
    let rules =
        [rules::BLOCKED_WRITER_TOLD, rules::BLOCKED_WRITER_READS, rules::WRITER_GIVES_UP, rules::WRITER_LOOKS_FIRST];
    holds(name, 1, &rules, |stage| {
        stage.wire.room(false);
        // There is output, and never room for it again: who waits writes, or leads.
        start(&stage.driver);
        let threads = [stage.expect(0, false, Code::Cancelled), stage.expect(1, false, Code::Ok)];
        stage.driver.cancel(stage.calls[0], Status::cancelled("enough"));
        stage.reply(1);
        join(threads);
    });
}

#[test]
fn the_end_of_a_connection_brings_everybody_out() {
    let name = "the_end_of_a_connection_brings_everybody_out";
    holds(name, 0, &[rules::END_CLOSES_PIPE], |stage| {
        let threads = [0, 1].map(|n| stage.expect(n, true, Code::Unavailable));
        stage.driver.abort();
        join(threads);
    });
}
