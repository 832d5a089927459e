//! A server's connection under a model checker: its task against handlers' tasks and a client, in every interleaving of a few
//! threads (`crate::models`). A scene holds when in each of them every call ends as it is to, every handler, and the
//! connection.

mod wire;

use super::drive::Drive;
use super::hub::Hub;
use super::tests::rig::{METHODS, echo, hub};
use crate::models::{Machine, NOW, block_on, check, join, thread};
use bytes::Bytes;
use futures_lite::future::yield_now;
use proto_core::call::{CallId, CallOptions, Head, Recv};
use proto_core::grpc::Code;
use proto_core::rpc::{Decode, Encode, MethodInfo, Raw, Received, ServerCall};
use proto_core::{Config, MessageBuf, Status};
use rt_common::settings::ServerSettings;
use std::future::{Future, pending};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::Duration;
use wire::Wire;

/// Times that a thread is preempted where it need not wait, at most.
const PREEMPTIONS: usize = 2;

const HOUR: Duration = Duration::from_secs(3600);

type Answer = (ServerCall, Result<(), Status>);

/// A connection after its handshake.
struct Stage {
    hub: Arc<Hub>,
    wire: Arc<Wire>,
}

impl Stage {
    fn new<F>(client: Config, handler: impl Fn(ServerCall) -> F + Send + Sync + 'static) -> (Self, Pin<Box<Drive>>)
    where
        F: Future<Output = Answer> + Send + 'static,
    {
        let mut settings = ServerSettings::default();
        settings.connection.max_unsent_per_call = 1;
        settings.connection.stream_window = 64;
        let hub = hub(Machine::new(), settings, handler);
        let wire = Arc::new(Wire::new(client));
        let mut task = Box::pin(hub.adopt(wire.clone()).expect("the first one"));
        for _ in 0..3 {
            wire.act(|_| ());
            assert!(task.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        }
        (Stage { hub, wire }, task)
    }

    fn start(&self, method: &MethodInfo, message: &[u8], last: bool) -> CallId {
        self.wire.act(|client| {
            let options = CallOptions { kind: method.kind, ..CallOptions::default() };
            let id = client.start(NOW, Head::new(method.path), &options).expect("it takes calls");
            let mut call = client.call(id).expect("it runs");
            let sent = if last { call.send_last(NOW, message) } else { call.send(NOW, message) };
            sent.expect("there is room");
            id
        })
    }

    fn unary(&self, message: &[u8]) -> CallId {
        self.start(&METHODS[0], message, true)
    }

    /// The client waits for the end of a call: how many messages came, and how it ended.
    fn end_of(&self, id: CallId) -> (usize, Code) {
        let mut messages = 0;
        let code = self.wire.until(|client| {
            loop {
                match client.call(id).expect("it was not released").recv(NOW, &mut MessageBuf::new()) {
                    Recv::Message => messages += 1,
                    Recv::End => return Some(Code::Ok),
                    Recv::Failed(status) => return Some(status.code()),
                    Recv::Pending => return None,
                }
            }
        });
        (messages, code)
    }
}

/// Runs a scene in every interleaving, beside the connection's task and those of its handlers.
fn holds<F>(
    name: &str,
    client: &Config,
    handler: impl Fn(ServerCall) -> F + Clone + Send + Sync + 'static,
    scene: impl Fn(&Stage) + Send + Sync + 'static,
) where
    F: Future<Output = Answer> + Send + 'static,
{
    let client = client.clone();
    check(name, PREEMPTIONS, move || {
        let (stage, mut task) = Stage::new(client.clone(), handler.clone());
        let task = thread(move || block_on(|cx| task.as_mut().poll(cx)));
        scene(&stage);
        stage.wire.end();
        join([task]);
        // Without a stop: ready when the connection and its handlers have ended.
        let mut ended = pin!(stage.hub.ended(false));
        assert_eq!(block_on(|cx| ended.as_mut().poll(cx)).left_behind, 0);
    });
}

/// Gives every message back.
async fn mirror(mut call: ServerCall) -> Answer {
    let mut requests = call.async_receiver(<Raw as Decode<Bytes>>::decode);
    let mut replies = call.async_sender(<Raw as Encode<Bytes>>::encode);
    let result = async {
        while let Some(message) = requests.recv().await? {
            replies.send(message).await?;
        }
        Ok(())
    }
    .await;
    drop((requests, replies));
    (call, result)
}

/// In a task of its own, if its request begins with this.
async fn later(call: ServerCall) -> Answer {
    let (call, result) = echo(call);
    if call.reply.message.starts_with(b"later") {
        yield_now().await;
    }
    (call, result)
}

#[test]
fn a_message_meets_a_handler_that_is_about_to_wait() {
    holds("a_message_meets_a_handler_that_is_about_to_wait", &Config::default(), mirror, |stage| {
        let id = stage.start(&METHODS[1], b"first", false);
        stage
            .wire
            .act(|client| client.call(id).expect("it runs").send_last(NOW, &b"second"[..]).expect("there is room"));
        assert_eq!(stage.end_of(id), (2, Code::Ok));
    });
}

#[test]
fn a_window_that_opens_meets_a_sender_that_is_about_to_wait() {
    // A message that does not fit the window fills the call's queue.
    let small = Config { stream_window: 64, ..Config::default() };
    let handler = |mut call: ServerCall| async {
        let mut replies = call.async_sender(<Raw as Encode<Bytes>>::encode);
        for _ in 0..2 {
            if replies.send(Bytes::from_static(&[7; 100])).await.is_err() {
                break;
            }
        }
        drop(replies);
        (call, Ok(()))
    };
    holds("a_window_that_opens_meets_a_sender_that_is_about_to_wait", &small, handler, |stage| {
        let id = stage.start(&METHODS[1], b"go", true);
        assert_eq!(stage.end_of(id), (2, Code::Ok));
    });
}

#[test]
fn a_call_cut_short_meets_a_handler_that_becomes_a_task() {
    let handler = |call: ServerCall| async {
        if call.context.method() == METHODS[1].path {
            pending::<()>().await;
        }
        echo(call)
    };
    holds("a_call_cut_short_meets_a_handler_that_becomes_a_task", &Config::default(), handler, |stage| {
        let id = stage.start(&METHODS[1], b"x", true);
        stage.wire.act(|client| client.call(id).expect("it runs").release(NOW));
        // The connection lives on: the handler is dropped for its call's sake alone.
        let id = stage.unary(b"x");
        assert_eq!(stage.end_of(id), (1, Code::Ok));
        while stage.hub.running() > 0 {
            loom::thread::yield_now();
        }
    });
}

#[test]
fn a_call_cut_short_meets_who_is_about_to_wait_for_its_end() {
    let handler = |call: ServerCall| async {
        if call.context.method() == METHODS[1].path {
            let context = call.context.clone();
            drop(thread(move || {
                let mut cancelled = pin!(context.cancelled());
                assert_eq!(block_on(|cx| cancelled.as_mut().poll(cx)).code(), Code::Cancelled);
            }));
            pending::<()>().await;
        }
        echo(call)
    };
    holds("a_call_cut_short_meets_who_is_about_to_wait_for_its_end", &Config::default(), handler, |stage| {
        let id = stage.start(&METHODS[1], b"x", true);
        stage.wire.act(|client| client.call(id).expect("it runs").release(NOW));
        // Whoever waits is told for the call's sake, though the connection lives on.
        let id = stage.unary(b"x");
        assert_eq!(stage.end_of(id), (1, Code::Ok));
        while stage.hub.running() > 0 {
            loom::thread::yield_now();
        }
    });
}

#[test]
fn what_a_handler_leaves_to_another_writer_leaves_too() {
    holds("what_a_handler_leaves_to_another_writer_leaves_too", &Config::default(), later, |stage| {
        let ids = [stage.unary(b"later"), stage.unary(b"now")];
        assert_eq!(ids.map(|id| stage.end_of(id)), [(1, Code::Ok); 2]);
    });
}

#[test]
fn a_window_opened_beside_a_handler_is_told_though_the_task_comes_to_rest() {
    let handler = |call: ServerCall| async {
        let handle = call.context.handle().expect("a call").clone();
        // No poll of a handler's task comes to its end with this: the window that opens is left to the connection's.
        drop(thread(move || {
            assert!(matches!(handle.recv(&mut MessageBuf::new(), Some(NOW)), Received::Message));
        }));
        pending::<()>().await;
        (call, Ok(()))
    };
    let name = "a_window_opened_beside_a_handler_is_told_though_the_task_comes_to_rest";
    holds(name, &Config::default(), handler, |stage| {
        let id = stage.start(&METHODS[1], &[7; 50], false);
        // There is no room for all of it before the first one is pulled.
        stage.wire.act(|client| client.call(id).expect("it runs").send(NOW, &[7; 50][..]).expect("it is queued"));
        stage.wire.until(|client| (client.unsent() == 0).then_some(()));
    });
}

#[test]
fn what_a_full_pipe_did_not_take_from_a_handler_leaves_when_there_is_room() {
    let name = "what_a_full_pipe_did_not_take_from_a_handler_leaves_when_there_is_room";
    holds(name, &Config::default(), later, |stage| {
        stage.wire.fill();
        let id = stage.unary(b"later");
        stage.wire.make_room();
        assert_eq!(stage.end_of(id), (1, Code::Ok));
    });
}

#[test]
fn a_held_call_begins_when_another_writer_makes_room() {
    let handler = |mut call: ServerCall| async {
        if call.context.method() != METHODS[1].path {
            return echo(call);
        }
        let mut replies = call.async_sender(<Raw as Encode<Bytes>>::encode);
        yield_now().await;
        // The first is heard, and another call comes; the second is more than may be unsent for that one to begin.
        for size in [1, 100] {
            replies.send(vec![7; size].into()).await.expect("there is room");
        }
        drop(replies);
        (call, Ok(()))
    };
    holds("a_held_call_begins_when_another_writer_makes_room", &Config::default(), handler, |stage| {
        let streams = stage.start(&METHODS[1], b"x", true);
        stage.wire.until(|client| {
            let mut call = client.call(streams).expect("it was not released");
            matches!(call.recv(NOW, &mut MessageBuf::new()), Recv::Message).then_some(())
        });
        let id = stage.unary(b"x");
        assert_eq!((stage.end_of(id), stage.end_of(streams)), ((1, Code::Ok), (1, Code::Ok)));
    });
}

#[test]
fn the_last_call_of_a_connection_that_drains_ends_while_its_task_comes_to_rest() {
    let name = "the_last_call_of_a_connection_that_drains_ends_while_its_task_comes_to_rest";
    holds(name, &Config::default(), later, |stage| {
        let id = stage.unary(b"later");
        stage.hub.stop(HOUR);
        assert!(matches!(stage.end_of(id), (1, Code::Ok) | (0, Code::Unavailable)));
        stage.wire.until_ended();
    });
}

#[test]
fn a_stop_reaches_a_task_at_work() {
    holds("a_stop_reaches_a_task_at_work", &Config::default(), later, |stage| {
        let id = stage.unary(b"now");
        stage.hub.stop(HOUR);
        stage.wire.until_ended();
        assert!(matches!(stage.end_of(id), (1, Code::Ok) | (0, Code::Unavailable)));
    });
}

#[test]
fn who_waits_for_the_servers_end_is_told_of_it() {
    let handler = |call| async {
        pending::<()>().await;
        (call, Ok(()))
    };
    holds("who_waits_for_the_servers_end_is_told_of_it", &Config::default(), handler, |stage| {
        let hub = stage.hub.clone();
        let waits = thread(move || {
            let mut ended = pin!(hub.ended(true));
            assert_eq!(block_on(|cx| ended.as_mut().poll(cx)).left_behind, 0);
        });
        stage.unary(b"x");
        stage.hub.stop(Duration::ZERO);
        join([waits]);
    });
}

#[test]
fn a_connection_that_is_lost_ends_what_waits_and_what_writes() {
    let handler = |call: ServerCall| async {
        if call.context.method() == METHODS[1].path { mirror(call).await } else { later(call).await }
    };
    holds("a_connection_that_is_lost_ends_what_waits_and_what_writes", &Config::default(), handler, |stage| {
        stage.start(&METHODS[1], b"x", false);
        stage.unary(b"later");
        stage.wire.end();
    });
}
