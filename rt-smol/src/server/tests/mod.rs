//! A connection step by step: what is written when and by whom, who is woken, what is dropped.

mod random;
mod rig;

use bytes::Bytes;
use futures_lite::future::yield_now;
use proto_core::grpc::Code;
use proto_core::rpc::{CallEvent, Decode, Encode, Raw, ServerCall};
use rig::{Rig, echo};
use std::future::pending;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

const MS: Duration = Duration::from_millis(1);

#[test]
fn replies_of_one_batch_leave_in_one_write_and_no_handler_becomes_a_task() {
    let mut rig = Rig::serving(|call, _| async { echo(call) });
    let ids: Vec<_> = (0..50u8).map(|i| rig.unary(&[i])).collect();
    rig.transmit();
    let writes = rig.pipe.writes().len();
    rig.poll();
    assert_eq!(rig.pipe.writes().len(), writes + 1);
    assert!(rig.spawned().is_empty());
    for (i, id) in (0..50u8).zip(ids) {
        assert_eq!(rig.pull(id), Ok(vec![i]));
        assert_eq!(rig.pull(id), Err(Some(Code::Ok)));
    }
}

#[test]
fn a_handler_that_waited_writes_its_reply_itself_in_one_write() {
    let mut rig = Rig::serving(|call, _| async {
        yield_now().await;
        echo(call)
    });
    let id = rig.unary(b"x");
    rig.transmit();
    let writes = rig.pipe.writes().len();
    rig.poll();
    let mut tasks = rig.spawned();
    assert_eq!((tasks.len(), rig.pipe.writes().len()), (1, writes));
    tasks[0].poll();
    assert!(tasks[0].is_finished());
    assert_eq!((rig.pipe.writes().len(), rig.woken()), (writes + 1, 0), "the connection's task has nothing to do");
    assert_eq!(rig.pull(id), Ok(b"x".to_vec()));
    assert_eq!(rig.hub.running(), 0);
}

#[test]
fn what_the_pipe_does_not_take_is_written_by_the_connections_task() {
    let mut rig = Rig::serving(|call, _| async {
        yield_now().await;
        echo(call)
    });
    let id = rig.unary(b"x");
    rig.transmit();
    rig.poll();
    rig.pipe.room(&[10]);
    rig.spawned()[0].poll();
    assert_eq!(rig.woken(), 1);
    rig.poll();
    rig.pipe.room_for_all();
    assert_eq!(rig.woken(), 1, "the pipe wakes it");
    rig.poll();
    assert_eq!(rig.pull(id), Ok(b"x".to_vec()));
}

#[test]
fn messages_of_one_poll_leave_in_few_writes_and_none_waits_for_the_next_poll() {
    let mut rig = Rig::serving(|mut call, _| async {
        let mut replies = call.async_sender(<Raw as Encode<Bytes>>::encode);
        yield_now().await;
        for i in 0..100u8 {
            replies.send(Bytes::copy_from_slice(&[i])).await.expect("there is room");
        }
        pending::<()>().await;
        (call, Ok(()))
    });
    let id = rig.bidi();
    rig.transmit();
    rig.poll();
    let (mut tasks, writes) = (rig.spawned(), rig.pipe.writes().len());
    tasks[0].poll();
    assert_eq!((rig.pipe.writes().len(), rig.woken()), (writes + 2, 0), "the first at once, the others together");
    for i in 0..100u8 {
        assert_eq!(rig.pull(id), Ok(vec![i]));
    }
}

#[test]
fn a_message_wakes_the_task_of_its_call_and_no_other() {
    let mut rig = Rig::serving(|mut call, _| async {
        let mut requests = call.async_receiver(<Raw as Decode<Bytes>>::decode);
        while requests.recv().await.is_ok_and(|message| message.is_some()) {}
        drop(requests);
        (call, Ok(()))
    });
    let ids: Vec<_> = (0..3).map(|_| rig.bidi()).collect();
    rig.transmit();
    rig.poll();
    let mut tasks = rig.spawned();
    tasks.iter_mut().for_each(|task| task.poll());
    rig.send(ids[1], b"x");
    rig.transmit();
    rig.poll();
    assert_eq!(tasks.iter().map(|task| task.woken()).collect::<Vec<_>>(), [0, 1, 0]);
}

