//! After our close_notify: what a peer may still send is read, what it must not send is an error, and we say nothing more.

mod support;

use proto_tls::rustls::pki_types::pem::PemObject;
use proto_tls::rustls::{ClientConfig, ServerConfig, SupportedProtocolVersion, version};
use proto_tls::rustls::{RootCertStore, crypto, pki_types::CertificateDer, pki_types::PrivateKeyDer};
use proto_tls::{Duplex, Side, Stage, TlsAcceptor, TlsConnector, TlsProblem, Writing};
use std::sync::Arc;
use support::{Authority, Pair, bytes, read, send, trusting};

const VERSIONS: [&SupportedProtocolVersion; 2] = [&version::TLS12, &version::TLS13];

/// Both ends, which speak this version and no other.
fn pair(version: &'static SupportedProtocolVersion) -> Pair {
    let authority = Authority::new("tests");
    let issued = authority.issue("localhost");
    let provider = Arc::new(crypto::ring::default_provider());
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(authority.pem().as_bytes()).expect("a certificate")).expect("a good one");
    let client = ClientConfig::builder_with_provider(provider.clone());
    let client = client.with_protocol_versions(&[version]).expect("rustls speaks it");
    let client = TlsConnector::from_rustls(client.with_root_certificates(roots).with_no_client_auth());
    let key = PrivateKeyDer::from_pem_slice(issued.key.as_bytes()).expect("a key");
    let server = ServerConfig::builder_with_provider(provider);
    let server = server.with_protocol_versions(&[version]).expect("rustls speaks it").with_no_client_auth();
    let server = server.with_single_cert(vec![issued.der.into()], key).expect("a good certificate");
    let server = TlsAcceptor::from_rustls(server);
    Pair::of(client.stage("localhost").expect("a name"), server.stage().expect("good settings"))
}

/// Each end of each version, established, with its peer: the end first.
fn ends() -> impl Iterator<Item = (Side, Stage, Stage)> {
    VERSIONS.into_iter().flat_map(|version| {
        let (client, server) = (pair(version).establish(), pair(version).establish());
        [(Side::Client, client.client, client.server), (Side::Server, server.server, server.client)]
    })
}

fn transmit(stage: &mut Stage) -> Vec<u8> {
    let mut wire = Vec::new();
    stage.poll_transmit(&mut wire);
    wire
}

fn record(kind: u8, body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(body.len()).expect("a short record").to_be_bytes();
    [&[kind, 3, 3][..], &length, body].concat()
}

/// Records that nobody who holds the keys would send.
fn garbage() -> [Vec<u8>; 7] {
    [
        b"GET / HTTP/1.1\r\n\r\n".to_vec(),
        record(99, &[1; 40]),
        record(23, &[7; 40]),
        record(23, &[]),
        record(22, &[1, 0, 0, 0]),
        record(20, &[9]),
        [&[23, 3, 3, 0xff, 0xff][..], &[0; 300]].concat(),
    ]
}

#[test]
fn garbage_after_our_close_is_an_error_and_no_panic() {
    for bytes in garbage() {
        for (us, mut stage, _) in ends() {
            let what = format!("{us:?} {:?} {:?}", stage.version(), &bytes[..5]);
            stage.close();
            let error = stage.receive(&bytes).expect_err(&what);
            assert_eq!(error.problem(), &TlsProblem::Broken, "{what}");
            assert_eq!(stage.receive(b"more").expect_err("it stays so"), error);
            assert_eq!((stage.failure(), stage.is_established()), (Some(&error), false), "{what}");
        }
    }
}

