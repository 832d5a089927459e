//! Client and server over the seam for systems other than Unix, which runs here too.

include!("support/hello.rs");

use rt_std::os::Os;
use rt_std::os::portable::PortableOs;
use std::sync::Arc;

const LONG: Duration = Duration::from_secs(20);

fn os() -> Arc<dyn Os> {
    PortableOs::shared()
}

fn serve(address: &str) -> Running {
    let server = Server::builder().os(os()).add_service(hello::HelloServiceServer::blocking(Greeter));
    server.max_receive_message_size(8 << 20).bind(address).expect("a free port").spawn()
}

fn client(server: &Running) -> HelloServiceClient<Channel> {
    let channel = Channel::builder(server.address().to_string()).os(os()).max_receive_message_size(8 << 20);
    HelloServiceClient::new(channel.connect().expect("the server takes connections"))
}

#[test]
fn all_four_shapes_with_large_messages_and_from_several_threads() {
    let server = serve("127.0.0.1:0");
    let hello = client(&server);
    let large = "x".repeat(3 << 20);
    assert_eq!(hello.say_hello(greeting(&large)).expect("a reply").reply.len(), large.len() + 8);
    let replies: Result<Vec<_>, Status> = hello.lots_of_replies(greeting("Ada")).collect();
    assert_eq!(replies.expect("replies").len(), 10);
    let mut call = hello.lots_of_greetings();
    call.send_all((0..1_000).map(|_| greeting(&large[..1_000]))).expect("the server takes it");
    assert_eq!(call.finish().expect("a reply").reply.len(), 1_000 * 1_002 - 2);
    let (mut requests, replies) = hello.bidi_hello().split();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            requests.send_all((0..50).map(|_| greeting(&large[..30_000]))).expect("the server takes it");
            requests.finish().expect("it runs");
        });
        assert_eq!(replies.map(|reply| reply.expect("a reply").reply.len()).sum::<usize>(), 50 * 30_008);
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..50 {
                    assert_eq!(hello.say_hello(greeting("Ada")).expect("a reply").reply, "Hello, Ada!");
                }
            });
        }
    });
    drop(hello);
    assert_eq!(server.shutdown(LONG).forced, 0);
}

#[test]
fn deadlines_and_cancelling_reach_both_sides() {
    let server = serve("127.0.0.1:0");
    let hello = client(&server);
    let slow = Request::new(greeting("slow")).with_timeout(Duration::from_millis(20));
    assert_eq!(hello.say_hello(slow).expect_err("no time").code(), Code::DeadlineExceeded);
    let cancel = Cancel::new();
    let status = std::thread::scope(|scope| {
        let (hello, token) = (&hello, cancel.clone());
        let waiting = scope.spawn(move || hello.say_hello(Request::new(greeting("slow")).cancel_on(&token)));
        std::thread::sleep(Duration::from_millis(10));
        cancel.cancel();
        waiting.join().expect("no panic").expect_err("it was cancelled")
    });
    assert_eq!(status.code(), Code::Cancelled);
    drop(hello);
    // The handlers sleep for ten minutes if they do not hear of it.
    assert_eq!(server.shutdown(LONG).forced, 0);
}

#[test]
fn a_server_that_went_away_is_an_error_and_one_that_came_back_is_found() {
    let server = serve("127.0.0.1:0");
    let address = server.address().to_string();
    let channel = Channel::builder(&address).os(os());
    let channel = channel.backoff(BackoffConfig { initial: Duration::from_millis(1), ..BackoffConfig::default() });
    let hello = HelloServiceClient::new(channel.build().expect("an address"));
    assert_eq!(hello.say_hello(greeting("Ada")).expect("a reply").reply, "Hello, Ada!");
    server.shutdown(Duration::ZERO);
    let status = loop {
        // What the listener had accepted before it ended may still take a connection.
        match hello.say_hello(greeting("Ada")) {
            Err(status) if status.origin() == Origin::Local(Local::Connect) => break status,
            _ => std::thread::sleep(Duration::from_millis(1)),
        }
    };
    assert!(status.code() == Code::Unavailable && status.message().contains(&address), "{status}");
    let again = serve(&address);
    let request = Request::new(greeting("Ada")).with_wait_for_ready().with_timeout(LONG);
    assert_eq!(hello.say_hello(request).expect("a reply").reply, "Hello, Ada!");
    drop(again);
}
