//! Calls of all shapes: messages, metadata, status, cardinality, sizes. Each is played plain, byte by byte, and under
//! seeded delays; and all of them over links that break.

use crate::support::Scenario;
use crate::support::script::*;
use proto_core::call::{CallOptions, Kind};
use proto_core::grpc::{Local, Seen};
use proto_core::{Code, Metadata, Origin, Status};

fn unary() -> Scenario {
    Scenario::new(Kind::UNARY)
        .client([send_last(b"Ada"), Do::Drain])
        .server([Do::Start, Do::Drain, reply(b"Hello, Ada!")])
        .check(|ran| {
            assert_eq!(ran.client.messages(), [b"Hello, Ada!"]);
            assert_eq!(ran.server().messages(), [b"Ada"]);
            assert!(ran.client.status().is_ok() && ran.server().status().is_ok() && ran.client.all_sent);
        })
}

fn server_streaming() -> Scenario {
    Scenario::new(Kind::SERVER_STREAMING)
        .client([send_last(b"q"), Do::Drain])
        .server([Do::Start, Do::Drain, send(b"1"), send(b""), send(b"3"), ok()])
        .check(|ran| {
            assert_eq!(ran.client.messages(), [&b"1"[..], b"", b"3"]);
            assert!(ran.client.status().is_ok());
        })
}

fn client_streaming() -> Scenario {
    Scenario::new(Kind::CLIENT_STREAMING)
        .client([send(b"1"), send(b""), send_last(b"3"), Do::Drain])
        .server([Do::Start, Do::Drain, reply(b"sum")])
        .check(|ran| {
            assert_eq!(ran.server().messages(), [&b"1"[..], b"", b"3"]);
            assert_eq!(ran.client.messages(), [b"sum"]);
        })
}

fn an_empty_stream_each_way() -> Scenario {
    Scenario::new(Kind::BIDI).client([Do::Half, Do::Drain]).server([Do::Drain, ok()]).check(|ran| {
        assert!(ran.client.messages().is_empty() && ran.server().messages().is_empty());
        assert!(ran.client.status().is_ok() && ran.server().status().is_ok() && ran.client.all_sent);
    })
}

fn an_empty_message_is_a_message() -> Scenario {
    Scenario::new(Kind::UNARY)
        .client([send_last(b""), Do::Drain])
        .server([Do::Start, Do::Drain, reply(b"")])
        .check(|ran| assert_eq!((ran.client.messages(), ran.server().messages()), (vec![&b""[..]], vec![&b""[..]])))
}

fn half_close_may_come_long_after_the_last_message() -> Scenario {
    Scenario::new(Kind::CLIENT_STREAMING)
        .client([send(b"1"), Do::Sleep(60_000), Do::Half, Do::Drain])
        .server([Do::Recv, Do::Recv, reply(b"r")])
        .check(|ran| {
            assert!(matches!(ran.server().got[2], Got::End));
            assert!(ran.client.status().is_ok());
        })
}

fn metadata_travels_both_ways_in_order_text_and_binary() -> Scenario {
    fn sent() -> Metadata {
        let mut metadata = metadata(&[("x-a", "1"), ("x-b", "two words, and a comma"), ("x-a", "3")]);
        metadata.insert_bin("x-t-bin", &[0, 255, 7]).unwrap();
        metadata.insert_bin("x-t-bin", &[]).unwrap();
        metadata.insert_sensitive("authorization", "Bearer secret").unwrap();
        metadata
    }
    Scenario::new(Kind::UNARY)
        .options(|_| CallOptions { metadata: sent(), ..CallOptions::default() })
        .client([send_last(b""), Do::Drain])
        .server([Do::Start, Do::Reply(sent(), b"r".to_vec(), sent())])
        .check(|ran| {
            let Got::Called { metadata, .. } = &ran.server().got[0] else { panic!("{ran:?}") };
            assert_eq!(metadata, &sent());
            assert_eq!(ran.client.headers, Some(sent()));
            assert_eq!(ran.client.trailers, Some(sent()));
        })
}

