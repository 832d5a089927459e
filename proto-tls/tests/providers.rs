//! Who does the cryptography: the feature's, or the one that was asked for. CI runs it with each of the features and with none.

mod support;

use proto_tls::rustls::crypto::{self, CryptoProvider};
use std::sync::Arc;
use support::{Authority, Pair, bytes, read, send, trusting};

/// Every provider that this build has.
fn providers() -> Vec<Arc<CryptoProvider>> {
    vec![
        #[cfg(feature = "ring")]
        Arc::new(crypto::ring::default_provider()),
        #[cfg(feature = "aws-lc-rs")]
        Arc::new(crypto::aws_lc_rs::default_provider()),
    ]
}

/// Bytes go both ways, and so they do when the session is resumed.
fn holds(client: &proto_tls::TlsConnector, server: &proto_tls::TlsAcceptor) {
    for round in 0..2 {
        let stages = (client.stage("localhost").expect("a name"), server.stage().expect("good settings"));
        let mut pair = Pair::of(stages.0, stages.1).establish();
        assert_eq!((pair.client.version(), pair.client.is_resumed()), (Some("TLSv1_3"), round > 0));
        send(&mut pair.client, &bytes(50_000));
        send(&mut pair.server, &bytes(40_000));
        assert_eq!(pair.carry(), (None, None));
        assert!(read(&mut pair.server, 1_000) == bytes(50_000) && read(&mut pair.client, 70_000) == bytes(40_000));
        pair.server.close();
        assert_eq!(pair.carry(), (None, None));
        assert!(pair.client.is_peer_closed());
    }
}

#[cfg(any(feature = "ring", feature = "aws-lc-rs"))]
#[test]
fn the_feature_is_the_default() {
    let authority = Authority::new("tests");
    let client = trusting(&authority).build().expect("good settings");
    holds(&client, &authority.issue("localhost").server().build().expect("good settings"));
}

#[cfg(any(feature = "ring", feature = "aws-lc-rs"))]
#[test]
fn the_one_that_is_asked_for_is_taken_at_either_end() {
    let authority = Authority::new("tests");
    let me = authority.issue("ada");
    for ours in providers() {
        for theirs in providers() {
            let client = trusting(&authority).with_identity_pem(&me.certificate, &me.key).with_provider(ours.clone());
            let server = authority.issue("localhost").server().with_client_roots_pem(authority.pem());
            let server = server.with_provider(theirs).build().expect("good settings");
            holds(&client.build().expect("good settings"), &server);
        }
    }
}

/// Nothing is in common with a provider that has no cipher suites but those of TLS 1.2, and one that has those of 1.3 alone: so
/// it is this provider that is used.
#[cfg(any(feature = "ring", feature = "aws-lc-rs"))]
#[test]
fn no_other_one_is_used_beside_it() {
    let authority = Authority::new("tests");
    let only = |new: bool| {
        let mut provider = CryptoProvider::clone(&providers()[0]);
        provider.cipher_suites.retain(|suite| suite.tls13().is_some() == new);
        Arc::new(provider)
    };
    let client = trusting(&authority).with_provider(only(true));
    let server = authority.issue("localhost").server().with_provider(only(false));
    let (at_client, at_server) = Pair::new(client, server).carry();
    assert_eq!(
        at_client.expect("nothing in common").to_string(),
        "the server and we have no TLS version, cipher suite or signature scheme in common"
    );
    assert!(at_server.expect("nothing in common").to_string().starts_with("the client and we have no TLS in common"));
}

#[cfg(not(any(feature = "ring", feature = "aws-lc-rs")))]
#[test]
fn without_any_the_settings_say_what_to_do() {
    assert!(providers().is_empty());
    let authority = Authority::new("tests");
    let client = trusting(&authority).build().expect_err("nobody does the cryptography");
    let server = authority.issue("localhost").server().build().expect_err("nobody does the cryptography");
    assert_eq!((&client, &server), (&proto_tls::TlsConfigError::NoProvider, &proto_tls::TlsConfigError::NoProvider));
    assert_eq!(
        client.to_string(),
        "TLS settings: no cryptography: turn the feature `ring` or `aws-lc-rs` on (of a runtime, `tls` or \
         `tls-aws-lc-rs`), or use with_provider"
    );
}
