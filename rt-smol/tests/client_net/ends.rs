//! How channels and connections end, and that nothing of them is left.

use super::*;
use proto_build_testing::hello::v1::{HelloServiceClient, HelloServiceServer};
use rt_smol::{ChannelBuilder, Code, Local, Origin, Seen, State, serve_connection};
use std::io::Read;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::mpsc;

#[test]
fn a_server_killed_in_mid_call_gives_a_status_and_the_next_call_reconnects() {
    run(async {
        let channel = connect(serve(Behaviour::default())).await;
        let calls: Vec<_> = (0..7).map(|_| channel.unary(&DROP, request(b"x"))).collect();
        let mut streaming = channel.bidi(&CHAT, none());
        streaming.send(Bytes::from_static(b"x")).await.expect("it is taken");
        assert!(streaming.recv().await.expect("a reply").is_some());
        let mut statuses = vec![unary(&channel, &DIE, b"x").await.expect_err("the server dies")];
        for call in calls {
            statuses.push(call.await.expect_err("the server dies"));
        }
        statuses.push(streaming.recv().await.expect_err("the server dies"));
        for status in statuses {
            assert_eq!(status.code(), Code::Unavailable, "{status}");
            assert_ne!(status.seen_by_server(), Seen::No, "{status}");
        }
        assert_eq!(&unary(&channel, &ECHO, b"again").await.expect("a reply")[..], b"again");
    });
}

#[test]
fn shutdown_ends_every_call_that_waits() {
    run(async {
        let channel = connect(serve(Behaviour::default())).await;
        let calls: Vec<_> = (0..4).map(|_| channel.unary(&DROP, request(b"x"))).collect();
        let mut chat = channel.bidi(&CHAT, none());
        chat.send(Bytes::from_static(b"x")).await.expect("it is taken");
        assert!(chat.recv().await.expect("a reply").is_some());
        let waiting = smol::spawn(async move { chat.recv().await });
        channel.shutdown(20 * MS).await;
        for call in calls {
            assert_eq!(call.await.expect_err("it was cut").code(), Code::Unavailable);
        }
        assert_eq!(waiting.await.expect_err("it was cut").code(), Code::Unavailable);
        assert_eq!(channel.state(true), State::Shutdown);
        let status = unary(&channel, &ECHO, b"x").await.expect_err("it was shut down");
        assert_eq!(status.origin(), Origin::Local(Local::Shutdown));
    });
}

#[test]
fn shutdown_waits_for_calls_and_no_longer() {
    run(async {
        let channel = connect(serve(Behaviour::default())).await;
        let mut chat = channel.bidi(&CHAT, none());
        chat.send(Bytes::from_static(b"x")).await.expect("it is taken");
        let ending = channel.clone();
        let ended = smol::spawn(async move { ending.shutdown(2 * LONG).await });
        while channel.state(false) != State::Shutdown {
            smol::future::yield_now().await;
        }
        assert!(chat.recv().await.expect("a reply").is_some());
        chat.finish().await.expect("it runs");
        assert!(chat.recv().await.expect("it ends well").is_none());
        ended.await;
    });
}

/// An executor with threads that knows how many of the tasks live that channels gave it.
#[derive(Clone)]
pub struct Counted {
    executor: Arc<smol::Executor<'static>>,
    alive: Arc<AtomicUsize>,
    _until_dropped: smol::channel::Sender<()>,
}

struct Alive(Arc<AtomicUsize>);

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.fetch_sub(1, SeqCst);
    }
}

impl Counted {
    pub fn with_threads(count: usize) -> Self {
        let executor = Arc::new(smol::Executor::new());
        let (until_dropped, dropped) = smol::channel::bounded(1);
        for _ in 0..count {
            let (executor, dropped) = (Arc::downgrade(&executor), dropped.clone());
            std::thread::spawn(move || {
                let Some(executor) = executor.upgrade() else { return };
                let _: Result<(), _> = smol::block_on(executor.run(dropped.recv()));
            });
        }
        Counted { executor, alive: Arc::default(), _until_dropped: until_dropped }
    }

    pub fn spawn_one(&self, task: impl Future<Output = ()> + Send + 'static) -> smol::Task<()> {
        self.executor.spawn(task)
    }

    pub fn alive(&self) -> usize {
        self.alive.load(SeqCst)
    }

