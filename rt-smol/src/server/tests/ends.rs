//! Who is woken, and told, when calls end; handlers' tasks that must not begin yet.

use super::rig::{IDLE, Rig, Task, echo, hub};
use crate::scripted::{Counter, ScriptPipe, Still};
use futures_lite::future::yield_now;
use proto_core::grpc::{Code, Status};
use proto_core::rpc::{CallEvent, CallHandle, OnCancel, ServerCall};
use rt_common::settings::ServerSettings;
use std::future::{Future, pending};
use std::pin::pin;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::task::{Context, Waker};
use std::time::Duration;

type Kept = Arc<Mutex<Option<Arc<dyn CallHandle>>>>;

/// A handler that waits for ever, and the handle of its call.
fn kept() -> (Rig, Kept) {
    let kept = Kept::default();
    let shared = kept.clone();
    let rig = Rig::serving(move |call: ServerCall, _| {
        *shared.lock().expect("nobody panics") = call.context.handle().cloned();
        async move {
            pending::<()>().await;
            (call, Ok(()))
        }
    });
    (rig, kept)
}

fn handle(kept: &Kept) -> Arc<dyn CallHandle> {
    kept.lock().expect("nobody panics").take().expect("a call came")
}

/// Hears how calls ended.
#[derive(Default)]
struct Told(Mutex<Vec<Code>>);

impl OnCancel for Told {
    fn cancelled(&self, status: Status) {
        self.0.lock().expect("nobody panics").push(status.code());
    }
}

#[test]
fn who_subscribes_after_the_end_is_told_at_once() {
    let (mut rig, kept) = kept();
    let id = rig.unary(b"x");
    rig.transmit();
    rig.poll();
    let mut tasks = rig.spawned();
    tasks[0].poll();
    let handle = handle(&kept);
    let (early, late) = (Arc::new(Told::default()), Arc::new(Told::default()));
    handle.subscribe(early.clone());
    let now = rig.now();
    rig.client.call(id).expect("it runs").release(now);
    rig.transmit();
    rig.poll();
    handle.subscribe(late.clone());
    for told in [early, late] {
        assert_eq!(*told.0.lock().expect("nobody panics"), [Code::Cancelled]);
    }
}

#[test]
fn a_call_that_its_handler_ended_wakes_who_waits_on_it() {
    let (mut rig, kept) = kept();
    let id = rig.unary(b"x");
    rig.transmit();
    rig.poll();
    let mut tasks = rig.spawned();
    tasks[0].poll();
    let handle = handle(&kept);
    let counter = Arc::<Counter>::default();
    let waker = Waker::from(counter.clone());
    let mut waiting = pin!(handle.wait(CallEvent::End, None));
    assert!(waiting.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    handle.cancel(Status::not_found("nothing here"));
    assert_eq!((counter.count(), tasks[0].woken()), (1, 0), "its handler runs on");
    assert!(waiting.as_mut().poll(&mut Context::from_waker(&waker)).is_ready());
    assert_eq!(rig.pull(id), Err(Some(Code::NotFound)));
}

#[test]
fn a_task_that_must_wait_for_output_to_drain_begins_when_it_has() {
    let begun = Arc::new(AtomicUsize::new(0));
    let shared = begun.clone();
    let mut rig = Rig::serving(move |call: ServerCall, clock| {
        let begun = shared.clone();
        async move {
            // Slow enough for its method to get tasks of its own.
            clock.fetch_add(5_000_000, SeqCst);
            begun.fetch_add(1, SeqCst);
            let (mut call, result) = echo(call);
            if call.reply.message == b"large" {
                // More than may be unsent for another one to begin.
                call.reply.message = vec![7; 1_500_000];
            }
            (call, result)
        }
    });
    rig.unary(b"first");
    rig.transmit();
    rig.poll();
    let ids = [rig.unary(b"large"), rig.unary(b"x")];
    rig.transmit();
    rig.poll();
    let mut tasks = rig.spawned();
    rig.pipe.room(&[]);
    tasks.iter_mut().for_each(|task| task.poll());
    assert_eq!((begun.load(SeqCst), tasks[1].woken()), (2, 0), "the second waits");
    rig.pipe.room_for_all();
    for _ in 0..100 {
        rig.poll();
        rig.hear();
        let _ = rig.take(ids[0]);
    }
    assert_eq!(tasks[1].woken(), 1);
    tasks[1].poll();
    assert_eq!(begun.load(SeqCst), 3);
    assert_eq!(rig.pull(ids[1]), Ok(b"x".to_vec()));
}

#[test]
fn a_connections_task_wakes_at_the_end_of_the_grace() {
    let (mut rig, _kept) = kept();
    rig.unary(b"x");
    rig.transmit();
    rig.poll();
    let mut tasks = rig.spawned();
    tasks[0].poll();
    let grace = Duration::from_millis(10);
    rig.hub.stop(grace);
    assert_eq!(rig.woken(), 1);
    rig.poll();
    assert_eq!((rig.next_timer(), tasks[0].woken()), (Some(rig.now() + grace), 0));
    rig.pass(grace);
    rig.poll();
    assert_eq!(tasks[0].woken(), 1);
}

#[test]
fn a_connection_that_a_handler_leaves_idle_is_closed_in_time() {
    let mut rig = Rig::serving(|call, _| async {
        yield_now().await;
        echo(call)
    });
    rig.unary(b"x");
    rig.transmit();
    rig.poll();
    let mut tasks = rig.spawned();
    // While the call runs, the timer fires in vain.
    rig.pass(2 * IDLE);
    rig.poll();
    tasks[0].poll();
    assert_eq!(rig.woken(), 1);
    rig.poll();
    assert!(rig.next_timer().is_some_and(|at| at <= rig.now() + IDLE), "{:?}", rig.next_timer());
}

#[test]
fn a_handshake_that_gives_way_to_another_one_ends() {
    let os = Still::new(Arc::new(AtomicU64::new(1_000_000_000)));
    let settings = ServerSettings { max_pending_handshakes: 1, ..ServerSettings::default() };
    let hub = hub(os, settings, |call| async { echo(call) });
    let [mut first, second] = [ScriptPipe::default(), ScriptPipe::default()].map(|pipe| {
        let mut task = Task::new(Box::pin(hub.adopt(Arc::new(pipe)).expect("there is room")));
        task.poll();
        task
    });
    assert_eq!((first.woken(), second.woken()), (1, 0));
    first.poll();
    assert_eq!((first.is_finished(), second.is_finished()), (true, false));
}
