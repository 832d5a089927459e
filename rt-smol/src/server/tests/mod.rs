//! A connection step by step: what is written when and by whom, who is woken, what is dropped.

mod dropped;
mod ends;
mod last_words;
mod random;
pub(super) mod rig;

use bytes::Bytes;
use futures_lite::future::yield_now;
use proto_core::grpc::Code;
use proto_core::rpc::{CallEvent, Decode, Encode, Raw, Received, ServerCall};
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
    for _ in 0..10 {
        // The client reads, and its window opens.
        received += std::iter::from_fn(|| rig.pull(id).ok()).count();
        rig.hear();
        rig.poll();
    }
    assert!(received > 3, "{received} messages");
    assert_eq!(tasks[0].woken(), 1);
    tasks[0].poll();
    rig.poll();
    assert!(rig.pull(id).is_ok());
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

#[test]
fn what_is_sent_during_a_write_leaves_in_the_next_one_by_the_same_writer() {
    let kept = Arc::new(std::sync::Mutex::new(None));
    let shared = kept.clone();
    let mut rig = Rig::serving(move |mut call, _| {
        let replies = call.async_sender(<Raw as Encode<Bytes>>::encode);
        *shared.lock().expect("nobody panics") = Some(replies.pusher());
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
    let pusher = kept.lock().expect("nobody panics").take().expect("a call came");
    let second = pusher.clone();
    rig.pipe.during_next_write(move || second.try_send(Bytes::from_static(b"second")).expect("there is room"));
    let writes = rig.pipe.writes().len();
    pusher.try_send(Bytes::from_static(b"first")).expect("there is room");
    assert_eq!((rig.pipe.writes().len(), rig.woken()), (writes + 2, 0));
    assert_eq!((rig.pull(id), rig.pull(id)), (Ok(b"first".to_vec()), Ok(b"second".to_vec())));
}

#[test]
fn a_call_that_must_wait_for_output_to_drain_begins_when_it_has() {
    // Four of them are more than may be unsent; the client's windows are not opened before it reads.
    let mut rig = Rig::serving(|mut call, _| async {
        call.reply.message = vec![7; 400_000];
        (call, Ok(()))
    });
    let ids: Vec<_> = (0..6).map(|_| rig.unary(b"x")).collect();
    rig.transmit();
    rig.poll();
    let begun = rig.hub.stats.calls.get();
    assert!((3..6).contains(&begun), "{begun} of 6 have begun");
    for _ in 0..200 {
        rig.hear();
        if rig.woken() > 0 {
            rig.poll();
        }
        for id in &ids {
            let now = rig.now();
            if let Ok(mut call) = rig.client.call(*id) {
                let mut message = proto_core::MessageBuf::new();
                let _ = call.recv(now, &mut message);
            }
        }
    }
    assert_eq!(rig.hub.stats.calls.get(), 6);
}

#[test]
fn a_peer_that_reads_nothing_is_not_read_until_it_does() {
    let mut rig = Rig::serving(|call, _| async { echo(call) });
    rig.pipe.room(&[]);
    // PINGs; their answers pile up.
    let ping = [0, 0, 8, 6, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8];
    let flood = ping.repeat(3_000);
    for _ in 0..4 {
        rig.pipe.feed(&flood);
        rig.poll();
    }
    let left = rig.pipe.unread();
    assert!(left > 0, "all of {} bytes were read", flood.len() * 4);
    rig.poll();
    assert_eq!(rig.pipe.unread(), left);
    rig.pipe.room_for_all();
    while rig.woken() > 0 {
        rig.poll();
    }
    assert_eq!(rig.pipe.unread(), 0);
}

#[test]
fn output_that_nobody_is_about_to_write_wakes_the_connections_task() {
    let kept = Arc::new(std::sync::Mutex::new(None));
    let shared = kept.clone();
    let mut rig = Rig::serving(move |call: ServerCall, _| {
        *shared.lock().expect("nobody panics") = call.context.handle().cloned();
        async move {
            pending::<()>().await;
            (call, Ok(()))
        }
    });
    let id = rig.bidi();
    rig.send(id, &[7; 50_000]);
    rig.transmit();
    rig.poll();
    let mut tasks = rig.spawned();
    tasks[0].poll();
    let handle = kept.lock().expect("nobody panics").take().expect("a call came");
    let writes = rig.pipe.writes().len();
    // Pulled beside the handler's task: the window that opens is to be told, and no poll of a handler comes to its end.
    let mut message = proto_core::MessageBuf::new();
    assert!(matches!(handle.recv(&mut message, Some(rig.now())), Received::Message));
    assert_eq!((rig.woken(), rig.pipe.writes().len()), (1, writes));
    rig.poll();
    assert_eq!(rig.pipe.writes().len(), writes + 1);
}
