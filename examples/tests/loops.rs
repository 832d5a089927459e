//! Servers on loops of their own, called by the blocking client.

#[allow(dead_code)]
mod support;

use examples::hello::{HelloRequest, HelloServiceClient};
use rt_std::{Channel, Code, Request, Status};
use std::thread;
use std::time::Duration;
use support::{program, run, serve, stop};

fn greet(name: &str) -> HelloRequest {
    HelloRequest { greeting: name.into() }
}

/// The four shapes, an error, a deadline that the server's own timers keep too.
fn every_shape(address: &str) -> Result<(), Status> {
    let hello = HelloServiceClient::new(Channel::connect(format!("http://{address}"))?);
    assert_eq!(hello.say_hello(greet("Ada"))?.reply, "Hello, Ada!");
    let replies = hello.lots_of_replies(greet("Bob")).map(|r| r.map(|r| r.reply)).collect::<Result<Vec<_>, _>>()?;
    assert_eq!(replies, ["Hello 1, Bob!", "Hello 2, Bob!", "Hello 3, Bob!"]);
    let mut call = hello.lots_of_greetings();
    call.send_all([greet("Ada"), greet("Bob")])?;
    assert_eq!(call.finish()?.reply, "Hello, Ada, Bob!");
    let (mut requests, mut replies) = hello.bidi_hello().split();
    for name in ["Dora", "Emil"] {
        requests.send(greet(name))?;
        assert_eq!(replies.recv()?.map(|r| r.reply), Some(format!("Hello, {name}!")));
    }
    requests.finish()?;
    assert!(replies.recv()?.is_none());
    let status = hello.say_hello(greet("")).expect_err("an empty greeting");
    assert_eq!((status.code(), status.message()), (Code::InvalidArgument, "greeting is empty"));
    let hurried = Request::new(greet("patience")).with_timeout(Duration::from_millis(50));
    assert_eq!(hello.say_hello(hurried).expect_err("a minute is too long").code(), Code::DeadlineExceeded);
    Ok(())
}

/// Messages larger than every window and every socket's buffer, both ways at once, on several connections.
fn large_messages(address: &str) -> Result<(), Status> {
    let name = "x".repeat(3 << 20);
    thread::scope(|s| {
        let calls: Vec<_> = (0..3)
            .map(|_| {
                s.spawn(|| {
                    let hello = HelloServiceClient::new(Channel::connect(format!("http://{address}"))?);
                    for _ in 0..3 {
                        assert_eq!(hello.say_hello(greet(&name))?.reply.len(), name.len() + "Hello, !".len());
                    }
                    Ok(())
                })
            })
            .collect();
        calls.into_iter().try_for_each(|call| call.join().expect("no assertion fails"))
    })
}

/// A peer that is not gRPC, and one that goes in the middle of everything, cost their own connections.
fn bad_peers(address: &str) {
    use std::io::{Read, Write};
    let mut noise = std::net::TcpStream::connect(address).expect("it listens");
    noise.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").expect("it is read");
    let mut answer = Vec::new();
    // However it is told, it is told: the connection ends.
    let _ = noise.read_to_end(&mut answer);
    drop(std::net::TcpStream::connect(address).expect("it listens"));
}

fn serves(name: &str) {
    let (server, address) = serve(name, &[]);
    every_shape(&address).expect("every shape");
    bad_peers(&address);
    large_messages(&address).expect("large messages");
    every_shape(&address).expect("every shape, after the rest");
    stop(server);
}

#[test]
fn the_epoll_server_serves() {
    serves("epoll-server");
}

#[test]
fn the_tokio_server_serves() {
    serves("tokio-server");
}

#[test]
fn the_tokio_client_calls_servers_of_several_loops() {
    for name in ["tokio-server", "epoll-server"] {
        let (server, address) = serve(name, &[]);
        let mut client = program("tokio-client");
        client.arg(address);
        let printed = run(client);
        let lines: Vec<_> = printed.lines().collect();
        assert_eq!(lines[..4], ["Hello, Ada! Hello, Bob!", "Hello 1, Cleo!", "Hello 2, Cleo!", "Hello 3, Cleo!"]);
        assert_eq!(lines[4], "Some(\"Hello, Dora!\")");
        assert!(lines[5].contains("DEADLINE_EXCEEDED"), "{printed}");
        stop(server);
    }
}
