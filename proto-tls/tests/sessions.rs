//! Mutual TLS, resumption, certificates that change while the server runs.

mod support;

use proto_tls::{TlsAcceptor, TlsConnector};
use support::{Authority, Pair, read, send, trusting};

fn pair(client: &TlsConnector, server: &TlsAcceptor) -> Pair {
    Pair::of(client.stage("localhost").expect("a name"), server.stage().expect("good settings"))
}

#[test]
fn a_servers_handlers_see_the_clients_certificates_leaf_first() {
    let authority = Authority::new("tests");
    let server = authority.issue("localhost").server().with_client_roots_pem(authority.pem());
    let me = authority.issue("ada");
    let client = trusting(&authority).with_identity_pem(format!("{}{}", me.certificate, authority.pem()), &me.key);
    let pair = Pair::new(client, server).establish();
    let seen = pair.server.certificates();
    assert_eq!((seen.len(), &seen[0][..]), (2, &me.der[..]));
    assert_eq!(pair.client.certificates().len(), 1);
}

#[test]
fn a_client_may_come_without_a_certificate_where_it_is_optional() {
    let authority = Authority::new("tests");
    let server = authority.issue("localhost").server().with_client_roots_pem(authority.pem());
    let pair = Pair::new(trusting(&authority), server.with_client_auth_optional()).establish();
    assert!(pair.server.certificates().is_empty());
}

#[test]
fn a_second_connection_resumes_the_session_and_the_clients_certificate_stays_known() {
    let authority = Authority::new("tests");
    let me = authority.issue("ada");
    let server = authority.issue("localhost").server().with_client_roots_pem(authority.pem());
    let client = trusting(&authority).with_identity_pem(&me.certificate, &me.key);
    let (client, server) = (client.build().expect("good"), server.build().expect("good"));
    for round in 0..4 {
        let mut pair = pair(&client, &server).establish();
        assert_eq!(pair.client.is_resumed(), round > 0);
        assert_eq!(pair.server.is_resumed(), round > 0);
        assert_eq!(&pair.server.certificates()[0][..], &me.der[..]);
        send(&mut pair.client, b"x");
        assert_eq!(pair.carry(), (None, None));
        assert_eq!(read(&mut pair.server, 10), b"x");
    }
}

#[test]
fn new_connections_get_the_new_certificate_and_old_ones_go_on() {
    let authority = Authority::new("tests");
    let (old, new) = (authority.issue("localhost"), authority.issue("localhost"));
    let server = old.server().build().expect("good");
    let client = trusting(&authority).build().expect("good");
    let mut before = pair(&client, &server).establish();
    assert_eq!(&before.client.certificates()[0][..], &old.der[..]);
    // A clone, as a running server holds one.
    let elsewhere = server.clone();
    server.reload(new.server()).expect("good settings");
    let after = pair(&client, &elsewhere).establish();
    assert!(!after.client.is_resumed());
    assert_eq!(&after.client.certificates()[0][..], &new.der[..]);
    send(&mut before.client, b"still here");
    assert_eq!(before.carry(), (None, None));
    assert_eq!(read(&mut before.server, 100), b"still here");
}

#[test]
fn settings_that_cannot_be_used_change_nothing() {
    let authority = Authority::new("tests");
    let (one, other) = (authority.issue("localhost"), authority.issue("localhost"));
    let server = one.server().build().expect("good");
    let wrong = proto_tls::ServerTls::new(&one.certificate, &other.key);
    server.reload(wrong).expect_err("the key is another one's");
    let client = trusting(&authority).build().expect("good");
    let pair = pair(&client, &server).establish();
    assert_eq!(&pair.client.certificates()[0][..], &one.der[..]);
}

#[test]
fn a_client_changes_its_certificate_too() {
    let authority = Authority::new("tests");
    let (old, new) = (authority.issue("ada"), authority.issue("ada"));
    let server = authority.issue("localhost").server().with_client_roots_pem(authority.pem()).build().expect("good");
    let client = trusting(&authority).with_identity_pem(&old.certificate, &old.key).build().expect("good");
    pair(&client, &server).establish();
    client.reload(trusting(&authority).with_identity_pem(&new.certificate, &new.key)).expect("good");
    let after = pair(&client, &server).establish();
    assert_eq!(&after.server.certificates()[0][..], &new.der[..]);
}