#[test]
fn a_sender_without_room_is_woken_when_there_is_some() {
    let mut rig = Rig::serving(|mut call, _| async {
        let mut replies = call.async_sender(<Raw as Encode<Bytes>>::encode);
        while replies.send(Bytes::from_static(&[7; 10_000])).await.is_ok() {}
        drop(replies);
        (call, Ok(()))
    });
    let id = rig.bidi();
    rig.transmit();
    rig.poll();
    let mut tasks = rig.spawned();
    tasks[0].poll();
    assert_eq!(tasks[0].woken(), 0);
    let mut received = 0;
    while tasks[0].woken() == 0 {
        // The client reads, and its window opens.
        received += std::iter::from_fn(|| rig.pull(id).ok()).count();
        rig.hear();
        rig.poll();
        assert!(received < 100, "{received} messages");
    }
    assert!(received > 3, "{received} messages");
    tasks[0].poll();
    rig.poll();
    assert!(rig.pull(id).is_ok());
}

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
    let kept = Arc::new(std::sync::Mutex::new(None));
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

#[test]
fn nothing_between_a_look_and_the_wait_is_missed() {
    let looked = Arc::new(AtomicUsize::new(0));
    let shared = looked.clone();
    let mut rig = Rig::serving(move |mut call: ServerCall, _| {
        let looked = shared.clone();
        async move {
            let mut requests = call.async_receiver(<Raw as Decode<Bytes>>::decode);
            assert!(requests.try_recv().is_err());
            looked.fetch_add(1, SeqCst);
            // Meanwhile a message comes.
            yield_now().await;
            yield_now().await;
            let handle = requests.context().handle().expect("a call").clone();
            handle.wait(CallEvent::Readable, None).await;
            assert!(requests.try_recv().is_ok());
            drop(requests);
            (call, Ok(()))
        }
    });
    let id = rig.bidi();
    rig.transmit();
    rig.poll();
    let mut tasks = rig.spawned();
    assert_eq!(looked.load(SeqCst), 1);
    rig.send(id, b"x");
    rig.transmit();
    rig.poll();
    tasks[0].poll();
    tasks[0].poll();
    assert!(tasks[0].is_finished());
    assert_eq!(rig.pull(id), Err(Some(Code::Ok)));
}

#[test]
fn a_wait_ends_at_its_time() {
    let mut rig = Rig::serving(|mut call: ServerCall, _| async {
        let result = call.context.sleep_async(MS * 50).await;
        call.reply.message.clear();
        (call, result)
    });
    let id = rig.unary(b"x");
    rig.transmit();
    rig.poll();
    let mut tasks = rig.spawned();
    tasks[0].poll();
    rig.pass(MS * 49);
    tasks[0].poll();
    assert_eq!(rig.pull(id), Err(None));
    rig.pass(MS);
    tasks[0].poll();
    assert_eq!(rig.pull(id), Ok(Vec::new()));
}

#[test]
fn a_method_that_holds_up_others_gets_tasks_of_its_own_until_it_is_fast_again() {
    let slow = Arc::new(AtomicUsize::new(1));
    let shared = slow.clone();
    let mut rig = Rig::serving(move |call, clock| {
        let slow = shared.clone();
        async move {
            clock.fetch_add(slow.load(SeqCst) as u64 * 5_000_000, SeqCst);
            echo(call)
        }
    });
    let call = |rig: &mut Rig| {
        let id = rig.unary(b"x");
        rig.transmit();
        rig.poll();
        let mut tasks = rig.spawned();
        tasks.iter_mut().for_each(|task| task.poll());
        assert_eq!(rig.pull(id), Ok(b"x".to_vec()));
        tasks.len()
    };
    assert_eq!(call(&mut rig), 0, "nothing is known of it");
    assert_eq!(call(&mut rig), 1);
    slow.store(0, SeqCst);
    let later: Vec<_> = (0..40).map(|_| call(&mut rig)).collect();
    assert_eq!((later[0], later[39]), (1, 0));
    assert_eq!(rig.hub.counts().handlers, 0);
}

#[test]
fn a_connection_with_much_to_do_gives_way_to_others_and_comes_back() {
    let mut rig = Rig::serving(|call, clock| async move {
        // Not enough for a method of its own task.
        clock.fetch_add(40_000, SeqCst);
        echo(call)
    });
    let ids: Vec<_> = (0..60u8).map(|i| rig.unary(&[i])).collect();
    rig.transmit();
    let mut turns = 0;
    while turns == 0 || rig.woken() > 0 {
        rig.poll();
        turns += 1;
    }
    assert!((3..20).contains(&turns), "{turns} turns");
    for (i, id) in (0..60u8).zip(ids) {
        assert_eq!(rig.pull(id), Ok(vec![i]));
    }
}
