//! The life of a call as gRPC defines it, one sentence a test. Each is played plain, byte by byte, and under seeded
//! delays; and all of them over links that break.

use crate::support::Scenario;
use crate::support::script::*;
use proto_core::call::{CallOptions, Kind};
use proto_core::{Code, Metadata, Status};
use std::time::Duration;

fn the_server_learns_method_metadata_and_deadline_before_any_message() -> Scenario {
    Scenario::new(Kind::UNARY)
        .options(|now| CallOptions {
            deadline: Some(now + Duration::from_secs(9)),
            metadata: metadata(&[("x-tenant", "blue")]),
            ..CallOptions::default()
        })
        .client([Do::Sleep(1_000), send_last(b"late"), Do::Drain])
        .server([Do::Start, Do::Drain, reply(b"ok")])
        .check(|ran| {
            let Got::Called { path, metadata, deadline, messages } = &ran.server().got[0] else { panic!("{ran:?}") };
            assert_eq!((&**path, metadata.get("x-tenant"), *messages), ("/test.v1.Test/Method", Some("blue"), false));
            let left = deadline.expect("a deadline").saturating_duration_since(ran.start);
            // On the server's clock it counts from the arrival of the headers.
            assert!(left >= Duration::from_secs(9) && left < Duration::from_millis(9_100), "{left:?}");
            assert!(ran.client.status().is_ok());
        })
}

fn the_server_may_answer_initial_metadata_at_once() -> Scenario {
    Scenario::new(Kind::BIDI)
        .client([Do::Headers, send_last(b"after the headers"), Do::Drain])
        .server([Do::SendHeaders(metadata(&[("x-node", "7")])), Do::Drain, ok()])
        .check(|ran| {
            assert!(matches!(&ran.client.got[0], Got::Headers(headers) if headers.get("x-node") == Some("7")));
            assert_eq!(ran.server().messages(), [b"after the headers"]);
            assert!(ran.client.status().is_ok());
        })
}

fn the_server_may_wait_with_initial_metadata_until_its_first_message() -> Scenario {
    Scenario::new(Kind::BIDI)
        .client([send_last(b"a"), Do::Headers, Do::Drain])
        .server([Do::Drain, Do::Sleep(500), send(b"b"), ok()])
        .check(|ran| {
            assert!(matches!(&ran.client.got[0], Got::Headers(headers) if headers.is_empty()));
            assert_eq!(ran.client.messages(), [b"b"]);
        })
}

fn a_client_streaming_call_may_be_answered_before_the_client_has_sent_everything() -> Scenario {
    Scenario::new(Kind::CLIENT_STREAMING)
        .client([send(b"1"), Do::Over, send(b"2"), Do::Half, Do::Drain])
        .server([Do::Recv, reply(b"enough")])
        .check(|ran| {
            assert_eq!(ran.client.messages(), [b"enough"]);
            assert!(ran.client.status().is_ok() && ran.server().status().is_ok());
            assert!(ran.client.saw(|got| matches!(got, Got::SendEnded)), "the client is told to stop");
            assert!(!ran.client.all_sent);
        })
}

fn the_server_answers_before_the_client_has_sent_all_its_requests_and_the_client_learns_it() -> Scenario {
    let mut client: Vec<Do> = (0..200).map(|_| send(&[7; 10_000])).collect();
    client.extend([Do::Half, Do::Drain]);
    Scenario::new(Kind::CLIENT_STREAMING).client(client).server([Do::Recv, reply(b"one is enough")]).check(|ran| {
        assert!(ran.server().status().is_ok(), "the server's verdict");
        assert!(ran.client.status().is_ok(), "the client's verdict");
        assert_eq!(ran.client.messages(), [b"one is enough"]);
        assert!(ran.client.saw(|got| matches!(got, Got::SendEnded)) && !ran.client.all_sent);
    })
}

fn a_bidi_call_may_ping_pong() -> Scenario {
    let round = |n: u8| [send(&[n]), Do::Recv];
    let answer = |n: u8| [Do::Recv, send(&[n + 100])];
    let client: Vec<Do> = (0..20).flat_map(round).chain([Do::Half, Do::Drain]).collect();
    let server: Vec<Do> = (0..20).flat_map(answer).chain([Do::Drain, ok()]).collect();
    Scenario::new(Kind::BIDI).client(client).server(server).check(|ran| {
        let expected: Vec<[u8; 1]> = (0..20).map(|n| [n + 100]).collect();
        assert_eq!(ran.client.messages(), expected);
        assert!(ran.client.status().is_ok() && ran.client.all_sent);
    })
}

fn a_bidi_call_may_read_everything_first() -> Scenario {
    let client: Vec<Do> = (0..50).map(|n| send(&[n; 100])).chain([Do::Half, Do::Drain]).collect();
    let server: Vec<Do> = [Do::Drain].into_iter().chain((0..3).map(|n| send(&[n]))).chain([ok()]).collect();
    Scenario::new(Kind::BIDI).client(client).server(server).check(|ran| {
        assert_eq!(ran.server().messages().len(), 50);
        assert_eq!(ran.client.messages(), [[0], [1], [2]]);
    })
}

fn a_bidi_call_may_run_both_ways_independently() -> Scenario {
    let client: Vec<Do> = (0..60).map(|_| send(&[1; 5_000])).chain([Do::Half, Do::Drain]).collect();
    let server: Vec<Do> = (0..60).map(|_| send(&[2; 1_000])).chain([Do::Drain, ok()]).collect();
    Scenario::new(Kind::BIDI).client(client).server(server).check(|ran| {
        assert_eq!((ran.client.messages().len(), ran.server().messages().len()), (60, 60));
        assert!(ran.client.status().is_ok() && ran.client.all_sent);
    })
}

