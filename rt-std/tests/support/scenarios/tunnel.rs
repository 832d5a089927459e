//! Scenes behind an HTTP proxy, which answers slowly and in pieces.

use super::super::{ECHO, peer, request, unary};
use super::{MS, in_time, spawn};
use proto_core::rpc::Front;
use rt_std::Code;
use rt_std::os::Pipe;
use rt_std::testkit::{Sim, Task};
use std::io::ErrorKind;
use std::sync::Arc;

/// Reads the request up to its empty line, and no byte more.
fn read_head(pipe: &dyn Pipe) -> Vec<u8> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        match pipe.try_read(&mut byte) {
            Ok(1..) => head.push(byte[0]),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                let _ = pipe.wait(true, false, None);
            }
            Ok(0) | Err(_) => break,
        }
    }
    head
}

fn write_all(pipe: &dyn Pipe, mut bytes: &[u8]) {
    while !bytes.is_empty() {
        match pipe.try_write(&[bytes]) {
            Ok(n) => bytes = &bytes[n..],
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                let _ = pipe.wait(false, true, None);
            }
            Err(_) => return,
        }
    }
}

/// The way a proxy answers; then it is the server, so that there is no wire between the two.
fn answer(sim: &Sim, pipe: Arc<dyn Pipe>, answer: &'static str, cut: usize) {
    let inner = sim.clone();
    sim.spawn("proxy", move || {
        if !read_head(&*pipe).starts_with(b"CONNECT x.invalid:1 HTTP/1.1\r\n") {
            return pipe.close();
        }
        let (first, rest) = answer.as_bytes().split_at(cut.min(answer.len()));
        write_all(&*pipe, first);
        inner.sleep(3 * MS);
        write_all(&*pipe, rest);
        if !answer.contains(" 200 ") {
            return pipe.close();
        }
        if let Some(pipe) = inner.accepted(pipe) {
            peer::serve(&*inner.os(), &*pipe, &peer::Behaviour::default());
        }
    });
}

/// Callers whose time is up while the proxy is asked leave the attempt to the others; a refusal costs an attempt, and nobody waits for ever.
pub(super) fn through_a_proxy(sim: &Sim, seed: u64) {
    let refusals = (seed % 3) as usize;
    let cut = (seed % 40) as usize;
    let mut answers = (0..refusals).map(|_| "HTTP/1.1 503 Busy\r\n\r\n").chain(["HTTP/1.1 200 OK\r\nVia: z\r\n\r\n"]);
    let (address, end) = peer::listen_with(sim, refusals + 1, move |sim, pipe| match answers.next() {
        Some(text) => answer(sim, pipe, text, cut),
        None => pipe.close(),
    });
    sim.at_end(end);
    let channel = sim.builder("x.invalid:1").proxy(address.to_string()).build().expect("a target");
    let mut tasks = Vec::new();
    for i in 0..3 {
        let channel = channel.clone();
        tasks.push(spawn(sim, "short", move |sim| {
            let start = sim.now();
            let timeout = MS * (1 + 2 * i);
            let result = channel.unary(&ECHO, request(b"x").with_timeout(timeout).with_wait_for_ready());
            if let Err(status) = result {
                assert_eq!(status.code(), Code::DeadlineExceeded, "{status}");
            }
            in_time(sim, start, timeout, "a call with a deadline");
        }));
    }
    for _ in 0..3 {
        let channel = channel.clone();
        tasks.push(spawn(sim, "long", move |sim| {
            let start = sim.now();
            let reply = channel.unary(&ECHO, request(b"y").with_wait_for_ready()).expect("a reply");
            assert_eq!(&reply[..], b"y");
            // Two refusals at most, with their backoff.
            in_time(sim, start, 5_000 * MS, "a call behind a proxy");
        }));
    }
    tasks.into_iter().for_each(Task::join);
    assert_eq!(&unary(&channel, &ECHO, b"z").expect("a reply")[..], b"z");
}
