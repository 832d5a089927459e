//! Everything at once, on several threads and on a seed: every call ends, with a definite status, and nothing is left.

use super::ends::Counted;
use super::*;
use proto_core::testkit::Random;
use rt_smol::{BackoffConfig, Cancel, Code, SendError};
use smol::future::{poll_once, yield_now, zip};

/// How a call may end here.
fn definite(result: Result<(), Status>) {
    if let Err(status) = result {
        let expected = [Code::Unavailable, Code::Cancelled, Code::DeadlineExceeded];
        assert!(expected.contains(&status.code()), "{status}");
    }
}

async fn echo(channel: &Channel, body: Vec<u8>) -> Result<(), Status> {
    let request = request(&body).with_wait_for_ready().with_timeout(LONG);
    channel.unary(&ECHO, request).await.map(|reply| assert!(reply[..] == body[..]))
}

async fn chat(channel: &Channel, messages: u8, length: usize) -> Result<(), Status> {
    let (mut requests, mut replies) = channel.bidi(&CHAT, none().with_timeout(LONG)).split();
    let sending = async move {
        for i in 0..messages {
            match requests.send(Bytes::from(vec![i; length])).await {
                Err(SendError::Ended) => break,
                other => other?,
            }
        }
        Ok::<(), Status>(requests.finish().await?)
    };
    let receiving = async {
        let mut expected = 0;
        while let Some(reply) = replies.recv().await? {
            assert!(reply[..] == vec![expected; length][..]);
            expected += 1;
        }
        assert_eq!(expected, messages);
        Ok(())
    };
    let (sent, received): (_, Result<(), Status>) = zip(sending, receiving).await;
    received.and(sent)
}

async fn operation(channel: &Channel, random: &mut Random) {
    let body = vec![7; random.below(3000)];
    match random.below(40) {
        0 => definite(unary(channel, &DIE, b"x").await.map(drop)),
        1..=4 => drop(channel.unary(&DROP, request(&body))),
        5..=8 => {
            let mut call = channel.unary(&ECHO, request(&body));
            for _ in 0..random.below(4) {
                if let Some(result) = poll_once(&mut call).await {
                    return definite(result.map(drop));
                }
                yield_now().await;
            }
        }
        9..=12 => {
            let cancel = Cancel::new();
            let call = channel.unary(&DROP, request(&body).cancel_on(&cancel));
            std::thread::spawn(move || cancel.cancel());
            definite(call.await.map(drop));
        }
        13..=16 => {
            let late = request(&body).with_timeout(Duration::from_micros(random.below(2000) as u64));
            definite(channel.unary(&DROP, late).await.map(drop));
        }
        17..=20 => {
            let mut replies = channel.streaming(&STREAM, request(&[50, 3]));
            for _ in 0..random.below(60) {
                match replies.next().await {
                    Some(reply) => {
                        let failed = reply.is_err();
                        definite(reply.map(drop));
                        if failed {
                            break;
                        }
                    }
                    None => break,
                }
            }
        }
        21..=26 => definite(chat(channel, 20, 1 + random.below(9000)).await),
        _ => definite(echo(channel, body).await),
    }
}

#[test]
fn every_call_ends_and_nothing_is_left() {
    for seed in 0..4 {
        run(async {
            let tasks = Counted::with_threads(3);
            let backoff = BackoffConfig { initial: MS, max: 5 * MS, ..BackoffConfig::default() };
            let channel = tasks.builder(serve(Behaviour::default())).backoff(backoff).build().expect("a target");
            let callers: Vec<_> = (0..8)
                .map(|caller| {
                    let channel = channel.clone();
                    tasks.spawn_one(async move {
                        let mut random = Random::seed(seed * 100 + caller);
                        for _ in 0..80 {
                            operation(&channel, &mut random).await;
                        }
                    })
                })
                .collect();
            for caller in callers {
                caller.await;
            }
            echo(&channel, vec![1; 100]).await.expect("the channel still works");
            drop(channel);
            tasks.all_have_ended().await;
        });
    }
}
