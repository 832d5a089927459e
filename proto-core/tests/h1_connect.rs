//! Tunnels through an HTTP proxy: every answer, however it is chopped, and with what follows it.

use proto_core::h1::{Connect, ConnectError, Proxy};

/// Longest answer that is taken, and most fields in it.
const LONGEST: usize = 16 * 1024;
const MOST_FIELDS: usize = 100;

fn asking(proxy: &str) -> Connect {
    Connect::new("api.example:443", &Proxy::parse(proxy).unwrap())
}

/// What comes of this answer, in pieces of `size`: the bytes that belong to the tunnel, or the error.
fn in_pieces(answer: &[u8], size: usize) -> Result<Option<Vec<u8>>, ConnectError> {
    let mut connect = asking("http://ada:secret@proxy");
    let mut at = 0;
    for piece in answer.chunks(size) {
        match connect.receive(piece) {
            Ok(None) => at += piece.len(),
            Ok(Some(eaten)) => return Ok(Some(answer[at + eaten..].to_vec())),
            Err(error) => {
                // It stays that way.
                assert_eq!(connect.receive(b"HTTP/1.1 200 OK\r\n\r\n"), Err(error.clone()));
                assert_eq!(connect.receive_eof(), error);
                return Err(error);
            }
        }
    }
    Ok(None)
}

/// The same in every chopping.
#[track_caller]
fn outcome(answer: &[u8]) -> Result<Option<Vec<u8>>, ConnectError> {
    let whole = in_pieces(answer, answer.len().max(1));
    for size in [1, 2, 3, 7, 64, 1000] {
        assert_eq!(in_pieces(answer, size), whole, "in pieces of {size}");
    }
    whole
}

#[track_caller]
fn refusal(answer: &[u8]) -> String {
    outcome(answer).expect_err("no tunnel").to_string()
}

#[test]
fn the_request_names_the_target_and_carries_credentials() {
    let request = |to, proxy: &str| {
        let connect = Connect::new(to, &Proxy::parse(proxy).unwrap());
        assert!(!format!("{connect:?}").contains("QWxh"));
        String::from_utf8(connect.transmit().to_vec()).unwrap()
    };
    let agent = concat!("User-Agent: grpc-rust-proto/", env!("CARGO_PKG_VERSION"), "\r\n");
    assert_eq!(
        request("[::1]:50051", "proxy"),
        format!("CONNECT [::1]:50051 HTTP/1.1\r\nHost: [::1]:50051\r\n{agent}\r\n")
    );
    assert_eq!(
        request("a.b:1", "http://Aladdin:open%20sesame@proxy"),
        format!(
            "CONNECT a.b:1 HTTP/1.1\r\nHost: a.b:1\r\n{agent}Proxy-Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n\r\n"
        )
    );
    let forged = request("a.b:1\r\nX: y", "proxy");
    assert!(forged.starts_with("CONNECT a.b:1X:y HTTP/1.1\r\nHost: a.b:1X:y\r\nUser"), "{forged}");
}

#[test]
fn the_request_may_leave_in_any_pieces() {
    let mut connect = asking("proxy");
    let whole = connect.transmit().to_vec();
    let mut written = Vec::new();
    while let Some(&byte) = connect.transmit().first() {
        written.push(byte);
        connect.advance(1);
    }
    connect.advance(usize::MAX);
    assert_eq!((written, connect.transmit()), (whole, &[][..]));
}

#[test]
fn what_follows_a_2xx_belongs_to_the_tunnel() {
    for head in [
        "HTTP/1.1 200 Connection established\r\n\r\n",
        "HTTP/1.0 200\r\n\r\n",
        "HTTP/1.1 299 \r\nVia: x\r\n\r\n",
        "HTTP/1.1 200 OK\nServer: y\n\n",
        "\r\nHTTP/1.1 204 No Content\r\n\r\n",
        // Neither a length nor a bad field says anything about a tunnel.
        "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\nbad field\r\n\r\n",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nLink: z\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
    ] {
        for rest in [&b""[..], b"\0\0\0\x04\0\0\0\0\0", b"\r\n\r\nHTTP/1.1 407\r\n\r\n"] {
            let answer = [head.as_bytes(), rest].concat();
            assert_eq!(outcome(&answer), Ok(Some(rest.to_vec())), "{head:?}");
        }
    }
}

#[test]
fn an_answer_may_come_before_the_request_has_left() {
    let mut connect = asking("proxy");
    assert_eq!(
        connect.receive(b"HTTP/1.1 403 No\r\n\r\n"),
        Err(ConnectError::Refused { status: 403, reason: "No".into() })
    );
}