fn an_error_at_once_is_trailers_only_with_everything_in_it() -> Scenario {
    let message = "\t\ntest with whitespace\r\nand Unicode BMP ☺ and non-BMP 😈\t\n";
    let status = Status::unknown(message).with_details(&b"\x08\x02"[..]);
    Scenario::new(Kind::UNARY)
        .client([send_last(b""), Do::Drain])
        .server([Do::Start, Do::Finish(status, metadata(&[("x-cost", "3")]))])
        .check(|ran| {
            let status = ran.client.status();
            assert_eq!(status.message(), "\t\ntest with whitespace\r\nand Unicode BMP ☺ and non-BMP 😈\t\n");
            assert_eq!((status.code(), status.details()), (Code::Unknown, &b"\x08\x02"[..]));
            assert_eq!((status.origin(), status.seen_by_server()), (Origin::Peer, Seen::Yes));
            assert_eq!(status.metadata().get("x-cost"), Some("3"));
            assert_eq!(ran.client.headers, Some(Metadata::new()));
            assert_eq!(ran.server().code(), Code::Unknown, "the server's own verdict");
        })
}

fn an_error_after_a_reply_is_the_error() -> Scenario {
    Scenario::new(Kind::SERVER_STREAMING)
        .client([send_last(b""), Do::Drain])
        .server([Do::Start, send(b"1"), finish(Status::data_loss("lost"))])
        .check(|ran| {
            assert_eq!(ran.client.messages(), [b"1"]);
            assert_eq!(ran.client.code(), Code::DataLoss);
            assert!(matches!(ran.client.got.last(), Some(Got::Failed(status)) if status.code() == Code::DataLoss));
        })
}

fn a_client_that_sends_twice_on_a_unary_call_is_told_so() -> Scenario {
    Scenario::new(Kind::UNARY)
        .client([send(b"1"), send(b"2"), Do::Half, Do::Drain])
        .server([Do::Start, Do::Drain, reply(b"r")])
        .check(|ran| {
            assert!(ran.client.saw(|got| matches!(got, Got::SendEnded)));
            assert_eq!(ran.server().messages(), [b"1"]);
        })
}

fn a_handler_that_sends_twice_on_a_unary_call_is_told_so() -> Scenario {
    Scenario::new(Kind::UNARY)
        .client([send_last(b""), Do::Drain])
        .server([Do::Start, send(b"1"), send(b"2"), ok()])
        .check(|ran| {
            assert!(ran.server().saw(|got| matches!(got, Got::SendEnded)));
            assert_eq!(ran.client.messages(), [b"1"]);
            assert!(ran.client.status().is_ok());
        })
}

fn a_handler_that_owes_a_reply_and_says_ok_is_internal() -> Scenario {
    Scenario::new(Kind::UNARY).client([send_last(b""), Do::Drain]).server([Do::Start, ok()]).check(|ran| {
        assert_eq!((ran.client.code(), ran.server().code()), (Code::Internal, Code::Internal));
    })
}

/// The client believes in another kind than the server.
fn mistaken(client: Kind, server: Kind) -> Scenario {
    Scenario { server_kind: Some(server), ..Scenario::new(client) }
}

fn several_requests_where_one_is_required_are_unimplemented() -> Scenario {
    mistaken(Kind::BIDI, Kind::UNARY)
        .client([send(b"1"), send(b"2"), Do::Half, Do::Drain])
        .server([Do::Start, Do::Over])
        .check(|ran| {
            assert_eq!((ran.client.code(), ran.server().code()), (Code::Unimplemented, Code::Unimplemented));
            assert_eq!(ran.client.status().origin(), Origin::Peer);
        })
}

fn no_request_where_one_is_required_is_unimplemented() -> Scenario {
    mistaken(Kind::BIDI, Kind::SERVER_STREAMING).client([Do::Half, Do::Drain]).server([Do::Start, Do::Over]).check(
        |ran| {
            assert_eq!((ran.client.code(), ran.server().code()), (Code::Unimplemented, Code::Unimplemented));
        },
    )
}