    pub async fn all_have_ended(&self) {
        while self.alive() > 0 {
            smol::Timer::after(MS).await;
        }
    }

    /// A channel whose tasks are counted.
    pub fn builder(&self, target: SocketAddr) -> ChannelBuilder {
        let (executor, alive) = (self.executor.clone(), self.alive.clone());
        Channel::builder(target.to_string()).executor(move |task| {
            alive.fetch_add(1, SeqCst);
            let alive = Alive(alive.clone());
            let counted = async move {
                task.await;
                drop(alive);
            };
            executor.spawn(counted).detach();
        })
    }

    fn connect(&self, target: SocketAddr) -> Channel {
        self.builder(target).build().expect("a target")
    }
}

#[test]
fn the_last_clone_and_the_last_call_take_connection_and_tasks_with_them() {
    let (closed, ends) = mpsc::channel();
    let (inner, address) = (serve(Behaviour::default()), TcpListener::bind("127.0.0.1:0").expect("a free port"));
    let target = address.local_addr().expect("it is bound");
    // A relay that tells when the client's side has ended.
    std::thread::spawn(move || {
        while let Ok((mut near, _)) = address.accept() {
            let mut far = TcpStream::connect(inner).expect("the peer listens");
            let (mut back, mut to) = (far.try_clone().expect("a copy"), near.try_clone().expect("a copy"));
            std::thread::spawn(move || std::io::copy(&mut back, &mut to));
            let closed = closed.clone();
            std::thread::spawn(move || {
                let _ = std::io::copy(&mut near, &mut far);
                let _ = closed.send(());
            });
        }
    });
    run(async {
        let tasks = Counted::with_threads(1);
        let channel = tasks.connect(target);
        let other = channel.clone();
        let mut replies = channel.streaming(&STREAM, request(&[2, 1]));
        assert!(replies.next().await.expect("a reply").is_ok());
        drop(channel);
        assert!(unary(&other, &ECHO, b"x").await.is_ok());
        drop(other);
        // The call that goes on keeps all.
        assert!(replies.next().await.expect("a reply").is_ok());
        assert!(replies.next().await.is_none());
        assert!(ends.try_recv().is_err());
        assert!(tasks.alive() > 0);
        drop(replies);
        tasks.all_have_ended().await;
        ends.recv_timeout(LONG).expect("the socket is closed");
    });
}

#[test]
fn a_channel_that_was_never_used_has_no_tasks_and_one_that_waits_leaves_none() {
    run(async {
        let tasks = Counted::with_threads(1);
        drop(tasks.connect("127.0.0.1:1".parse().expect("an address")));
        assert_eq!(tasks.alive(), 0);
        // In the handshake, in backoff, with calls that wait.
        let silent = raw_peer(|mut stream| drop(std::thread::spawn(move || stream.read(&mut [0; 1000]).map(drop))));
        let nobody = TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a free port");
        for target in [silent, nobody] {
            let channel = tasks.connect(target);
            let waiting = channel.unary(&ECHO, request(b"x").with_wait_for_ready());
            let _ = channel.unary(&ECHO, request(b"x").with_timeout(20 * MS)).await;
            drop(channel);
            drop(waiting);
            tasks.all_have_ended().await;
        }
    });
}

#[test]
fn who_waits_learns_that_the_executor_is_gone() {
    run(async {
        let executor = Arc::new(smol::Executor::new());
        let spawner = Arc::downgrade(&executor);
        let spawn = move |task| match spawner.upgrade() {
            Some(executor) => executor.spawn(task).detach(),
            None => drop(task),
        };
        let channel = Channel::builder(serve(Behaviour::default()).to_string()).executor(spawn).build();
        let channel = channel.expect("a target");
        let reply = executor.run(unary(&channel, &ECHO, b"x")).await;
        assert!(reply.is_ok());
        let running = channel.unary(&DROP, request(b"x"));
        drop(executor);
        let status = running.await.expect_err("nobody reads");
        assert!(status.to_string().contains("executor"), "{status}");
        let status = unary(&channel, &ECHO, b"x").await.expect_err("nobody connects");
        assert_eq!(status.code(), Code::Unavailable);
        assert!(status.to_string().contains("executor"), "{status}");
        assert_eq!(channel.state(true), State::TransientFailure);
    });
}

