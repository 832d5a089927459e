//! Calls that the server certainly did not process are sent again, polled or not.

use super::*;
use refuser::Refusal;
use smol::future::zip;

/// Refuses the first call of its first connection, after so many bytes of body, and serves all others.
fn refuse_once(refusal: Refusal, bytes: usize) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    std::thread::spawn(move || {
        let (stream, _) = listener.accept().expect("a connection");
        let pipe = SocketPipe::from_tcp(stream).expect("it is connected");
        std::thread::spawn(move || refuser::refuse(&pipe, refusal, bytes));
        accept(&listener, &Behaviour::default());
    });
    address
}

#[test]
fn a_unary_call_that_was_refused_is_sent_again() {
    for refusal in [Refusal::Stream, Refusal::GoAway] {
        let channel = Channel::new(refuse_once(refusal, 0).to_string()).expect("a target");
        let reply = run(unary(&channel, &ECHO, b"x"));
        assert_eq!(&reply.expect("the second connection takes it")[..], b"x", "{refusal:?}");
    }
}

#[test]
fn a_call_that_was_refused_is_sent_again_though_nobody_polls_it() {
    let channel = Channel::new(refuse_once(Refusal::GoAway, 0).to_string()).expect("a target");
    let unpolled = channel.unary(&MEET, request(&[2]));
    // They meet on the second connection.
    assert_eq!(&run(unary(&channel, &MEET, &[2])).expect("both are there")[..], b"met");
    assert_eq!(&run(unpolled).expect("it was there")[..], b"met");
}

#[test]
fn a_streaming_call_that_was_refused_is_sent_again_in_full() {
    for refusal in [Refusal::Stream, Refusal::GoAway] {
        let channel = Channel::new(refuse_once(refusal, 30_000).to_string()).expect("a target");
        let (mut requests, mut replies) = channel.bidi(&CHAT, none()).split();
        let sending = async move {
            for i in 0..50 {
                requests.send(Bytes::from(vec![i; 1_000])).await.expect("one connection or the other takes it");
            }
            requests.finish().await.expect("the call runs");
        };
        let receiving = async {
            let mut seen = Vec::new();
            while let Some(reply) = replies.next().await {
                seen.push(reply.expect("a reply"));
            }
            seen
        };
        let ((), seen) = run(zip(sending, receiving));
        assert!(seen == (0..50).map(|i| vec![i; 1_000]).collect::<Vec<_>>(), "each once, in order: {refusal:?}");
    }
}

#[test]
fn a_call_that_was_finished_before_it_was_refused_is_finished_again() {
    let channel = Channel::new(refuse_once(Refusal::Stream, 300).to_string()).expect("a target");
    run(async {
        let mut call = channel.client_streaming(&COUNT, none());
        call.send_all((0..3).map(|_| Bytes::from(vec![1; 95]))).await.expect("it is taken");
        assert_eq!(&call.finish().await.expect("a reply")[..], b"285");
    });
}