fn several_responses_where_one_is_required_are_unimplemented() -> Scenario {
    mistaken(Kind::UNARY, Kind::SERVER_STREAMING)
        .client([send_last(b""), Do::Drain])
        .server([Do::Start, send(b"1"), send(b"2"), ok()])
        .check(|ran| {
            assert_eq!(ran.client.code(), Code::Unimplemented);
            assert_eq!(ran.client.status().origin(), Origin::Local(Local::PeerMisbehaved));
        })
}

fn no_response_where_one_is_required_is_unimplemented() -> Scenario {
    mistaken(Kind::UNARY, Kind::SERVER_STREAMING)
        .client([send_last(b""), Do::Drain])
        .server([Do::Start, ok()])
        .check(|ran| assert_eq!((ran.client.code(), ran.server().code()), (Code::Unimplemented, Code::Ok)))
}

const LARGE: usize = 4 * 1024 * 1024;

fn a_message_larger_than_every_window_passes_both_ways() -> Scenario {
    Scenario::new(Kind::UNARY)
        .client([send_last(&[1; LARGE]), Do::Drain])
        .server([Do::Start, Do::Drain, reply(&[2; LARGE])])
        .check(|ran| {
            assert!(ran.server().messages() == [&[1; LARGE][..]] && ran.client.messages() == [&[2; LARGE][..]]);
            assert!(ran.client.status().is_ok());
        })
}

fn large_messages_in_tiny_windows_pass_both_ways() -> Scenario {
    let message = [3; 3_000];
    Scenario::new(Kind::BIDI)
        .configs(
            |client| (client.stream_window, client.connection_window) = (64, 70_000),
            |server| (server.stream_window, server.connection_window) = (1, 70_000),
        )
        .client([send(&message), send(&message), send_last(&message), Do::Drain])
        .server([Do::Recv, send(&message), Do::Recv, send(&message), Do::Drain, send(&message), ok()])
        .check(|ran| {
            assert!(ran.server().messages() == [[3; 3_000]; 3] && ran.client.messages() == [[3; 3_000]; 3]);
        })
}

fn a_request_of_exactly_the_limit_is_accepted() -> Scenario {
    Scenario::new(Kind::UNARY)
        .configs(|client| client.max_receive_message_size = 20, |server| server.max_receive_message_size = 10)
        .client([send_last(&[1; 10]), Do::Drain])
        .server([Do::Start, Do::Drain, reply(&[2; 20])])
        .check(|ran| assert!(ran.client.status().is_ok() && ran.client.messages() == [[2; 20]]))
}

fn a_request_over_the_limit_is_resource_exhausted() -> Scenario {
    Scenario::new(Kind::UNARY)
        .configs(|_| {}, |server| server.max_receive_message_size = 10)
        .client([send_last(&[1; 11]), Do::Drain])
        .server([Do::Start, Do::Over])
        .check(|ran| {
            assert_eq!((ran.client.code(), ran.server().code()), (Code::ResourceExhausted, Code::ResourceExhausted));
            let text = ran.client.status().message();
            assert!(text.contains("11 bytes") && text.contains("max_receive_message_size (10 bytes)"), "{text}");
        })
}

fn a_streamed_request_over_the_limit_is_resource_exhausted() -> Scenario {
    Scenario::new(Kind::BIDI)
        .configs(|_| {}, |server| server.max_receive_message_size = 10)
        .client([send(&[1; 10]), send(&[1; 11]), Do::Drain])
        .server([Do::Drain])
        .check(|ran| {
            assert_eq!(ran.server().messages(), [[1; 10]]);
            assert_eq!((ran.client.code(), ran.server().code()), (Code::ResourceExhausted, Code::ResourceExhausted));
        })
}

fn a_reply_over_the_limit_is_resource_exhausted() -> Scenario {
    Scenario::new(Kind::UNARY)
        .options(|_| CallOptions { max_receive_message_size: Some(10), ..CallOptions::default() })
        .client([send_last(b""), Do::Drain])
        .server([Do::Start, reply(&[2; 11])])
        .check(|ran| {
            assert_eq!((ran.client.code(), ran.server().code()), (Code::ResourceExhausted, Code::Ok));
            let limit = Local::Limit { setting: "max_receive_message_size" };
            assert_eq!(ran.client.status().origin(), Origin::Local(limit));
        })
}

