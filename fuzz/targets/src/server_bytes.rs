//! A gRPC server's connection that is fed bytes, in any pieces, while its application does anything, or serves well. No panic, no call without a
//! verdict when the peer is gone, memory within its documented bound, timers that progress, nothing but good frames in return, nothing left behind.

use crate::input::{Input, put_piece};
use crate::one_end::{OneEnd, Setup};
use crate::wire;
use proto_core::call::{CallId, Kind, Recv};
use proto_core::connection::{Connection, Server};
use proto_core::frame::{flag, kind};
use proto_core::testkit::{LARGEST, Random, server_by_chance};
use proto_core::time::Instant;
use proto_core::{MessageBuf, Metadata, Status};

/// See the module.
pub fn run(data: &[u8]) {
    let mut input = Input::new(data);
    let setup = Setup::read(&mut input);
    let bound = setup.config.memory_bound(LARGEST);
    let application = if setup.well_behaved { serve } else { server_by_chance };
    let greeting = if setup.greeted { wire::greeting(true) } else { Vec::new() };
    let mut end = OneEnd::new(setup, bound, false, Connection::server);
    end.feed(&greeting, |_, _, _, _| {});
    end.feed(input.rest(), application);
    end.end(Connection::accept);
}

/// Every message is sent back, and the end with it.
fn serve(_: &mut Random, now: Instant, server: &mut Connection<Server>, calls: &mut Vec<CallId>) {
    let (mut buf, none) = (MessageBuf::new(), Metadata::new());
    while let Some(id) = server.accept() {
        server.call(id).expect("accepted").set_kind(Kind::BIDI);
        calls.push(id);
    }
    calls.retain(|&id| {
        let mut call = server.call(id).expect("kept");
        loop {
            match call.recv(now, &mut buf) {
                Recv::Message => drop(call.send(now, &b"answer"[..])),
                Recv::Pending => return true,
                Recv::End => {
                    assert!(call.finish(now, &Status::OK, &none));
                    break;
                }
                Recv::Failed(_) => break,
            }
        }
        call.release(now);
        false
    });
}

/// An input of these options (see `Setup`) and these bytes of the wire.
fn input(options: u8, chop: u8, choices: &[u8], wire: &[u8]) -> Vec<u8> {
    let mut out = vec![options, chop];
    put_piece(&mut out, choices);
    out.extend_from_slice(wire);
    out
}

/// Seeds: good calls, every frame between the parts of one, and requests that are refused.
pub fn seeds() -> Vec<Vec<u8>> {
    let request = |stream, fields: &[(&str, &str)], end| {
        let mut out = Vec::new();
        wire::headers(&mut out, stream, &wire::block(fields), end);
        out
    };
    let body = |stream, body: &[u8], end| {
        let mut out = Vec::new();
        wire::data(&mut out, stream, &wire::message(body), end);
        out
    };
    let call = |stream| [request(stream, &wire::REQUEST, false), body(stream, b"Ada", true)].concat();
    let calls = [call(1), call(3), call(5)].concat();
    let choices: Vec<u8> = (0..200_u8).map(|n| n.wrapping_mul(73)).collect();
    let mut seeds = Vec::new();
    for options in [2, 3, 7, 11, 19, 35, 67, 131] {
        seeds.push(input(options, options & 4, &choices, &calls));
    }
    seeds.push(input(0, 1, &[], &[wire::greeting(true), calls.clone()].concat()));
    seeds.push(input(1, 0, &[], b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
    for between in wire::every_frame(&[0, 1, 3]) {
        let head = request(1, &wire::REQUEST, false);
        seeds.push(input(3, 0, &[], &[head, between, body(1, b"Ada", true), call(3)].concat()));
    }
    for (name, value) in [
        ("grpc-timeout", "100m"),
        ("grpc-timeout", "1n"),
        ("grpc-encoding", "gzip"),
        ("x-trace-bin", "AQID,BAUG"),
        ("x-Upper", "no"),
        ("connection", "close"),
        ("content-length", "8"),
        (":path", "/again"),
    ] {
        let fields = [&wire::REQUEST[..], &[(name, value)]].concat();
        seeds.push(input(3, 0, &[], &[request(1, &fields, false), body(1, b"Ada", true)].concat()));
    }
    // A block in three frames.
    let block = wire::block(&wire::REQUEST);
    let mut split = Vec::new();
    wire::frame(&mut split, kind::HEADERS, 0, 1, &block[..20]);
    wire::frame(&mut split, kind::CONTINUATION, 0, 1, &block[20..30]);
    wire::frame(&mut split, kind::CONTINUATION, flag::END_HEADERS, 1, &block[30..]);
    seeds.push(input(2, 9, &choices, &[split, body(1, b"Ada", true)].concat()));
    seeds
}