#[test]
fn a_channel_over_any_byte_stream() {
    run(async {
        let (near, far) = smol::net::unix::UnixStream::pair().expect("a pair");
        let serving = smol::spawn(serve_connection(far, HelloServiceServer::new(greeter::Greeter)));
        let channel = Channel::from_io(near);
        let hello = HelloServiceClient::new(channel.clone());
        let greeting = || super::server::greeting("Ada");
        for _ in 0..3 {
            assert_eq!(hello.say_hello(greeting()).await.expect("a reply").reply, "Hello, Ada!");
        }
        channel.shutdown(LONG).await;
        drop((channel, hello));
        assert_eq!(serving.await.expect("it served").calls, 3);

        let (near, far) = smol::net::unix::UnixStream::pair().expect("a pair");
        drop(far);
        let channel = Channel::builder("http://api.example:443").from_io(near).expect("a target");
        for _ in 0..2 {
            let status = unary(&channel, &ECHO, b"x").await.expect_err("the stream has ended");
            assert_eq!(status.code(), Code::Unavailable, "{status}");
        }
    });
}

#[test]
fn a_channel_whose_byte_stream_has_ended_fails_every_call_at_once() {
    run(async {
        let (near, far) = smol::net::unix::UnixStream::pair().expect("a pair");
        let serving = smol::spawn(serve_connection(far, HelloServiceServer::new(greeter::Greeter)));
        let channel = Channel::builder("http://api.example:443").from_io(near).expect("a target");
        let hello = HelloServiceClient::new(channel.clone());
        hello.say_hello(super::server::greeting("Ada")).await.expect("a reply");
        drop(serving);
        let mut state = channel.state(false);
        while state != State::Shutdown {
            state = channel.wait_for_change(state, LONG).await;
        }
        for request in [request(b"x"), request(b"x").with_wait_for_ready()] {
            let status = channel.unary(&ECHO, request).await.expect_err("the stream has ended");
            let text = status.to_string();
            assert_eq!((status.code(), status.seen_by_server()), (Code::Unavailable, Seen::No), "{text}");
            assert!(text.contains("the channel's byte stream takes no more calls"), "{text}");
            assert!(!text.contains("unix:stream") && !text.contains("next attempt"), "{text}");
        }
    });
}

#[test]
fn a_byte_stream_is_not_ended_for_being_idle() {
    run(async {
        let (near, far) = smol::net::unix::UnixStream::pair().expect("a pair");
        let _serving = smol::spawn(serve_connection(far, HelloServiceServer::new(greeter::Greeter)));
        let channel = Channel::builder("http://api.example:443").idle_timeout(Some(MS)).from_io(near);
        let hello = HelloServiceClient::new(channel.expect("a target"));
        for _ in 0..2 {
            assert_eq!(hello.say_hello(super::server::greeting("Ada")).await.expect("a reply").reply, "Hello, Ada!");
            smol::Timer::after(20 * MS).await;
        }
    });
}

#[test]
fn calls_of_a_byte_stream_whose_server_is_going_away_end_well() {
    run(async {
        let (near, far) = smol::net::unix::UnixStream::pair().expect("a pair");
        let server = rt_smol::Server::builder().max_connection_age(500 * MS, LONG);
        let _serving = smol::spawn(server.add_service(HelloServiceServer::new(greeter::Greeter)).serve_connection(far));
        let hello = HelloServiceClient::new(Channel::from_io(near));
        let mut open = hello.bidi_hello();
        open.send(super::server::greeting("Cy")).await.expect("the call is open");
        assert!(open.recv().await.expect("it has begun").is_some());
        // Until the server has said that it takes no more calls.
        let status = loop {
            match hello.say_hello(super::server::greeting("Ada")).await {
                Ok(_) => smol::Timer::after(MS).await,
                Err(status) => break status,
            };
        };
        assert!(status.to_string().contains("the channel's byte stream"), "{status}");
        for name in ["Ada", "Bob"] {
            open.send(super::server::greeting(name)).await.expect("the call is open");
            let reply = open.recv().await.expect("it was begun before").expect("a reply");
            assert_eq!(reply.reply, format!("Hello, {name}!"));
        }
        open.finish().await.expect("the call is open");
        assert!(open.recv().await.expect("it ends well").is_none());
    });
}

mod greeter {
    include!("../support/greeter.rs");
}
