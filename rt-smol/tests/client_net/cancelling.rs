//! Calls are on their way without being polled, and end when they are dropped.

use super::server::{Seen, client, greeting, hello};
use super::*;
use rt_smol::{Cancel, Code, SendError, TryRecvError};
use smol::future::poll_once;

fn began(text: &str) -> Seen {
    Seen::Began(text.into())
}

#[test]
fn a_call_is_on_its_way_without_being_polled() {
    let (server, news) = hello();
    // The channel is not even connected; nothing here polls anything.
    let hello = client(&server);
    let first = hello.say_hello(greeting("slow"));
    assert_eq!(news.recv(), Ok(began("slow")));
    // Now it is.
    let second = hello.say_hello(greeting("Ada"));
    assert_eq!(news.recv(), Ok(began("Ada")));
    let replies = hello.lots_of_replies(greeting("Bob"));
    assert_eq!(news.recv(), Ok(began("Bob")));
    let bidi = hello.bidi_hello();
    assert_eq!(news.recv(), Ok(began("bidi")));
    drop((first, second, replies, bidi));
}

#[test]
fn dropping_a_call_ends_the_work_of_its_handler() {
    let (server, news) = hello();
    run(async {
        let hello = client(&server);
        let pending = hello.say_hello(greeting("slow"));
        assert_eq!(news.recv(), Ok(began("slow")));
        drop(pending);
        assert_eq!(news.recv(), Ok(Seen::Ended(Err(Code::Cancelled))));

        let mut polled = hello.say_hello(greeting("slow"));
        assert!(poll_once(&mut polled).await.is_none());
        assert_eq!(news.recv(), Ok(began("slow")));
        drop(polled);
        assert_eq!(news.recv(), Ok(Seen::Ended(Err(Code::Cancelled))));

        let mut replies = hello.lots_of_replies(greeting("Bob"));
        assert_eq!(news.recv(), Ok(began("Bob")));
        assert!(replies.next().await.expect("a reply").is_ok());
        drop(replies);
        assert!(matches!(news.recv(), Ok(Seen::Ended(Err(_)))));
        // The connection goes on.
        assert_eq!(hello.say_hello(greeting("Ada")).await.expect("a reply").reply, "Ada from nobody");
    });
}

#[test]
fn a_call_that_is_dropped_before_there_is_a_connection_never_leaves() {
    let address = TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a free port");
    run(async {
        let channel = Channel::new(address.to_string()).expect("a target");
        drop(channel.unary(&DIE, request(b"x").with_wait_for_ready()));
        let waiting = channel.unary(&ECHO, request(b"y").with_wait_for_ready());
        let listener = TcpListener::bind(address).expect("still free");
        std::thread::spawn(move || accept(&listener, &Behaviour::default()));
        assert_eq!(&waiting.await.expect("nobody died")[..], b"y");
    });
}

#[test]
fn a_token_ends_calls_wherever_they_are() {
    let (server, news) = hello();
    run(async {
        let hello = client(&server);
        let cancel = Cancel::new();
        let pending = hello.say_hello(Request::new(greeting("slow")).cancel_on(&cancel));
        assert_eq!(news.recv(), Ok(began("slow")));
        let token = cancel.clone();
        std::thread::spawn(move || token.cancel());
        assert_eq!(pending.await.expect_err("it was cancelled").code(), Code::Cancelled);
        assert_eq!(news.recv(), Ok(Seen::Ended(Err(Code::Cancelled))));
        // Used already.
        let status = hello.say_hello(Request::new(greeting("Ada")).cancel_on(&cancel)).await;
        assert_eq!(status.expect_err("it was cancelled").code(), Code::Cancelled);
        // Before there is a connection.
        let nowhere = Channel::new("unix:/no/such/socket").expect("a target");
        let cancel = Cancel::new();
        let waiting = nowhere.unary(&ECHO, request(b"x").with_wait_for_ready().cancel_on(&cancel));
        cancel.cancel();
        assert_eq!(waiting.await.expect_err("it was cancelled").code(), Code::Cancelled);
        assert!(news.try_recv().is_err());
    });
}

#[test]
fn dropping_one_half_early_cancels_and_finishing_does_not() {
    run(async {
        let channel = connect(serve(Behaviour::default())).await;
        let (mut requests, mut replies) = channel.bidi(&CHAT, none()).split();
        requests.send(Bytes::from_static(b"a")).await.expect("the peer takes it");
        requests.finish().await.expect("the call runs");
        assert_eq!(replies.recv().await.expect("a reply").as_deref(), Some(&b"a"[..]));
        assert_eq!(replies.recv().await.expect("it ended well"), None);
        assert!(matches!(replies.try_recv(), Err(TryRecvError::Ended)));

        let (requests, mut replies) = channel.bidi(&CHAT, none()).split();
        drop(requests);
        assert_eq!(replies.recv().await.expect_err("cancelled").code(), Code::Cancelled);

        let (mut requests, replies) = channel.bidi(&CHAT, none()).split();
        requests.send(Bytes::from_static(b"a")).await.expect("the peer takes it");
        drop(replies);
        assert!(matches!(requests.send(Bytes::from_static(b"b")).await, Err(SendError::Ended)));

        // Finished by this side: the call goes on, and nothing says otherwise.
        let mut call = channel.bidi(&CHAT, none());
        call.send(Bytes::from_static(b"a")).await.expect("the peer takes it");
        call.finish().await.expect("the call runs");
        let late = call.send(Bytes::from_static(b"b")).await.expect_err("it has finished");
        assert!(matches!(late, SendError::Ended) && late.to_string() != "the call has ended", "{late}");
        assert_ne!(proto_core::Status::from(late).message(), "the call has ended");
        assert_eq!(call.recv().await.expect("a reply").as_deref(), Some(&b"a"[..]));

        // Of a pending one half, the other one learns.
        let (requests, mut replies) = channel.bidi(&CHAT, none()).split();
        let waiting = smol::spawn(async move { replies.recv().await });
        drop(requests);
        assert_eq!(waiting.await.expect_err("cancelled").code(), Code::Cancelled);
    });
}
