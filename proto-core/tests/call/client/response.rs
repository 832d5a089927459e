//! Responses, proper and improper.

use super::*;

#[test]
fn messages_are_not_aligned_to_data_frames() {
    let (messages, status) = verdict(|raw| {
        headers(raw, HEADERS, false);
        let bytes = [message(b"one"), message(b""), message(b"three")].concat();
        for piece in bytes.chunks(4) {
            data(raw, piece, false);
            data(raw, &[], false);
        }
        headers(raw, OK, true);
    });
    assert_eq!((messages, status.code()), (vec![b"one".to_vec(), b"".to_vec(), b"three".to_vec()], Code::Ok));
}

#[test]
fn padding_and_interim_responses_are_skipped() {
    let (messages, status) = verdict(|raw| {
        headers(raw, &[(":status", "103"), ("link", "x")], false);
        headers(raw, HEADERS, false);
        let padded = [&[3][..], &message(b"m"), &[0; 3]].concat();
        raw.send_frame(kind::DATA, flag::PADDED, 1, &padded).unwrap();
        headers(raw, OK, true);
    });
    assert_eq!((messages, status.code()), (vec![b"m".to_vec()], Code::Ok));
}

#[test]
fn a_message_with_an_unknown_flag_is_internal() {
    assert_eq!(
        code(|raw| {
            headers(raw, HEADERS, false);
            data(raw, &[2, 0, 0, 0, 0], false);
        }),
        Code::Internal
    );
}

#[test]
fn the_compressed_flag_without_an_encoding_is_internal() {
    assert_eq!(
        code(|raw| {
            headers(raw, HEADERS, false);
            data(raw, &[1, 0, 0, 0, 1, 9], false);
        }),
        Code::Internal
    );
}

#[test]
fn the_end_inside_a_prefix_or_a_message_is_internal() {
    for cut in [1, 4, 5, 6] {
        let (messages, status) = verdict(|raw| {
            headers(raw, HEADERS, false);
            data(raw, &[message(b"whole"), message(b"cut")[..cut].to_vec()].concat(), false);
            headers(raw, OK, true);
        });
        assert_eq!((messages, status.code()), (vec![b"whole".to_vec()], Code::Internal), "{cut}");
    }
}

#[test]
fn a_verdict_that_stands_at_the_end_knows_of_broken_frames_behind_good_ones() {
    let mut raw = connect(Config::default(), Chop::Whole);
    let id = start(&mut raw, Kind::BIDI, None);
    headers(&mut raw, HEADERS, false);
    data(&mut raw, &[message(b"good"), vec![7]].concat(), false);
    headers(&mut raw, OK, true);
    assert_eq!(raw.connection.call(id).unwrap().outcome().map(Status::code), Some(Code::Internal), "before any pull");
    assert_eq!(drain(&mut raw, id).0, [b"good"]);
}

#[test]
fn a_message_over_the_limit_is_refused_at_its_prefix() {
    let (_, status) = verdict(|raw| {
        headers(raw, HEADERS, false);
        data(raw, &[0, 0xff, 0xff, 0xff, 0xff], false);
    });
    assert_eq!(status.code(), Code::ResourceExhausted);
    assert!(status.message().contains("4294967295"), "{status}");
}

#[test]
fn trailers_only_is_one_block_with_the_status() {
    let (_, status) = verdict(|raw| {
        headers(raw, &[HEADERS, &[("grpc-status", "5"), ("grpc-message", "no%20user"), ("x", "1")]].concat(), true);
    });
    assert_eq!((status.code(), status.message(), status.metadata().get("x")), (Code::NotFound, "no user", Some("1")));
    assert_eq!((status.origin(), status.seen_by_server()), (Origin::Peer, Seen::Yes));
}