fn a_request_over_the_senders_own_limit_never_leaves() -> Scenario {
    Scenario::new(Kind::UNARY)
        .configs(|client| client.max_send_message_size = 10, |_| {})
        .client([send_last(&[1; 11]), Do::Drain])
        .server([Do::Over])
        .check(|ran| {
            assert_eq!(ran.client.code(), Code::ResourceExhausted);
            assert!(
                ran.client.saw(|got| matches!(got, Got::TooLarge(status) if status.code() == Code::ResourceExhausted))
            );
            assert!(ran.server.as_ref().is_none_or(|view| view.code() == Code::Cancelled));
        })
}

fn a_reply_over_the_senders_own_limit_is_resource_exhausted() -> Scenario {
    Scenario::new(Kind::UNARY)
        .configs(|_| {}, |server| server.max_send_message_size = 10)
        .client([send_last(b""), Do::Drain])
        .server([Do::Start, reply(&[1; 11])])
        .check(|ran| {
            assert_eq!((ran.client.code(), ran.server().code()), (Code::ResourceExhausted, Code::ResourceExhausted));
            assert!(ran.server().saw(|got| matches!(got, Got::TooLarge(_))));
        })
}

fn a_sender_is_held_back_by_a_reader_that_sleeps() -> Scenario {
    let client: Vec<Do> = (0..40).map(|_| send(&[5; 20_000])).chain([Do::Half, Do::Drain]).collect();
    Scenario::new(Kind::CLIENT_STREAMING).client(client).server([Do::Sleep(5_000), Do::Drain, reply(b"all")]).check(
        |ran| {
            assert_eq!(ran.server().messages().len(), 40);
            assert!(ran.client.status().is_ok() && ran.client.all_sent);
        },
    )
}

fn a_final_reply_is_accepted_whatever_waits() -> Scenario {
    Scenario::new(Kind::CLIENT_STREAMING)
        .configs(|_| {}, |server| server.max_unsent = 1)
        .client([send_last(b""), Do::Sleep(1_000), Do::Drain])
        .server([Do::Drain, reply(&[9; 300_000])])
        .check(|ran| assert!(ran.client.status().is_ok() && ran.client.messages() == [[9; 300_000]]))
}

crate::support::scenarios! {
    unary
    server_streaming
    client_streaming
    an_empty_stream_each_way
    an_empty_message_is_a_message
    half_close_may_come_long_after_the_last_message
    metadata_travels_both_ways_in_order_text_and_binary
    an_error_at_once_is_trailers_only_with_everything_in_it
    an_error_after_a_reply_is_the_error
    a_client_that_sends_twice_on_a_unary_call_is_told_so
    a_handler_that_sends_twice_on_a_unary_call_is_told_so
    a_handler_that_owes_a_reply_and_says_ok_is_internal
    several_requests_where_one_is_required_are_unimplemented
    no_request_where_one_is_required_is_unimplemented
    several_responses_where_one_is_required_are_unimplemented
    no_response_where_one_is_required_is_unimplemented
    large_messages_in_tiny_windows_pass_both_ways
    a_request_of_exactly_the_limit_is_accepted
    a_request_over_the_limit_is_resource_exhausted
    a_streamed_request_over_the_limit_is_resource_exhausted
    a_reply_over_the_limit_is_resource_exhausted
    a_request_over_the_senders_own_limit_never_leaves
    a_reply_over_the_senders_own_limit_is_resource_exhausted
    a_sender_is_held_back_by_a_reader_that_sleeps
    a_final_reply_is_accepted_whatever_waits
}

/// Byte by byte this would be eight million reads: larger pieces, and fewer seeds.
mod large {
    use crate::support::World;
    use proto_core::testkit::{Faults, Pieces};

    #[test]
    fn a_message_larger_than_every_window_does_not_deadlock() {
        let scenario = super::a_message_larger_than_every_window_passes_both_ways();
        let pieces = [Pieces::Whole, Pieces::Size(4_000), Pieces::UpTo(50_000)];
        for faults in pieces.map(|pieces| Faults { pieces, seed: 3, ..Faults::NONE }) {
            let ran = World::new(&scenario, faults).play();
            (scenario.check)(&ran);
        }
    }
}
