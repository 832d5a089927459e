//! Calls that go well, or that the server ends.

use super::server::{client, greeting, hello};
use super::*;
use proto_core::Config;
use rt_smol::{Code, SendError};
use smol::future::zip;

#[test]
fn all_four_shapes() {
    run(async {
        let channel = connect(serve(Behaviour::default())).await;
        assert_eq!(&unary(&channel, &ECHO, b"hello").await.expect("a reply")[..], b"hello");
        let mut replies = channel.streaming(&STREAM, request(&[5, 2]));
        let mut lengths = Vec::new();
        while let Some(reply) = replies.next().await {
            lengths.push(reply.expect("a reply").len());
        }
        assert_eq!(lengths, [200; 5]);
        let mut call = channel.client_streaming(&COUNT, none());
        call.send_all((0..10).map(|_| Bytes::from_static(b"abc"))).await.expect("the peer takes it");
        let reply = call.finish().await.expect("a reply");
        assert_eq!((&reply[..], reply.all_sent()), (&b"30"[..], true));
        let mut call = channel.bidi(&CHAT, none());
        for word in ["ping", "pong"] {
            call.send(Bytes::from(word)).await.expect("the peer takes it");
            assert_eq!(call.recv().await.expect("the call goes on").as_deref(), Some(word.as_bytes()));
        }
        call.finish().await.expect("the call runs");
        assert_eq!(call.recv().await.expect("it ends well"), None);
    });
}

#[test]
fn metadata_goes_both_ways_and_an_error_is_the_servers() {
    let (server, _news) = hello();
    run(async {
        let hello = client(&server);
        let request = Request::new(greeting("Ada")).with_metadata("x-user", "u1");
        let response = hello.say_hello(request).await.expect("a reply");
        assert_eq!(response.reply, "Ada from u1");
        assert_eq!(response.metadata().get("x-server"), Some("1"));
        assert_eq!(response.trailers().get("x-cost"), Some("3"));
        let status = hello.say_hello(greeting("fail")).await.expect_err("it fails");
        assert_eq!((status.code(), status.message()), (Code::NotFound, "no such greeting"));
        let bad = Request::new(greeting("Ada")).with_metadata("x-line", "a\nb");
        let status = hello.say_hello(bad).await.expect_err("a line feed");
        assert!(status.to_string().contains("x-line"), "{status}");
    });
}

#[test]
fn a_thousand_calls_at_once_on_one_connection() {
    run(async {
        let channel = connect(serve(Behaviour::default())).await;
        let body = |i: u32| i.to_be_bytes();
        let pending: Vec<_> = (0..1000).map(|i| channel.unary(&ECHO, request(&body(i)))).collect();
        for (i, pending) in (0..).zip(pending) {
            assert_eq!(pending.await.expect("a reply")[..], body(i));
        }
    });
}

#[test]
fn sixteen_tasks_share_a_connection_with_deadlines_and_streams() {
    run(async {
        let config = Config { max_concurrent_streams: 2_000, ..Config::default() };
        let channel = connect(serve(Behaviour { config, ..Behaviour::default() })).await;
        let executor = Arc::new(smol::Executor::new());
        let (until_dropped, dropped) = smol::channel::bounded::<()>(1);
        let threads: Vec<_> = (0..2)
            .map(|_| {
                let (executor, dropped) = (executor.clone(), dropped.clone());
                std::thread::spawn(move || smol::block_on(executor.run(dropped.recv())))
            })
            .collect();
        let tasks: Vec<_> = (0..16_u64)
            .map(|task| {
                let channel = channel.clone();
                executor.spawn(async move {
                    for i in 0..60_u64 {
                        let body = (task * 1_000 + i).to_be_bytes();
                        let request = request(&body);
                        let request = if task % 2 == 0 { request } else { request.with_timeout(LONG) };
                        assert_eq!(channel.unary(&ECHO, request).await.expect("a reply")[..], body);
                        if i % 20 == task {
                            let late = super::request(b"x").with_timeout(3 * MS);
                            let status = channel.unary(&DROP, late).await.expect_err("no answer");
                            assert_eq!(status.code(), Code::DeadlineExceeded, "{status}");
                        }
                    }
                })
            })
            .collect();
        let (mut requests, mut replies) = channel.bidi(&CHAT, none()).split();
        let sending = async move {
            for _ in 0..200 {
                requests.send(Bytes::from(vec![7; 20_000])).await.expect("the peer takes it");
            }
            requests.finish().await.expect("the call runs");
        };
        let receiving = async {
            let mut total = 0;
            while let Some(reply) = replies.next().await {
                total += reply.expect("a reply").len();
            }
            total
        };
        assert_eq!(zip(sending, receiving).await.1, 200 * 20_000);
        for task in tasks {
            task.await;
        }
        drop(until_dropped);
        threads.into_iter().for_each(|thread| assert!(thread.join().is_ok()));
    });
}