#[test]
fn a_status_among_headers_counts_only_in_trailers_only() {
    let (_, status) = verdict(|raw| {
        headers(raw, &[HEADERS, &[("grpc-status", "5")]].concat(), false);
        data(raw, &message(b"m"), false);
        headers(raw, OK, true);
    });
    assert_eq!(status.code(), Code::Ok);
    let code = code(|raw| {
        headers(raw, &[HEADERS, &[("grpc-status", "0")]].concat(), false);
        data(raw, &[], true);
    });
    assert_eq!(code, Code::Internal, "no trailers");
}

#[test]
fn a_body_without_trailers_is_internal() {
    let (messages, status) = verdict(|raw| {
        headers(raw, HEADERS, false);
        data(raw, &message(b"m"), true);
    });
    assert_eq!((messages.len(), status.code()), (1, Code::Internal));
}

#[test]
fn trailers_without_a_status_are_unknown() {
    assert_eq!(
        code(|raw| {
            headers(raw, HEADERS, false);
            headers(raw, &[("x", "1")], true);
        }),
        Code::Unknown
    );
    assert_eq!(code(|raw| headers(raw, HEADERS, true)), Code::Unknown);
}

#[test]
fn a_status_that_cannot_be_read_or_is_out_of_range_is_unknown() {
    for value in ["", "00", "1x", "-1", "17", "99", "4294967296"] {
        assert_eq!(code(|raw| headers(raw, &[HEADERS, &[("grpc-status", value)]].concat(), true)), Code::Unknown);
    }
}

#[test]
fn bad_escapes_in_a_message_are_kept() {
    let (_, status) = verdict(|raw| {
        headers(raw, &[HEADERS, &[("grpc-status", "2"), ("grpc-message", "100% %zz %41%C3")]].concat(), true);
    });
    assert_eq!(status.message(), "100% %zz A\u{fffd}");
}

#[test]
fn an_http_error_without_a_status_is_mapped_on_its_headers() {
    let expected = [
        ("400", Code::Internal),
        ("401", Code::Unauthenticated),
        ("403", Code::PermissionDenied),
        ("404", Code::Unimplemented),
        ("429", Code::Unavailable),
        ("502", Code::Unavailable),
        ("503", Code::Unavailable),
        ("504", Code::Unavailable),
        ("500", Code::Unknown),
        ("302", Code::Unknown),
    ];
    for (http, expected) in expected {
        let (messages, status) =
            verdict(|raw| headers(raw, &[(":status", http), ("content-type", "text/html")], false));
        assert_eq!((messages.len(), status.code()), (0, expected), "{http}, before its body");
        assert!(status.message().contains(http) && status.message().contains("text/html"), "{status}");
        assert_eq!(code(|raw| headers(raw, &[(":status", http)], true)), expected, "{http} alone");
    }
}

#[test]
fn grpc_status_wins_over_the_http_status() {
    let alone = [(":status", "503"), ("content-type", "application/grpc"), ("grpc-status", "5")];
    assert_eq!(code(|raw| headers(raw, &alone, true)), Code::NotFound);
    let (messages, status) = verdict(|raw| {
        headers(raw, &alone[..2], false);
        data(raw, &vec![b'x'; 10_000], false);
        headers(raw, &[("grpc-status", "5")], true);
    });
    assert_eq!((messages.len(), status.code()), (0, Code::NotFound), "a body that is no messages");
}

#[test]
fn a_wrong_content_type_is_unknown_and_a_wrong_codec_internal() {
    for (content_type, expected) in [
        ("text/html", Code::Unknown),
        ("application/grpcfoo", Code::Unknown),
        ("application/grpc-web", Code::Unknown),
        ("application/grpc+json", Code::Internal),
    ] {
        let mut raw = connect(Config::default(), Chop::Whole);
        let id = start(&mut raw, Kind::BIDI, None);
        headers(&mut raw, &[(":status", "200"), ("content-type", content_type)], false);
        assert_eq!(drain(&mut raw, id).1.map(|status| status.code()), Some(expected), "{content_type}");
        assert_eq!(resets(&raw.frames()), [8], "the server may stop");
    }
    assert_eq!(
        code(|raw| {
            headers(raw, &[(":status", "200"), ("content-type", "application/grpc+proto;charset=utf-8")], false);
            headers(raw, OK, true);
        }),
        Code::Ok
    );
}

