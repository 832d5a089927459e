//! Peers that speak TLS 1.2 and no more.

mod support;

use proto_tls::rustls::pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject};
use proto_tls::rustls::server::WebPkiClientVerifier;
use proto_tls::rustls::{self, RootCertStore, ServerConfig};
use proto_tls::{TlsAcceptor, TlsConnector};
use std::sync::Arc;
use support::{Authority, Pair, bytes, read, send, trusting};

/// A server of TLS 1.2, which asks for certificates if it is told to.
fn old_server(authority: &Authority, asks: bool) -> TlsAcceptor {
    let issued = authority.issue("localhost");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(provider.clone());
    let builder = builder.with_protocol_versions(&[&rustls::version::TLS12]).expect("rustls speaks it");
    let builder = if asks {
        let mut roots = RootCertStore::empty();
        let root = CertificateDer::from_pem_slice(authority.pem().as_bytes()).expect("a certificate");
        roots.add(root).expect("a good one");
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build();
        builder.with_client_cert_verifier(verifier.expect("good roots"))
    } else {
        builder.with_no_client_auth()
    };
    let key = PrivateKeyDer::from_pem_slice(issued.key.as_bytes()).expect("a key");
    let config = builder.with_single_cert(vec![issued.der.clone().into()], key);
    TlsAcceptor::from_rustls(config.expect("a good certificate"))
}

fn pair(client: &TlsConnector, server: &TlsAcceptor) -> Pair {
    Pair::of(client.stage("localhost").expect("a name"), server.stage().expect("good settings"))
}

#[test]
fn bytes_go_both_ways_and_the_session_is_resumed() {
    let authority = Authority::new("tests");
    let (client, server) = (trusting(&authority).build().expect("good settings"), old_server(&authority, false));
    for (round, chop) in [1, 7, usize::MAX].into_iter().enumerate() {
        let mut pair = pair(&client, &server).chopped(chop).establish();
        assert_eq!((pair.client.version(), pair.client.is_resumed()), (Some("TLSv1_2"), round > 0));
        send(&mut pair.client, &bytes(50_000));
        send(&mut pair.server, &bytes(40_000));
        assert_eq!(pair.carry(), (None, None));
        assert!(read(&mut pair.server, 1_000) == bytes(50_000) && read(&mut pair.client, 70_000) == bytes(40_000));
        pair.server.close();
        assert_eq!(pair.carry(), (None, None));
        assert!(pair.client.is_peer_closed());
    }
}

#[test]
fn a_missing_client_certificate_is_told_at_both_ends() {
    let authority = Authority::new("tests");
    let client = trusting(&authority).build().expect("good settings");
    let (at_client, at_server) = pair(&client, &old_server(&authority, true)).carry();
    assert_eq!(
        at_client.expect("it was refused").to_string(),
        "the server demands a client certificate, and we have none (with_identity_pem)"
    );
    assert_eq!(
        at_server.expect("it has refused").to_string(),
        "the client presented no certificate, and this server demands one"
    );
}

#[test]
fn a_clients_certificates_are_seen() {
    let authority = Authority::new("tests");
    let me = authority.issue("ada");
    let client = trusting(&authority).with_identity_pem(&me.certificate, &me.key).build().expect("good settings");
    let pair = pair(&client, &old_server(&authority, true)).establish();
    assert_eq!(&pair.server.certificates()[0][..], &me.der[..]);
}
