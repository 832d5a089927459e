//! HTTP/1.1 where gRPC meets it (`proto_core::h1`): the answers of proxies to CONNECT, requests on a gRPC port, and the texts that name proxies,
//! their exceptions and targets. How bytes are chopped changes nothing, what follows a proxy's answer belongs to the tunnel, and nothing shows
//! credentials.

use crate::input::{Input, put_piece};
use proto_core::channel::Target;
use proto_core::connection::Connection;
use proto_core::error::ConnectionError;
use proto_core::h1::{Connect, ConnectError, NoProxy, Proxy};
use proto_core::testkit::{Clock, Random};
use proto_core::{Config, Incoming, Outgoing};

/// No head is longer, and nothing longer is kept.
const LONGEST_HEAD: usize = 16 * 1024;

/// See the module.
pub fn run(data: &[u8]) {
    let mut input = Input::new(data);
    match input.byte() % 3 {
        0 => connect(&mut input),
        1 => request(&mut input),
        _ => texts(&mut input),
    }
}

/// How a proxy's answer was judged, and how many of its bytes were no part of the tunnel.
fn judged(answer: &[u8], mut size: impl FnMut(usize) -> usize) -> Result<Option<usize>, ConnectError> {
    let proxy = Proxy::parse("http://ada:secret@proxy.example:3128").expect("a good proxy");
    let mut connect = Connect::new("api.example:443", &proxy);
    let n = connect.transmit().len();
    connect.advance(n);
    let (mut rest, mut eaten) = (answer, 0);
    while !rest.is_empty() {
        let (piece, tail) = rest.split_at(size(rest.len()));
        rest = tail;
        match connect.receive(piece) {
            Ok(None) => eaten += piece.len(),
            Ok(Some(n)) => {
                assert!(n <= piece.len());
                return Ok(Some(eaten + n));
            }
            Err(error) => {
                assert_eq!(connect.receive(b"HTTP/1.1 200 OK\r\n\r\n"), Err(error.clone()), "it stays so");
                assert_eq!(connect.receive_eof(), error);
                assert!(!format!("{error} {connect:?}").contains("secret"));
                return Err(error);
            }
        }
    }
    assert!(eaten <= LONGEST_HEAD, "it waits for more of a head of {eaten} bytes");
    let closed = connect.receive_eof();
    assert!(matches!(closed, ConnectError::Closed { .. }));
    Ok(None)
}

/// A proxy's answer.
fn connect(input: &mut Input<'_>) {
    let mut random = Random::seed(input.byte().into());
    let answer = input.rest();
    let whole = judged(answer, |left| left);
    let chopped = judged(answer, |left| 1 + random.below(left.min(40)));
    let ones = judged(answer, |_| 1);
    for other in [chopped, ones] {
        match (&whole, &other) {
            // What is shown of an answer that is none depends on how much had come.
            (Err(ConnectError::NotHttp { .. }), Err(ConnectError::NotHttp { .. })) => {}
            _ => assert_eq!(whole, other, "chopping changes nothing"),
        }
    }
}

/// A client of HTTP/1.x, or of nothing, on a gRPC port.
fn request(input: &mut Input<'_>) {
    let mut random = Random::seed(input.byte().into());
    let bytes = input.rest();
    let now = Clock::new().now();
    let mut server = Connection::server(Config::default(), now);
    let (mut incoming, mut outgoing, mut sent) = (Incoming::new(), Outgoing::new(), Vec::new());
    let mut rest = bytes;
    while !rest.is_empty() {
        let (piece, tail) = rest.split_at(1 + random.below(rest.len()));
        rest = tail;
        incoming.extend_from_slice(piece);
        // A fault shows in `close_reason`.
        let _ = server.receive(now, &mut incoming);
    }
    server.receive_eof(now);
    while server.poll_transmit(now, &mut outgoing) {
        let mut segments = [&[][..]; 8];
        let count = outgoing.segments(&mut segments);
        sent.extend(segments[..count].concat());
        outgoing.advance(usize::MAX);
    }
    let reason = server.close_reason().expect("it is over");
    if sent.starts_with(b"HTTP/1.") {
        assert!(matches!(reason, ConnectionError::NotHttp2 { .. }), "{reason}");
        assert!(sent.len() < 2_048 && sent.windows(4).any(|end| end == b"\r\n\r\n"), "a short, whole answer");
    }
}

/// Names of proxies, exceptions, and targets.
fn texts(input: &mut Input<'_>) {
    let text = String::from_utf8_lossy(input.piece()).into_owned();
    let list = String::from_utf8_lossy(input.piece()).into_owned();
    match Proxy::parse(&text) {
        Ok(proxy) => {
            let shown = proxy.to_string();
            let again = Proxy::parse(&shown).expect("as it was shown");
            assert_eq!((again.host(), again.port()), (proxy.host(), proxy.port()));
            let request = Connect::new(&list, &proxy);
            let request = request.transmit();
            let ends = request.windows(4).filter(|end| end == b"\r\n\r\n").count();
            assert!(ends == 1 && request.ends_with(b"\r\n\r\n"), "nobody writes a second request into the first");
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
    let exceptions = NoProxy::parse(&list);
    let _ = (exceptions.matches(&text, 80), exceptions.matches("10.0.0.7", 443), exceptions.matches("::1", 443));
    let all = NoProxy::parse(&format!("{list},*"));
    assert!(all.matches(&text, 80));
    match Target::parse(&text) {
        Ok(target) => {
            assert!(!target.authority().chars().any(|c| c.is_control() || c == ' '), "{target:?}");
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

/// Seeds: answers of proxies, requests, and texts.
pub fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for answer in [
        "HTTP/1.1 200 Connection established\r\n\r\nfirst bytes",
        "HTTP/1.0 200 OK\nVia: a\n\n",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No Content\r\nA: b\r\n\r\n",
        "HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=\"a\"\r\nContent-Length: 3\r\n\r\nno!",
        "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 3\r\n\r\n<html>",
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n",
        "HTTP/2.0 200 OK\r\n\r\n",
        "\r\n\r\nHTTP/1.1 200\r\n\r\n",
        "HTTP/1.1 2",
        "SSH-2.0-OpenSSH\r\n",
        "\u{16}\u{3}\u{1}\0",
    ] {
        seeds.push([&[0, 7], answer.as_bytes()].concat());
    }
    for request in [
        "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "POST /a.B/C HTTP/1.1\r\nContent-Type: application/grpc-web\r\n\r\n\0\0\0\0\0",
        "GET / HTTP/1.1\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n",
        "OPTIONS * HTTP/1.0\n\n",
    ] {
        seeds.push([&[1, 3], request.as_bytes()].concat());
    }
    for (text, list) in [
        ("http://ada:p%40ss@proxy.example:3128/", "example.com,10.0.0.0/8"),
        ("socks5://a:1", ".example.com *.b [::1]:443"),
        ("[fe80::1%eth0]:80", "fd00::/8,::1"),
        ("dns:///db.example:50051", "*"),
        ("unix:/run/app", ""),
        ("https://a", "a:99999"),
    ] {
        let mut out = vec![2];
        put_piece(&mut out, text.as_bytes());
        put_piece(&mut out, list.as_bytes());
        seeds.push(out);
    }
    seeds
}
