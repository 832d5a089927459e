//! Futures that are dropped half-way lose nothing and send nothing twice; and sending waits for the peer.

use super::*;
use futures_sink::Sink;
use rt_smol::{SendError, TryRecvError, TrySendError};
use smol::future::{poll_once, yield_now};
use std::future::poll_fn;
use std::pin::Pin;

#[test]
fn a_dropped_next_loses_no_message() {
    run(async {
        let channel = connect(serve(Behaviour::default())).await;
        let (mut requests, mut replies) = channel.bidi(&CHAT, none()).split();
        for i in 0..200_u8 {
            assert!(poll_once(replies.next()).await.is_none(), "nothing was sent yet");
            assert!(poll_once(replies.recv_timeout(LONG)).await.is_none());
            requests.send(Bytes::from(vec![i; 3])).await.expect("the peer takes it");
            let reply = loop {
                match poll_once(replies.next()).await {
                    Some(reply) => break reply,
                    None => yield_now().await,
                }
            };
            assert_eq!(reply.expect("one more").expect("a reply")[..], [i; 3]);
        }
    });
}

#[test]
fn a_dropped_send_has_sent_all_or_nothing() {
    run(async {
        let channel = connect(serve(Behaviour::default())).await;
        let (mut requests, mut replies) = channel.bidi(&CHAT, none()).split();
        let message = |i: u8| Bytes::from(vec![i; 10_000]);
        let mut sent = 0;
        // Nobody takes the replies, so the peer stops reading at some point.
        while poll_once(requests.send(message(sent))).await.is_some_and(|sent| sent.is_ok()) {
            sent += 1;
        }
        let echoed = smol::spawn(async move {
            let mut echoed = Vec::new();
            while let Some(reply) = replies.next().await {
                echoed.push(reply.expect("a reply"));
            }
            echoed
        });
        for i in sent..200 {
            while poll_once(requests.send(message(i))).await.map(|sent| sent.expect("the peer takes it")).is_none() {
                yield_now().await;
            }
        }
        requests.finish().await.expect("the call runs");
        assert!(echoed.await == (0..200).map(message).collect::<Vec<_>>(), "each once, in order");
    });
}

#[test]
fn a_dropped_send_all_sends_what_it_has_taken_from_its_iterator() {
    run(async {
        let channel = connect(serve(Behaviour::default())).await;
        let (mut requests, mut replies) = channel.bidi(&CHAT, none()).split();
        let message = |i: u8| Bytes::from(vec![i; 10_000]);
        let mut messages = (0..200).map(message);
        // Nobody takes the replies, so the peer stops reading at some point; then one is in between.
        assert!(poll_once(requests.send_all(messages.by_ref())).await.is_none());
        let taken = 200 - messages.len();
        let echoed = smol::spawn(async move {
            let mut echoed = Vec::new();
            while let Some(reply) = replies.next().await {
                echoed.push(reply.expect("a reply"));
            }
            echoed
        });
        while poll_once(requests.send_all(messages.by_ref())).await.is_none() {
            yield_now().await;
        }
        requests.finish().await.expect("the call runs");
        assert!(taken > 1 && echoed.await == (0..200).map(message).collect::<Vec<_>>(), "each once, in order");
    });
}

#[test]
fn try_send_gives_the_message_back_when_the_peer_does_not_read() {
    run(async {
        let channel = Channel::new(serve(Behaviour { pause: Some(200 * MS), ..Behaviour::default() }).to_string());
        let mut call = channel.expect("a target").bidi(&CHAT, none());
        call.send(Bytes::from_static(b"first")).await.expect("the peer takes it");
        let (mut sent, message) = (1, Bytes::from(vec![7; 10_000]));
        let full = loop {
            match call.try_send(message.clone()) {
                Ok(()) => sent += 1,
                Err(TrySendError::Full(back)) => break back,
                Err(error) => panic!("{error}"),
            }
        };
        assert_eq!(full, message);
        assert!(matches!(call.try_recv(), Err(TryRecvError::Empty)));
        assert!(matches!(call.recv_timeout(MS).await, Err(TryRecvError::Empty)));
        // There is room again once it reads.
        call.send(message).await.expect("the peer takes it");
        call.finish().await.expect("the call runs");
        let mut replies = 0;
        while let Some(reply) = call.next().await {
            assert!(!reply.expect("a reply").is_empty());
            replies += 1;
        }
        assert_eq!(replies, sent + 1);
    });
}

async fn pour(mut sink: impl Sink<Bytes, Error = SendError> + Unpin, messages: u8) -> Result<(), SendError> {
    for i in 0..messages {
        poll_fn(|cx| Pin::new(&mut sink).poll_ready(cx)).await?;
        Pin::new(&mut sink).start_send(Bytes::from(vec![i; 10_000]))?;
    }
    poll_fn(|cx| Pin::new(&mut sink).poll_flush(cx)).await?;
    poll_fn(|cx| Pin::new(&mut sink).poll_close(cx)).await
}

#[test]
fn requests_are_a_sink() {
    run(async {
        // It starts before there is a connection, and the peer does not read at first.
        let channel = Channel::new(serve(Behaviour { pause: Some(50 * MS), ..Behaviour::default() }).to_string());
        let channel = channel.expect("a target");
        let (requests, mut replies) = channel.bidi(&CHAT, none()).split();
        let pouring = smol::spawn(pour(requests, 60));
        let mut seen = Vec::new();
        while let Some(reply) = replies.next().await {
            seen.push(reply.expect("a reply")[0]);
        }
        assert_eq!(seen, (0..60).collect::<Vec<_>>());
        pouring.await.expect("the peer takes it");

        let mut call = channel.client_streaming(&COUNT, none());
        poll_fn(|cx| Pin::new(&mut call).poll_ready(cx)).await.expect("it starts");
        Pin::new(&mut call).start_send(Bytes::from_static(b"abc")).expect("it is accepted");
        // What the sink has accepted goes before the half-close.
        assert_eq!(&call.finish().await.expect("a reply")[..], b"3");
    });
}
