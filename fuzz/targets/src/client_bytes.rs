//! A gRPC client's connection with calls under way that is fed bytes, in any pieces, while its application does anything, or waits for answers.
//! No panic, no call without a verdict when the peer is gone, memory within a bound, timers that progress, nothing but good frames, nothing left.

use crate::input::{Input, put_piece};
use crate::one_end::{OneEnd, Setup};
use crate::wire;
use proto_core::call::{CallId, CallOptions, Head, Recv};
use proto_core::connection::{Client, Connection};
use proto_core::testkit::{KINDS, LARGEST, Random, client_by_chance};
use proto_core::time::Instant;
use proto_core::{Config, MessageBuf};
use std::time::Duration;

/// Calls that an application has at most, here.
const MOST_CALLS: usize = 200;

/// See the module.
pub fn run(data: &[u8]) {
    let mut input = Input::new(data);
    let setup = Setup::read(&mut input);
    let application = if setup.well_behaved { wait } else { ask };
    let greeting = if setup.greeted { wire::greeting(false) } else { Vec::new() };
    // The bound is documented for servers; a client's calls are its application's, whatever the peer's limit.
    let bound = Config { max_concurrent_streams: MOST_CALLS as u32, ..setup.config.clone() }.memory_bound(LARGEST);
    let mut end = OneEnd::new(setup, bound, true, Connection::client);
    for kind in KINDS {
        let deadline = Some(end.now + Duration::from_secs(3));
        let options = CallOptions { kind, deadline, ..CallOptions::default() };
        let id = end.connection.start(end.now, Head::new("/a.B/C"), &options).expect("the first calls");
        end.connection.call(id).expect("started").send_last(end.now, &b"Ada"[..]).expect("the first message");
        end.calls.push(id);
    }
    end.feed(&greeting, |_, _, _, _| {});
    end.feed(input.rest(), application);
    end.end(|_| None);
}

fn ask(random: &mut Random, now: Instant, client: &mut Connection<Client>, calls: &mut Vec<CallId>) {
    if calls.len() < MOST_CALLS {
        client_by_chance(random, now, client, calls);
    }
}

/// Everything that arrives is pulled.
fn wait(_: &mut Random, now: Instant, client: &mut Connection<Client>, calls: &mut Vec<CallId>) {
    let mut buf = MessageBuf::new();
    calls.retain(|&id| {
        let mut call = client.call(id).expect("kept");
        loop {
            match call.recv(now, &mut buf) {
                Recv::Message => {}
                Recv::Pending => return true,
                Recv::End | Recv::Failed(_) => break,
            }
        }
        assert!(call.outcome().is_some());
        call.release(now);
        false
    });
}

fn input(options: u8, chop: u8, choices: &[u8], wire: &[u8]) -> Vec<u8> {
    let mut out = vec![options, chop];
    put_piece(&mut out, choices);
    out.extend_from_slice(wire);
    out
}

/// Seeds: good answers, every frame between the parts of one, and answers that make no sense.
pub fn seeds() -> Vec<Vec<u8>> {
    let block = |stream, fields: &[(&str, &str)], end| {
        let mut out = Vec::new();
        wire::headers(&mut out, stream, &wire::block(fields), end);
        out
    };
    let body = |stream, body: &[u8]| {
        let mut out = Vec::new();
        wire::data(&mut out, stream, &wire::message(body), false);
        out
    };
    let answer = |stream, trailers: &[(&str, &str)]| {
        [block(stream, &wire::RESPONSE, false), body(stream, b"Hello"), block(stream, trailers, true)].concat()
    };
    let ok = [("grpc-status", "0")];
    let answers = [answer(1, &ok), answer(3, &ok), answer(5, &ok), answer(7, &ok)].concat();
    let choices: Vec<u8> = (0..200_u8).map(|n| n.wrapping_mul(91)).collect();
    let mut seeds = Vec::new();
    for options in [2, 3, 7, 11, 19, 35, 67, 131] {
        seeds.push(input(options, options & 4, &choices, &answers));
    }
    seeds.push(input(1, 1, &[], &[wire::greeting(false), answers.clone()].concat()));
    seeds.push(input(1, 0, &[], b"HTTP/1.1 400 Bad Request\r\n\r\n"));
    for between in wire::every_frame(&[0, 1, 3]) {
        let parts = [block(1, &wire::RESPONSE, false), between, body(1, b"Hello"), block(1, &ok, true), answer(3, &ok)];
        seeds.push(input(3, 0, &[], &parts.concat()));
    }
    let details = [("grpc-status", "5"), ("grpc-message", "no%20user%"), ("grpc-status-details-bin", "CAUSAW4")];
    seeds.push(input(3, 0, &[], &answer(1, &details)));
    for fields in [
        &[(":status", "503"), ("content-type", "text/html")][..],
        &[(":status", "200"), ("content-type", "application/grpc"), ("grpc-status", "12")],
        &[(":status", "200"), ("content-type", "application/grpc+json")],
        &[(":status", "100")],
        &[(":status", "200"), ("content-type", "application/grpc"), ("grpc-encoding", "gzip")],
        &[(":status", "200"), ("content-type", "application/grpc"), ("grpc-retry-pushback-ms", "-1")],
    ] {
        seeds.push(input(3, 0, &[], &[block(1, fields, false), body(1, b"page")].concat()));
        seeds.push(input(2, 3, &choices, &block(1, fields, true)));
    }
    seeds
}