#[test]
fn refusals_say_what_the_proxy_said() {
    for (answer, text) in [
        ("HTTP/1.1 403 Forbidden\r\n\r\n<html>", "the proxy answered CONNECT with 403 Forbidden"),
        ("HTTP/1.1 502\r\n\r\n", "the proxy answered CONNECT with 502"),
        ("HTTP/1.1 302 Found\r\nLocation: http://login\r\n\r\n", "the proxy answered CONNECT with 302 Found"),
        ("HTTP/1.1 101 Switching Protocols\r\n\r\n", "the proxy answered CONNECT with 101 Switching Protocols"),
        (
            "HTTP/1.1 407 Who\r\nproxy-AUTHENTICATE: Basic realm=\"corp\"\r\n\r\n",
            "the proxy does not accept the credentials given (407; Basic realm=\"corp\")",
        ),
    ] {
        assert_eq!(refusal(answer.as_bytes()), text);
    }
    let mut connect = asking("proxy");
    let error = connect.receive(b"HTTP/1.1 407 Who\r\n\r\n").unwrap_err();
    assert_eq!(error, ConnectError::Credentials { challenge: String::new(), given: false });
    assert_eq!(
        error.to_string(),
        "the proxy wants credentials (407); expected them as in http://user:password@proxy:port"
    );
}

#[test]
fn what_is_not_http_shows_with_its_first_bytes() {
    let mut connect = asking("proxy");
    assert!(matches!(connect.receive(b"S"), Err(ConnectError::NotHttp { tls: false, .. })));
    for (answer, tls) in
        [(&b"\x15\x03\x03\0\x02"[..], true), (b"\x16\x03", true), (b"\x15\x04", false), (b"SSH-2.0", false)]
    {
        let Err(ConnectError::NotHttp { tls: is_tls, .. }) = in_pieces(answer, 100) else { panic!("{answer:?}") };
        assert_eq!(is_tls, tls, "{answer:?}");
    }
    // HTTP/2 is not asked in HTTP/2.
    assert!(matches!(in_pieces(b"HTTP/2.0 200 OK\r\n\r\n", 1), Err(ConnectError::NotHttp { .. })));
    let text = in_pieces(b"\0\0\x12\x04\0\0\0\0\0hello", 100).unwrap_err().to_string();
    assert_eq!(text, "the proxy's answer is not HTTP/1.1: it begins with \".........hello\"");
}

#[test]
fn malformed_answers_are_named() {
    for answer in ["HTTP/1.1 2x0 OK\r\n\r\n", "HTTP/1.1\r\n\r\n", "HTTP/1.9 200 OK\r\n\r\n", "HTTP/1.1 20\0 OK\r\n\r\n"]
    {
        let text = refusal(answer.as_bytes());
        assert!(text.starts_with("the proxy's answer is malformed: "), "{answer:?}: {text}");
    }
}

#[test]
fn answers_without_end_are_cut() {
    let too_long = Err(ConnectError::TooLong);
    let long = |n: usize| [b"HTTP/1.1 200 OK\r\na: ", &vec![b'x'; n][..], b"\r\n\r\n"].concat();
    let fits = LONGEST - long(0).len();
    assert_eq!(outcome(&long(fits)), Ok(Some(Vec::new())));
    assert_eq!(outcome(&long(fits + 1)), too_long);
    assert_eq!(outcome(&b"HTTP/1.1 100 Continue\r\n\r\n".repeat(1_000)), too_long);
    assert_eq!(outcome(&b"\r\n".repeat(LONGEST)), too_long);
    let fields = |n| ["HTTP/1.1 200 OK\r\n", &"a: b\r\n".repeat(n), "\r\n"].concat();
    assert_eq!(outcome(fields(MOST_FIELDS).as_bytes()), Ok(Some(Vec::new())));
    assert_eq!(outcome(fields(MOST_FIELDS + 1).as_bytes()), too_long);
}

#[test]
fn the_end_of_the_stream_says_how_far_the_answer_was() {
    for (answer, begun) in [(&b""[..], false), (b"HTTP/1.1 200 OK\r\n", true), (b"HTTP/1.1 100 C\r\n\r\n", false)] {
        let mut connect = asking("proxy");
        assert_eq!(connect.receive(answer), Ok(None));
        assert_eq!(connect.receive_eof(), ConnectError::Closed { begun });
        assert_eq!(connect.receive(b"HTTP/1.1 200 OK\r\n\r\n"), Err(ConnectError::Closed { begun }));
    }
}
