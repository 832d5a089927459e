//! A write that fails hides nothing that the client said before: handlers learn that.

use super::rig::{Rig, Task};
use bytes::Bytes;
use proto_core::rpc::asynchronous::Pusher;
use proto_core::rpc::{CancelToken, Context, Encode, Raw};
use rt_common::unwritable::HEARD_OUT;
use std::future::pending;
use std::io::ErrorKind;
use std::sync::{Arc, Mutex};

const CANCELLED: &str = "CANCELLED: the client cancelled the call (CANCEL) while handling the call";

/// A call whose handler waits for ever, and what pushes replies beside it.
struct Pushed {
    rig: Rig,
    pusher: Pusher<Bytes>,
    context: Context,
    /// What the client says last, once it is let through.
    words: Vec<u8>,
    _handler: Vec<Task>,
}

impl Pushed {
    fn new() -> Self {
        let kept = Arc::new(Mutex::new(None));
        let shared = kept.clone();
        let mut rig = Rig::serving(move |mut call, _| {
            let replies = call.async_sender(<Raw as Encode<Bytes>>::encode);
            *shared.lock().expect("nobody panics") = Some((replies.pusher(), call.context.clone()));
            async move {
                pending::<()>().await;
                (call, Ok(()))
            }
        });
        let id = rig.bidi();
        rig.transmit();
        rig.poll();
        let mut tasks = rig.spawned();
        tasks[0].poll();
        let (pusher, context) = kept.lock().expect("nobody panics").take().expect("a call came");
        let now = rig.now();
        rig.client.call(id).expect("it runs").release(now);
        let words = rig.output();
        Pushed { rig, pusher, context, words, _handler: tasks }
    }

    fn push(&self) {
        let _ = self.pusher.try_send(Bytes::from_static(b"x"));
    }

    /// The connection's task, until it rests; how the call ended.
    fn ended(&mut self) -> String {
        while self.rig.woken() > 0 {
            self.rig.poll();
        }
        assert!(self.rig.task.as_ref().is_none_or(Task::is_finished), "the connection goes on");
        CancelToken::cancelled(&self.context).expect("the call is over").to_string()
    }
}

#[test]
fn a_handler_whose_write_fails_learns_that_its_client_had_cancelled() {
    let mut pushed = Pushed::new();
    pushed.rig.pipe.feed(&pushed.words);
    pushed.rig.pipe.fail_writes(ErrorKind::BrokenPipe);
    pushed.push();
    assert_eq!(pushed.ended(), CANCELLED);
}

#[test]
fn a_write_that_fails_after_a_read_that_found_nothing_hides_nothing_either() {
    let mut pushed = Pushed::new();
    let (pipe, words, pusher) = (pushed.rig.pipe.clone(), pushed.words.clone(), pushed.pusher.clone());
    pushed.rig.pipe.after_next_empty_read(move || {
        pipe.feed(&words);
        pipe.fail_writes(ErrorKind::BrokenPipe);
        let _ = pusher.try_send(Bytes::from_static(b"x"));
    });
    pushed.rig.poll();
    assert_eq!(pushed.ended(), CANCELLED);
}

#[test]
fn a_write_of_the_connections_task_that_fails_hides_nothing() {
    let mut pushed = Pushed::new();
    pushed.rig.pipe.room(&[]);
    pushed.push();
    pushed.rig.poll();
    let (pipe, words) = (pushed.rig.pipe.clone(), pushed.words.clone());
    // It is the write that comes first.
    pushed.rig.pipe.during_next_write(move || pipe.feed(&words));
    pushed.rig.pipe.fail_writes(ErrorKind::BrokenPipe);
    pushed.rig.pipe.room_for_all();
    assert_eq!(pushed.ended(), CANCELLED);
}

/// PINGs, whose answers pile up.
fn pings(count: usize) -> Vec<u8> {
    [0, 0, 8, 6, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8].repeat(count)
}

#[test]
fn a_client_that_is_not_read_since_it_reads_nothing_is_heard_after_a_write_failed() {
    let mut pushed = Pushed::new();
    pushed.rig.pipe.room(&[]);
    for _ in 0..2 {
        pushed.rig.pipe.feed(&pings(2_000));
        pushed.rig.poll();
    }
    pushed.rig.pipe.feed(&pushed.words);
    pushed.rig.poll();
    assert!(CancelToken::cancelled(&pushed.context).is_none(), "reading did not stop");
    pushed.rig.pipe.fail_writes(ErrorKind::BrokenPipe);
    pushed.rig.pipe.room_for_all();
    assert_eq!(pushed.ended(), CANCELLED);
}

#[test]
fn the_reason_for_which_a_write_failed_is_told_where_the_client_had_said_nothing() {
    let mut pushed = Pushed::new();
    pushed.rig.pipe.fail_writes(ErrorKind::BrokenPipe);
    pushed.push();
    let status = pushed.ended();
    assert!(status.contains("the connection was lost: broken pipe"), "{status}");
}

#[test]
fn a_client_that_goes_on_talking_after_a_write_failed_is_not_heard_for_ever() {
    let mut pushed = Pushed::new();
    pushed.rig.pipe.fail_writes(ErrorKind::BrokenPipe);
    let all = pings(HEARD_OUT / 17 * 2);
    pushed.rig.pipe.feed(&all);
    pushed.push();
    let status = pushed.ended();
    assert!(status.starts_with("CANCELLED: the connection ended"), "{status}");
    let left = pushed.rig.pipe.unread();
    assert!(left > all.len() / 3, "{left} of {} bytes are left", all.len());
}