#[test]
fn an_encoding_that_was_not_offered_is_internal() {
    assert_eq!(code(|raw| headers(raw, &[HEADERS, &[("grpc-encoding", "gzip")]].concat(), false)), Code::Internal);
}

#[test]
fn binary_metadata_that_is_not_base64_is_internal() {
    assert_eq!(code(|raw| headers(raw, &[HEADERS, &[("x-bin", "***")]].concat(), false)), Code::Internal);
    assert_eq!(
        code(|raw| {
            headers(raw, HEADERS, false);
            headers(raw, &[OK, &[("x-bin", "***")]].concat(), true);
        }),
        Code::Internal
    );
}

#[test]
fn padded_and_joined_binary_metadata_is_read() {
    let mut raw = connect(Config::default(), Chop::Whole);
    let id = start(&mut raw, Kind::BIDI, None);
    headers(&mut raw, &[HEADERS, &[("x-bin", "AQ==,Ag")]].concat(), false);
    let call = raw.connection.call(id).unwrap();
    let values: Vec<_> = call.headers().unwrap().get_all_bin("x-bin").collect();
    assert_eq!(values, [[1], [2]]);
}

#[test]
fn a_response_header_list_over_the_limit_is_resource_exhausted() {
    let config = Config { max_header_list_size: 1_000, ..Config::default() };
    let mut raw = connect(config, Chop::Whole);
    let id = start(&mut raw, Kind::BIDI, None);
    let long = "v".repeat(1_000);
    headers(&mut raw, &[HEADERS, &[("x", &long)]].concat(), false);
    let status = drain(&mut raw, id).1.expect("a verdict");
    assert_eq!(status.code(), Code::ResourceExhausted);
    assert!(status.message().contains("max_header_list_size"), "{status}");
}

#[test]
fn cardinality_is_enforced_at_the_client() {
    let two = |raw: &mut Raw| {
        headers(raw, HEADERS, false);
        data(raw, &[message(b"1"), message(b"2")].concat(), false);
        headers(raw, OK, true);
    };
    assert_eq!(verdict_of(Kind::CLIENT_STREAMING, &two).1.code(), Code::Unimplemented);
    let none = |raw: &mut Raw| headers(raw, &[HEADERS, OK].concat(), true);
    assert_eq!(verdict_of(Kind::CLIENT_STREAMING, &none).1.code(), Code::Unimplemented);
    let error = |raw: &mut Raw| {
        headers(raw, HEADERS, false);
        data(raw, &message(b"1"), false);
        headers(raw, &[("grpc-status", "10")], true);
    };
    assert_eq!(verdict_of(Kind::CLIENT_STREAMING, &error).1.code(), Code::Aborted, "the error is the error");
}

#[test]
fn many_messages_are_one_event_until_they_are_pulled() {
    let mut raw = connect(Config::default(), Chop::Whole);
    let id = start(&mut raw, Kind::BIDI, None);
    let readable = |raw: &mut Raw| {
        std::iter::from_fn(|| raw.connection.poll_event()).filter(|e| *e == Event::Readable(id)).count()
    };
    headers(&mut raw, HEADERS, false);
    assert_eq!(readable(&mut raw), 1, "the headers");
    for _ in 0..10 {
        data(&mut raw, &message(b"m"), false);
    }
    assert_eq!(readable(&mut raw), 1, "all of them");
    data(&mut raw, &message(b"m"), false);
    assert_eq!(readable(&mut raw), 0, "nothing was pulled since");
    assert_eq!(drain(&mut raw, id).0.len(), 11);
    data(&mut raw, &[0, 0, 0], false);
    assert_eq!(readable(&mut raw), 0, "half a prefix is nothing to pull");
    data(&mut raw, &[0, 1, 7], false);
    assert_eq!(readable(&mut raw), 1);
}
