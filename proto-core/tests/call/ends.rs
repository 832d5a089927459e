//! How calls end before their time: deadlines, cancellations, lost connections. Each is played plain, byte by byte,
//! and under seeded delays; and all of them over links that break.

use crate::support::Scenario;
use crate::support::script::*;
use proto_core::call::{CallOptions, Kind};
use proto_core::grpc::{Local, Seen};
use proto_core::time::Instant;
use proto_core::{Code, Origin, Status};
use std::time::Duration;

const DEADLINE: Duration = Duration::from_millis(800);

fn with_deadline(now: Instant) -> CallOptions {
    CallOptions { deadline: Some(now + DEADLINE), ..CallOptions::default() }
}

fn a_deadline_that_passes_ends_the_call_on_both_sides() -> Scenario {
    Scenario::new(Kind::UNARY)
        .options(with_deadline)
        .client([send_last(b""), Do::Drain])
        .server([Do::Start, Do::Over, Do::Drain, reply(b"too late")])
        .check(|ran| {
            let status = ran.client.status();
            assert_eq!(status.code(), Code::DeadlineExceeded);
            let phase = "waiting for the response";
            assert_eq!(status.origin(), Origin::Local(Local::DeadlineExceeded { phase }));
            assert_eq!(
                (status.phase(), status.seen_by_server(), status.can_retry()),
                (Some(phase), Seen::Maybe, false)
            );
            assert_eq!(ran.client.at.unwrap().saturating_duration_since(ran.start), DEADLINE, "to the nanosecond");
            let code = ran.server().code();
            assert!(matches!(code, Code::DeadlineExceeded | Code::Cancelled), "whichever came first: {code}");
            assert!(ran.server().saw(|got| matches!(got, Got::SendEnded)));
        })
}

fn a_deadline_interrupts_a_stream_of_replies() -> Scenario {
    let server: Vec<Do> = [Do::Start].into_iter().chain((0..20).flat_map(|n| [send(&[n]), Do::Sleep(100)])).collect();
    Scenario::new(Kind::SERVER_STREAMING)
        .options(with_deadline)
        .client([send_last(b""), Do::Drain])
        .server(server)
        .check(|ran| {
            assert_eq!(
                (ran.client.code(), ran.client.status().phase()),
                (Code::DeadlineExceeded, Some("receiving the response"))
            );
            assert_eq!(ran.client.status().seen_by_server(), Seen::Yes);
            assert!(matches!(ran.client.messages().len(), 7..=8), "{ran:?}");
        })
}

fn a_deadline_while_the_client_is_sending_names_that_phase() -> Scenario {
    Scenario::new(Kind::CLIENT_STREAMING)
        .options(with_deadline)
        .client([send(b"1"), Do::Over, send(b"2"), Do::Drain])
        .server([Do::Over])
        .check(|ran| {
            assert_eq!(
                (ran.client.code(), ran.client.status().phase()),
                (Code::DeadlineExceeded, Some("sending the request"))
            );
            assert!(ran.client.saw(|got| matches!(got, Got::SendEnded)));
        })
}

fn a_deadline_in_the_past_ends_the_call_before_it_begins() -> Scenario {
    Scenario::new(Kind::UNARY)
        .options(|now| CallOptions { deadline: Some(now), ..CallOptions::default() })
        .client([send_last(b""), Do::Drain])
        .check(|ran| {
            assert!(ran.server.is_none(), "nothing was sent");
            assert_eq!((ran.client.code(), ran.client.status().seen_by_server()), (Code::DeadlineExceeded, Seen::No));
            assert!(ran.client.saw(|got| matches!(got, Got::SendEnded)));
        })
}

fn an_answer_before_the_deadline_stands() -> Scenario {
    Scenario::new(Kind::UNARY)
        .options(with_deadline)
        .client([send_last(b""), Do::Sleep(2_000), Do::Drain])
        .server([Do::Start, Do::Sleep(500), reply(b"in time")])
        .check(|ran| assert!(ran.client.status().is_ok() && ran.client.messages() == [b"in time"]))
}

fn a_client_that_cancels_is_noticed_by_the_handler() -> Scenario {
    Scenario::new(Kind::UNARY)
        .client([send_last(b""), Do::Sleep(50), Do::Cancel(Status::cancelled("changed my mind")), Do::Drain])
        .server([Do::Start, Do::Over, Do::Drain, ok()])
        .check(|ran| {
            assert_eq!((ran.client.code(), ran.client.status().message()), (Code::Cancelled, "changed my mind"));
            assert_eq!(ran.client.status().phase(), Some("waiting for the response"));
            assert_eq!(
                (ran.server().code(), ran.server().status().phase()),
                (Code::Cancelled, Some("handling the call"))
            );
            assert!(matches!(ran.server().got[1], Got::Failed(_)), "what had arrived is dropped: {ran:?}");
        })
}

fn letting_go_of_a_call_cancels_it() -> Scenario {
    Scenario::new(Kind::BIDI)
        .client([send(b"1"), Do::Recv, Do::Release])
        .server([Do::Recv, send(b"2"), Do::Over])
        .check(|ran| {
            assert_eq!((ran.client.code(), ran.server().code()), (Code::Cancelled, Code::Cancelled));
        })
}

fn cancelling_without_a_reason_is_cancelled() -> Scenario {
    Scenario::new(Kind::BIDI)
        .client([send(b"1"), Do::Recv, Do::Cancel(Status::OK)])
        .server([Do::Recv, send(b"2"), Do::Over])
        .check(|ran| {
            assert_eq!(ran.client.code(), Code::Cancelled);
            assert_eq!(ran.client.status().origin(), Origin::Local(Local::Cancelled));
        })
}

fn a_server_that_cancels_ends_the_call_at_the_client() -> Scenario {
    Scenario::new(Kind::BIDI)
        .client([send(b"1"), Do::Drain])
        .server([Do::Recv, send(b"2"), Do::Sleep(100), Do::Cancel(Status::aborted("enough")), Do::Drain])
        .check(|ran| {
            assert_eq!(ran.server().code(), Code::Aborted, "the server's verdict is its own");
            assert_eq!(ran.client.code(), Code::Cancelled);
            assert_eq!(ran.client.messages(), [b"2"], "what arrived before is still pulled");
            assert_eq!(ran.client.status().origin(), Origin::Local(Local::Reset { code: 8 }));
        })
}

fn a_stream_that_is_cancelled_frees_its_windows() -> Scenario {
    let client: Vec<Do> = (0..10).map(|_| send(&[1; 10_000])).chain([Do::Cancel(Status::OK)]).collect();
    Scenario::new(Kind::CLIENT_STREAMING).client(client).server([Do::Over]).check(|ran| {
        assert_eq!(ran.client.code(), Code::Cancelled);
        assert!(ran.server.as_ref().is_none_or(|view| view.code() == Code::Cancelled));
    })
}

crate::support::scenarios! {
    a_deadline_that_passes_ends_the_call_on_both_sides
    a_deadline_interrupts_a_stream_of_replies
    a_deadline_while_the_client_is_sending_names_that_phase
    a_deadline_in_the_past_ends_the_call_before_it_begins
    an_answer_before_the_deadline_stands
    a_client_that_cancels_is_noticed_by_the_handler
    letting_go_of_a_call_cancels_it
    cancelling_without_a_reason_is_cancelled
    a_server_that_cancels_ends_the_call_at_the_client
    a_stream_that_is_cancelled_frees_its_windows
}
