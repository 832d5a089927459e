//! Every mistake that people make gets an error that names it, at both ends.

mod support;

use proto_tls::rustls::{self, ClientConfig, RootCertStore};
use proto_tls::{ClientTls, TlsConnector, TlsError, TlsProblem};
use std::error::Error;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use support::{Authority, Pair, trusting};

fn texts((client, server): (Option<TlsError>, Option<TlsError>)) -> (String, String) {
    let text = |error: Option<TlsError>| error.map_or_else(String::new, |error| error.to_string());
    (text(client), text(server))
}

#[test]
fn a_wrong_name_is_named_with_those_that_the_certificate_has() {
    let authority = Authority::new("tests");
    let server = authority.issue("db.example").server();
    let mut pair = Pair::new(trusting(&authority), server);
    let (client, server) = pair.carry();
    let client = client.expect("the name is wrong");
    assert_eq!(client.to_string(), r#"the server's certificate is not valid for "localhost", only for "db.example""#);
    assert!(client.source().is_some());
    assert_eq!(
        server.expect("the alert tells").to_string(),
        "the client refused our certificate: it is corrupt or wrongly signed (bad_certificate)"
    );
}

#[test]
fn a_server_name_of_ones_own_is_verified_instead() {
    let authority = Authority::new("tests");
    let server = authority.issue("db.example").server();
    Pair::new(trusting(&authority).with_server_name("db.example"), server).establish();
}

#[test]
fn an_address_is_verified_as_an_address_without_its_zone() {
    let authority = Authority::new("tests");
    let server = authority.issue("::1").server().build().expect("good settings");
    let client = trusting(&authority).build().expect("good settings");
    for host in ["::1", "[::1]", "::1%lo"] {
        Pair::of(client.stage(host).expect("an address"), server.stage().expect("good settings")).establish();
    }
    let error = client.stage("no/name").expect_err("no name");
    assert_eq!(error.to_string(), r#""no/name" is no name and no address to verify a certificate for"#);
}

#[test]
fn an_expired_certificate_and_one_of_the_future_are_told() {
    let authority = Authority::new("tests");
    let day = Duration::from_secs(86_400);
    let now = SystemTime::now();
    for (from, to, text) in [
        (now - 30 * day, now - 3 * day, "the server's certificate has expired, 3 days ago"),
        (now + 10 * day + day / 2, now + 30 * day, "the server's certificate is not valid yet, 10 days to go"),
    ] {
        let issued = authority.issue_for("localhost", from, to);
        let (client, server) = texts(Pair::new(trusting(&authority), issued.server()).carry());
        assert_eq!(client, text);
        assert_eq!(
            server,
            "the client refused our certificate: it has expired, or is not valid yet (certificate_expired)"
        );
    }
}

#[test]
fn an_unknown_issuer_is_told_at_both_ends() {
    let (ours, theirs) = (Authority::new("ours"), Authority::new("theirs"));
    let (client, server) = texts(Pair::new(trusting(&ours), theirs.issue("localhost").server()).carry());
    assert_eq!(
        client,
        "the server's certificate was issued by nobody whom we trust (with_roots_pem names an authority)"
    );
    assert_eq!(server, "the client refused our certificate: nobody whom it trusts has issued it (unknown_ca)");
}

#[test]
fn an_authority_that_was_made_anew_under_its_old_name_is_told() {
    let (ours, theirs) = (Authority::new("same"), Authority::new("same"));
    let (client, server) = texts(Pair::new(trusting(&ours), theirs.issue("localhost").server()).carry());
    assert_eq!(
        client,
        "the server's certificate is not signed by the authority of that name that we trust (was one of the two made anew?)"
    );
    assert_eq!(server, "the client gave the TLS connection up: a signature or key did not check out (decrypt_error)");
}

#[test]
fn a_missing_client_certificate_is_told_at_both_ends() {
    let authority = Authority::new("tests");
    let server = authority.issue("localhost").server().with_client_roots_pem(authority.pem());
    let (client, server) = texts(Pair::new(trusting(&authority), server).carry());
    assert_eq!(client, "the server demands a client certificate, and we have none (with_identity_pem)");
    assert_eq!(server, "the client presented no certificate, and this server demands one");
}

#[test]
fn a_refused_client_certificate_is_told_at_both_ends() {
    let (authority, strangers) = (Authority::new("tests"), Authority::new("strangers"));
    for optional in [false, true] {
        let server = authority.issue("localhost").server().with_client_roots_pem(authority.pem());
        let server = if optional { server.with_client_auth_optional() } else { server };
        let me = strangers.issue("ada");
        let client = trusting(&authority).with_identity_pem(&me.certificate, &me.key);
        let (client, server) = texts(Pair::new(client, server).carry());
        assert_eq!(client, "the server refused our certificate: nobody whom it trusts has issued it (unknown_ca)");
        assert_eq!(
            server,
            "the client's certificate was issued by nobody whom we trust (with_client_roots_pem names an authority)"
        );
    }
}

/// A client of rustls' own, that offers these protocols.
fn offering(authority: &Authority, protocols: &[&[u8]]) -> rustls::ClientConnection {
    use rustls::pki_types::{CertificateDer, pem::PemObject};
    let mut roots = RootCertStore::empty();
    let root = CertificateDer::from_pem_slice(authority.pem().as_bytes()).expect("a certificate");
    roots.add(root).expect("a good one");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let mut config = builder.expect("good versions").with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|p| p.to_vec()).collect();
    let name = "localhost".try_into().expect("a name");
    rustls::ClientConnection::new(Arc::new(config), name).expect("good settings")
}

#[test]
fn a_client_that_does_not_agree_on_http2_is_refused_by_name() {
    let authority = Authority::new("tests");
    let text = "the client did not agree on HTTP/2 in the TLS handshake (ALPN \"h2\"), as gRPC demands";
    for protocols in [&[][..], &[&b"http/1.1"[..]]] {
        let mut client = offering(&authority, protocols);
        let mut server = authority.issue("localhost").server().build().expect("good").stage().expect("good");
        let mut failure = None;
        for _ in 0..10 {
            let (mut up, mut down) = (Vec::new(), Vec::new());
            while client.wants_write() {
                client.write_tls(&mut up).expect("a vector takes it");
            }
            failure = failure.or(server.receive(&up).err());
            server.poll_transmit(&mut down);
            let mut down = &down[..];
            while !down.is_empty() {
                client.read_tls(&mut down).expect("there is room");
                let _ = client.process_new_packets();
            }
        }
        let failure = failure.expect("no h2");
        assert_eq!((failure.problem(), failure.to_string().as_str()), (&TlsProblem::NoHttp2, text));
    }
    let mut client = offering(&authority, &[]);
    let mut server =
        authority.issue("localhost").server().with_http2_assumed().build().expect("good").stage().expect("good");
    for _ in 0..10 {
        let (mut up, mut down) = (Vec::new(), Vec::new());
        while client.wants_write() {
            client.write_tls(&mut up).expect("a vector takes it");
        }
        server.receive(&up).expect("it was asked not to mind");
        server.poll_transmit(&mut down);
        let mut down = &down[..];
        while !down.is_empty() {
            client.read_tls(&mut down).expect("there is room");
            client.process_new_packets().expect("nothing is wrong");
        }
    }
    assert!(server.is_established());
}

#[test]
fn a_server_that_does_not_agree_on_http2_is_refused_by_name() {
    let authority = Authority::new("tests");
    let issued = authority.issue("localhost");
    let text =
        "the server did not agree on HTTP/2 in the TLS handshake (ALPN \"h2\"), as gRPC demands; is it a gRPC server?";
    for protocols in [&[][..], &[&b"http/1.1"[..]]] {
        use rustls::pki_types::{PrivateKeyDer, pem::PemObject};
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let key = PrivateKeyDer::from_pem_slice(issued.key.as_bytes()).expect("a key");
        let config =
            builder.expect("good").with_no_client_auth().with_single_cert(vec![issued.der.clone().into()], key);
        let mut config = config.expect("good");
        config.alpn_protocols = protocols.iter().map(|p| p.to_vec()).collect();
        let mut server = rustls::ServerConnection::new(Arc::new(config)).expect("good settings");
        let client: TlsConnector = trusting(&authority).build().expect("good");
        let mut client = client.stage("localhost").expect("a name");
        let mut failure = None;
        for _ in 0..10 {
            let (mut up, mut down) = (Vec::new(), Vec::new());
            client.poll_transmit(&mut up);
            let mut up = &up[..];
            while !up.is_empty() {
                server.read_tls(&mut up).expect("there is room");
                let _ = server.process_new_packets();
            }
            while server.wants_write() {
                server.write_tls(&mut down).expect("a vector takes it");
            }
            failure = failure.or(client.receive(&down).err());
        }
        assert_eq!(failure.expect("no h2").to_string(), text);
    }
}

#[test]
fn plain_text_at_a_tls_server_is_told_apart_and_answered_in_its_own_language() {
    let authority = Authority::new("tests");
    let acceptor = authority.issue("localhost").server().build().expect("good settings");
    for (bytes, text, answer) in [
        (&b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"[..], "HTTP/2 in plain text", "\u{15}\u{3}\u{3}"),
        (b"GET / HTTP/1.1\r\n\r\n", "an HTTP/1.1 request in plain text", "HTTP/1.1 400 Bad Request"),
        (b"EHLO example\r\n", "plain text", "\u{15}\u{3}\u{3}"),
    ] {
        let mut stage = acceptor.stage().expect("good settings");
        let error = stage.receive(bytes).expect_err("no TLS");
        assert_eq!(error.to_string(), format!("the client does not speak TLS on this port: it sent {text}"));
        let mut out = Vec::new();
        stage.poll_transmit(&mut out);
        assert!(String::from_utf8_lossy(&out).starts_with(answer));
    }
}

#[test]
fn plain_text_at_a_tls_client_is_told_apart_also_when_it_ends_early() {
    let authority = Authority::new("tests");
    let connector = trusting(&authority).build().expect("good settings");
    let settings = [0, 0, 12, 4, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 100];
    for (bytes, what) in [
        (&settings[..], "HTTP/2 in plain text (is the target to be http:// instead?)"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "an HTTP/1.1 response in plain text"),
        (b"HTTP/", "an HTTP/1.1 response in plain text"),
    ] {
        let mut stage = connector.stage("localhost").expect("a name");
        let error = stage.receive(bytes).and_then(|()| stage.receive_eof()).expect_err("no TLS");
        assert_eq!(error.to_string(), format!("the server does not speak TLS on this port: it sent {what}"));
    }
    let mut stage = connector.stage("localhost").expect("a name");
    assert_eq!(
        stage.receive_eof().expect_err("nothing came").to_string(),
        "the server closed the connection during the TLS handshake (does it speak TLS on this port?)"
    );
}

#[test]
fn settings_that_cannot_be_used_say_why() {
    let authority = Authority::new("tests");
    let (one, other) = (authority.issue("localhost"), authority.issue("localhost"));
    let server =
        |chain: &str, key: &str| proto_tls::ServerTls::new(chain, key).build().expect_err("a mistake").to_string();
    assert_eq!(
        server(&one.certificate, &other.key),
        "TLS settings: the private key does not belong to the certificate"
    );
    assert_eq!(
        server("", &one.key),
        "TLS settings: no certificate found for the certificate; expected \"-----BEGIN CERTIFICATE-----\""
    );
    assert_eq!(
        server(&one.certificate, &one.certificate),
        "TLS settings: no private key found; expected \"-----BEGIN PRIVATE KEY-----\""
    );
    assert!(server("-----BEGIN CERTIFICATE-----\n!", &one.key).contains("the certificate is no good PEM"));
    let client = |tls: ClientTls| tls.build().expect_err("a mistake").to_string();
    assert!(client(ClientTls::new().with_roots_pem("x")).contains("no certificate found for the roots"));
    assert!(client(ClientTls::new().with_roots_der([b"x".to_vec()])).starts_with("TLS settings: the roots: "));
    assert_eq!(
        client(trusting(&authority).with_server_name("a b")),
        r#"TLS settings: the server's name "a b" is no name and no address"#
    );
    assert!(client(trusting(&authority).with_identity_der([one.der], [1, 2])).contains("neither PKCS #8 nor"));
    if !cfg!(feature = "native-roots") {
        assert!(client(ClientTls::new()).contains("no authority is trusted"));
    }
}

#[test]
fn keys_are_in_no_debug_text() {
    let authority = Authority::new("tests");
    let issued = authority.issue("localhost");
    let secret: String = issued.key.lines().nth(1).expect("the key's text").into();
    let server = issued.server();
    let client = trusting(&authority).with_identity_pem(&issued.certificate, &issued.key);
    let texts = [
        format!("{server:?}"),
        format!("{client:?}"),
        format!("{:?}", server.clone().build()),
        format!("{:?}", client.clone().build()),
        format!("{:?}", client.build().expect("good").stage("localhost")),
    ];
    for text in texts {
        assert!(!text.contains(&secret) && !text.contains("PRIVATE"), "{text}");
        assert!(text.len() < 3_000, "{text}");
    }
}