#[test]
fn a_broken_tag_after_our_close_is_an_error_and_no_panic() {
    for (us, mut stage, mut peer) in ends() {
        let what = format!("{us:?} {:?}", stage.version());
        stage.close();
        send(&mut peer, b"good");
        send(&mut peer, b"bad");
        let mut wire = transmit(&mut peer);
        *wire.last_mut().expect("there are bytes") ^= 1;
        let error = stage.receive(&wire).expect_err(&what);
        assert_eq!(error.problem(), &TlsProblem::Broken, "{what}");
        assert_eq!(stage.receive(b"more").expect_err("it stays so"), error);
        assert!(stage.has_plaintext(), "{what}");
        assert_eq!(read(&mut stage, 3), b"good", "{what}");
        assert!(!stage.has_plaintext() && stage.wants_input());
    }
}

#[test]
fn a_fault_in_what_was_kept_until_it_was_read_is_no_panic_either() {
    for (us, mut stage, mut peer) in ends() {
        let what = format!("{us:?} {:?}", stage.version());
        let many = bytes(60_000);
        stage.close();
        send(&mut peer, &many);
        send(&mut peer, b"bad");
        let mut wire = transmit(&mut peer);
        *wire.last_mut().expect("there are bytes") ^= 1;
        stage.receive(&wire).expect("most of it waits");
        assert!(read(&mut stage, 999) == many, "{what}");
        assert_eq!(stage.failure().expect(&what).problem(), &TlsProblem::Broken);
    }
}

#[test]
fn garbage_in_a_handshake_that_we_gave_up_is_no_panic() {
    for version in VERSIONS {
        for bytes in [record(22, &[2, 0, 0, 1, 0]), record(22, &[1, 0, 0, 1, 0]), record(23, &[7; 40])] {
            for server in [false, true] {
                let mut pair = pair(version);
                let hello = transmit(&mut pair.client);
                if server {
                    pair.server.receive(&hello).expect("a good hello");
                }
                let stage = if server { &mut pair.server } else { &mut pair.client };
                stage.close();
                assert!(stage.receive(&bytes).is_err());
                assert!(!stage.is_established());
            }
        }
    }
}

#[test]
fn nothing_follows_our_close_notify_whatever_the_peer_does() {
    for bytes in garbage() {
        for (us, mut stage, mut peer) in ends() {
            send(&mut stage, b"last words");
            stage.close();
            let _ = stage.receive(&bytes);
            assert!(stage.wants_output());
            let wire = transmit(&mut stage);
            assert!(!stage.wants_output() && transmit(&mut stage).is_empty());
            // All of it is good, and ends with the close_notify: a record behind it would not be the close_notify.
            peer.receive(&wire).expect("good records");
            assert_eq!(read(&mut peer, 100), b"last words");
            assert!(peer.is_peer_closed(), "{us:?}");
            let close_notify = if peer.version() == Some("TLSv1_3") { 5 + 2 + 1 + 16 } else { 5 + 2 + 8 + 16 };
            let last = wire.len() - close_notify;
            assert_eq!(usize::from(u16::from_be_bytes([wire[last + 3], wire[last + 4]])), close_notify - 5, "{us:?}");
        }
    }
}

#[test]
fn a_pipe_that_has_closed_drops_what_comes_without_deciphering_it() {
    let authority = Authority::new("tests");
    let pair = Pair::new(trusting(&authority), authority.issue("localhost").server()).establish();
    let (mut pipe, mut peer) = (Duplex::new(pair.server), pair.client);
    let mut buf = [0; 100];
    send(&mut peer, b"before");
    pipe.take_in(&transmit(&mut peer));
    pipe.close();
    send(&mut peer, b"after");
    assert!(!pipe.take_in(&transmit(&mut peer)));
    assert!(!pipe.take_in(&record(23, &[7; 40])));
    assert_eq!(pipe.take_out(&mut buf), Ok(Some(6)));
    assert_eq!(pipe.take_out(&mut buf), Ok(None));
    assert!(!pipe.take_in(&[]) && pipe.failure().is_none());
    let Writing::This(outbox) = pipe.begin_own() else { panic!("a close_notify waits") };
    peer.receive(outbox.bytes()).expect("good records");
    assert!(peer.is_peer_closed());
}