#[test]
fn messages_larger_than_every_window_go_both_ways() {
    run(async {
        let config = Config { max_receive_message_size: 8 << 20, ..Config::default() };
        let address = serve(Behaviour { config, ..Behaviour::default() });
        let builder = Channel::builder(address.to_string()).max_receive_message_size(8 << 20);
        let channel = builder.connect().await.expect("it connects");
        let body: Vec<u8> = (0..(6 << 20)).map(|i: u32| (i % 251) as u8).collect();
        let calls = zip(unary(&channel, &ECHO, &body), unary(&channel, &ECHO, &body)).await;
        assert!(calls.0.expect("a reply")[..] == body[..]);
        assert!(calls.1.expect("a reply")[..] == body[..]);
    });
}

#[test]
fn messages_over_the_limits_fail_their_call_alone() {
    run(async {
        let builder = Channel::builder(serve(Behaviour::default()).to_string());
        let builder = builder.max_send_message_size(500).max_receive_message_size(300);
        let channel = builder.build().expect("a target");
        let status = unary(&channel, &ECHO, &[1; 501]).await.expect_err("too large to send");
        assert_eq!(status.code(), Code::ResourceExhausted, "{status}");
        assert!(status.to_string().contains("max_send_message_size"), "{status}");
        let status = unary(&channel, &ECHO, &[1; 301]).await.expect_err("too large to receive");
        assert_eq!(status.code(), Code::ResourceExhausted, "{status}");
        let larger = request(&[1; 400]).with_max_receive_message_size(400);
        assert_eq!(channel.unary(&ECHO, larger).await.expect("inclusive").len(), 400);
        let mut call = channel.client_streaming(&COUNT, none());
        assert!(matches!(call.send(Bytes::from(vec![1; 501])).await, Err(SendError::Failed(_))));
        assert_eq!(call.finish().await.expect_err("it failed").code(), Code::ResourceExhausted);
        assert_eq!(unary(&channel, &ECHO, &[1; 300]).await.expect("inclusive").len(), 300);
    });
}

#[test]
fn the_server_answers_before_the_client_has_sent_everything_and_the_client_learns_it() {
    let (server, _news) = hello();
    run(async {
        let mut call = client(&server).lots_of_greetings();
        call.send(greeting("first")).await.expect("the server takes it");
        // The answer comes by itself; sending ends at some point.
        let ended = loop {
            if let Err(error) = call.send(greeting("more")).await {
                break error;
            }
            smol::future::yield_now().await;
        };
        assert!(matches!(ended, SendError::Ended), "{ended:?}");
        let response = call.finish().await.expect("a reply");
        assert_eq!((&response.reply[..], response.all_sent()), ("first", false));
    });
}

#[test]
fn headers_come_to_all_who_wait_for_them() {
    let (server, _news) = hello();
    run(async {
        let mut replies = client(&server).lots_of_replies(greeting("Ada"));
        let (a, b) = zip(replies.headers(), replies.headers()).await;
        assert_eq!(a.expect("headers").get("grpc-status"), b.expect("headers").get("grpc-status"));
        assert_eq!(replies.next().await.expect("a reply").expect("it goes well").reply, "0 Ada");
        assert!(replies.headers().await.is_ok() && replies.trailers().is_empty());
    });
}

#[test]
fn unix_sockets_and_names() {
    run(async {
        let path = std::env::temp_dir().join(format!("rt-smol-client-{}.sock", std::process::id()));
        let listener = std::os::unix::net::UnixListener::bind(&path).expect("a new socket");
        std::thread::spawn(move || {
            while let Ok((stream, _)) = listener.accept() {
                let pipe = SocketPipe::from_unix(stream).expect("it is connected");
                std::thread::spawn(move || peer::serve(&RealOs, &pipe, &Behaviour::default()));
            }
        });
        let channel = Channel::connect(format!("unix:{}", path.display())).await.expect("it connects");
        assert_eq!(&unary(&channel, &ECHO, b"hello").await.expect("a reply")[..], b"hello");
        std::fs::remove_file(path).expect("it is there");

        let target = format!("localhost:{}", serve(Behaviour::default()).port());
        let channel = Channel::connect(target).await.expect("it connects");
        assert_eq!(&unary(&channel, &ECHO, b"hello").await.expect("a reply")[..], b"hello");
    });
}
