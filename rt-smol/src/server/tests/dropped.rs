//! What is dropped with what: handlers with their calls, calls with their tasks, sockets with their connections.

use super::rig::Rig;
use bytes::Bytes;
use futures_lite::future::block_on;
use proto_core::grpc::{Code, Status};
use proto_core::rpc::asynchronous::Pusher;
use proto_core::rpc::{Context, Encode, Raw};
use std::future::pending;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Counts its drop.
struct Dropped(Arc<AtomicUsize>);

impl Drop for Dropped {
    fn drop(&mut self) {
        self.0.fetch_add(1, SeqCst);
    }
}

/// Handlers that wait for ever, and how many of them were dropped.
fn waiting() -> (Rig, Arc<AtomicUsize>) {
    let drops = Arc::new(AtomicUsize::new(0));
    let shared = drops.clone();
    let rig = Rig::serving(move |call, _| {
        let dropped = Dropped(shared.clone());
        async move {
            let _dropped = dropped;
            pending::<()>().await;
            (call, Ok(()))
        }
    });
    (rig, drops)
}

#[test]
fn a_cancelled_call_wakes_its_handlers_task_which_drops_it() {
    let (mut rig, drops) = waiting();
    let ids = [rig.unary(b"a"), rig.unary(b"b")];
    rig.transmit();
    rig.poll();
    let mut tasks = rig.spawned();
    tasks.iter_mut().for_each(|task| task.poll());
    let now = rig.now();
    rig.client.call(ids[0]).expect("it runs").release(now);
    rig.transmit();
    rig.poll();
    assert_eq!((tasks[0].woken(), tasks[1].woken(), drops.load(SeqCst)), (1, 0, 0));
    tasks[0].poll();
    assert!(tasks[0].is_finished());
    assert_eq!((drops.load(SeqCst), rig.hub.running()), (1, 1));
}

#[test]
fn a_handlers_task_that_is_dropped_cancels_its_call() {
    let (mut rig, drops) = waiting();
    let id = rig.unary(b"a");
    rig.transmit();
    rig.poll();
    let mut tasks = rig.spawned();
    tasks[0].poll();
    drop(tasks);
    assert_eq!((drops.load(SeqCst), rig.hub.running(), rig.woken()), (1, 0, 0));
    assert_eq!(rig.pull(id), Err(Some(Code::Cancelled)));
}

#[test]
fn a_connections_task_that_is_dropped_ends_everything_on_it() {
    let (mut rig, drops) = waiting();
    rig.unary(b"a");
    rig.transmit();
    rig.poll();
    let mut tasks = rig.spawned();
    tasks[0].poll();
    rig.task = None;
    assert!(rig.pipe_is_dropped());
    assert_eq!(tasks[0].woken(), 1);
    tasks[0].poll();
    assert_eq!((drops.load(SeqCst), rig.hub.running(), rig.hub.connections().len()), (1, 0, 0));
    drop(tasks);
    assert!(rig.connection_is_dropped());
}

#[test]
fn a_pusher_that_outlives_its_call_keeps_no_socket() {
    let kept = Arc::new(Mutex::new(None));
    let shared = kept.clone();
    let mut rig = Rig::serving(move |mut call, _| {
        *shared.lock().expect("nobody panics") = Some(call.async_sender(<Raw as Encode<Bytes>>::encode).pusher());
        async move { (call, Ok(())) }
    });
    rig.bidi();
    rig.transmit();
    rig.poll();
    let now = rig.now();
    rig.client.lost(now, "the test's doing".into(), None);
    rig.task = None;
    assert!(rig.pipe_is_dropped());
    let pusher = kept.lock().expect("nobody panics").take().expect("a call came");
    assert!(pusher.is_closed());
    drop(pusher);
    assert!(rig.connection_is_dropped());
}

/// What is said of a call whose handler has returned.
const RETURNED: &str = "CANCELLED: the call has ended";

/// The context and the pusher that a handler has given away.
type Kept = Arc<Mutex<Option<(Context, Pusher<Bytes>)>>>;

/// A handler that waits, or returns this at once.
fn watched(result: Option<Result<(), Status>>) -> (Rig, Kept) {
    let kept = Arc::new(Mutex::new(None));
    let shared = kept.clone();
    let rig = Rig::serving(move |mut call, _| {
        let pusher = call.async_sender(<Raw as Encode<Bytes>>::encode).pusher();
        *shared.lock().expect("nobody panics") = Some((call.context.clone(), pusher));
        let result = result.clone();
        async move {
            match result {
                Some(result) => (call, result),
                None => pending().await,
            }
        }
    });
    (rig, kept)
}

/// What that context says of its call, and the pusher too.
fn said(kept: &Kept) -> Option<String> {
    let kept = kept.lock().expect("nobody panics");
    let (context, pusher) = kept.as_ref().expect("a call came");
    let status = context.check().err()?.to_string();
    let pushed = block_on(pusher.send(Bytes::new())).expect_err("it is over");
    assert_eq!(pushed.to_string(), status);
    Some(status)
}

#[test]
fn a_context_that_outlives_its_dropped_handler_says_how_the_call_ended() {
    for (end, expected) in
        [("caller", "CANCELLED: "), ("deadline", "DEADLINE_EXCEEDED: "), ("connection", "CANCELLED: ")]
    {
        let (mut rig, kept) = watched(None);
        let id = rig.unary_within(b"a", Duration::from_secs(1));
        rig.transmit();
        rig.poll();
        let mut tasks = rig.spawned();
        tasks[0].poll();
        assert_eq!(said(&kept), None);
        let now = rig.now();
        match end {
            "caller" => rig.client.call(id).expect("it runs").release(now),
            "deadline" => rig.pass(Duration::from_secs(2)),
            _ => rig.task = None,
        }
        rig.transmit();
        rig.poll();
        let before = said(&kept).expect("it is over");
        assert!(before.starts_with(expected) && before != RETURNED, "{end}: {before}");
        tasks[0].poll();
        assert!(tasks[0].is_finished());
        assert_eq!(said(&kept), Some(before));
    }
}

#[test]
fn a_context_that_outlives_a_handler_that_has_returned_says_that_the_call_has_ended() {
    for result in [Ok(()), Err(Status::not_found("as told"))] {
        let (mut rig, kept) = watched(Some(result.clone()));
        let id = rig.unary(b"a");
        rig.transmit();
        rig.poll();
        assert_eq!(rig.pull(id).is_ok(), result.is_ok());
        assert_eq!(said(&kept).as_deref(), Some(RETURNED));
    }
}