fn order_holds_within_a_stream() -> Scenario {
    let numbered = |n: u16| send(&n.to_be_bytes().repeat(1 + usize::from(n % 700)));
    let client: Vec<Do> = (0..300).map(numbered).chain([Do::Half, Do::Drain]).collect();
    let server: Vec<Do> = (0..300).map(numbered).chain([Do::Drain, ok()]).collect();
    Scenario::new(Kind::BIDI).client(client).server(server).check(|ran| {
        for view in [&ran.client, ran.server()] {
            let seen: Vec<u16> = view.messages().iter().map(|m| u16::from_be_bytes([m[0], m[1]])).collect();
            assert_eq!(seen, (0..300).collect::<Vec<u16>>());
        }
    })
}

fn cancelling_stops_the_work_at_once_and_rolls_nothing_back() -> Scenario {
    Scenario::new(Kind::BIDI)
        .client([send(b"1"), Do::Recv, send(b"2"), Do::Cancel(Status::cancelled("never mind")), Do::Drain])
        .server([Do::Recv, send(b"done 1"), Do::Over, Do::Drain, ok()])
        .check(|ran| {
            assert_eq!(ran.client.messages(), [b"done 1"], "what was done stays done");
            assert_eq!((ran.client.code(), ran.client.status().message()), (Code::Cancelled, "never mind"));
            assert_eq!(ran.server().code(), Code::Cancelled);
            assert!(ran.server().saw(|got| matches!(got, Got::FinishedTooLate)));
        })
}

fn the_servers_trailers_come_with_ok_and_with_errors() -> Scenario {
    let status = Status::not_found("no such user").with_metadata(metadata(&[("x-of", "status")]));
    Scenario::new(Kind::SERVER_STREAMING)
        .client([send_last(b"q"), Do::Drain])
        .server([Do::Start, Do::Drain, send(b"1"), Do::Finish(status, metadata(&[("x-of", "trailers")]))])
        .check(|ran| {
            assert_eq!(ran.client.messages(), [b"1"], "messages come before the error");
            assert_eq!((ran.client.code(), ran.client.status().message()), (Code::NotFound, "no such user"));
            let trailers: &Metadata = ran.client.trailers.as_ref().expect("trailers");
            assert_eq!(trailers.get_all("x-of").collect::<Vec<_>>(), ["status", "trailers"]);
            assert_eq!(ran.client.status().metadata(), trailers);
        })
}

crate::support::scenarios! {
    the_server_learns_method_metadata_and_deadline_before_any_message
    the_server_may_answer_initial_metadata_at_once
    the_server_may_wait_with_initial_metadata_until_its_first_message
    a_client_streaming_call_may_be_answered_before_the_client_has_sent_everything
    the_server_answers_before_the_client_has_sent_all_its_requests_and_the_client_learns_it
    a_bidi_call_may_ping_pong
    a_bidi_call_may_read_everything_first
    a_bidi_call_may_run_both_ways_independently
    order_holds_within_a_stream
    cancelling_stops_the_work_at_once_and_rolls_nothing_back
    the_servers_trailers_come_with_ok_and_with_errors
}

mod endings {
    use super::*;
    use proto_core::call::{Head, Recv};
    use proto_core::testkit::{Faults, Pair, Pieces};
    use proto_core::{Config, MessageBuf};

    /// Both ends are 50 ms apart, the deadline is 120 ms, and the handler takes 50: its OK arrives too late.
    #[test]
    fn the_server_has_sent_all_its_answers_and_says_ok_while_the_client_says_deadline_exceeded() {
        let delay = (Duration::from_millis(50), Duration::from_millis(50));
        for pieces in [Pieces::Whole, Pieces::Size(1), Pieces::UpTo(30)] {
            let faults = Faults { delay, pieces, seed: 7, ..Faults::NONE };
            let mut pair = Pair::new(Config::default(), Config::default(), faults);
            let (start, mut message) = (pair.now(), MessageBuf::new());
            let deadline = Some(start + Duration::from_millis(120));
            let options = CallOptions { deadline, kind: Kind::SERVER_STREAMING, ..CallOptions::default() };
            let id = pair.client.start(start, Head::new("/a.B/C"), &options).unwrap();
            pair.client.call(id).unwrap().send_last(start, &b"q"[..]).unwrap();
            pair.advance(Duration::from_millis(100));

            let served = pair.server.accept().expect("the call has arrived");
            let now = pair.now();
            let mut call = pair.server.call(served).unwrap();
            call.set_kind(Kind::SERVER_STREAMING);
            assert!(call.can_start() && matches!(call.recv(now, &mut message), Recv::Message));
            for answer in [&b"1"[..], b"2", b"3"] {
                call.send(now, answer).unwrap();
            }
            assert!(call.finish(now, &Status::OK, &Metadata::new()));
            assert!(call.outcome().is_some_and(Status::is_ok), "the server's verdict");
            pair.advance(Duration::from_millis(200));

            let now = pair.now();
            let mut call = pair.client.call(id).unwrap();
            assert!(matches!(call.recv(now, &mut message), Recv::Failed(_)));
            let status = call.outcome().expect("the client's verdict");
            assert_eq!(status.code(), Code::DeadlineExceeded);
            assert_eq!(status.phase(), Some("waiting for the response"));
            let call = pair.server.call(served).unwrap();
            assert!(call.outcome().is_some_and(Status::is_ok), "the server's verdict stands");
            call.release(now);
            pair.client.call(id).unwrap().release(now);
            assert!(pair.settle());
            assert_eq!((pair.client.active_calls(), pair.server.active_calls()), (0, 0));
        }
    }
}
