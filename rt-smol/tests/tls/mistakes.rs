//! Mistakes are named in the channel's status, at the server, and by `source()`.

use super::world::{Service, World, authority, builder, greeting, issue};
use futures_lite::future::block_on;
use proto_build_testing::hello::v1::{HelloServiceClient, HelloServiceServer};
use proto_core::channel::ConnectFailure;
use proto_tls::testkit::Authority;
use rt_smol::tls::{ClientTls, ServerTls, TlsError, TlsProblem};
use rt_smol::{Channel, ChannelBuilder, Code, Local, Origin, Seen, Server, Status};
use std::error::Error;
use std::time::{Duration, SystemTime};

/// How a call over this channel fails.
fn failure(channel: ChannelBuilder) -> Status {
    let hello = HelloServiceClient::new(channel.build().expect("good settings"));
    let status = block_on(hello.say_hello(greeting("x"))).expect_err("it must not work");
    assert_eq!(
        (status.code(), status.origin(), status.seen_by_server()),
        (Code::Unavailable, Origin::Local(Local::Connect), Seen::No),
        "{status}"
    );
    status
}

/// The TLS error at the end of the chain of sources.
fn cause(status: &Status) -> TlsError {
    let failure = status.source().and_then(|e| e.downcast_ref::<ConnectFailure>()).expect("why it failed");
    failure.source().and_then(|e| e.downcast_ref::<TlsError>()).expect("a TLS error").clone()
}

#[test]
fn a_wrong_name() {
    let world = World::new(|_, builder| builder);
    let status = failure(Channel::builder(world.target()).tls(world.authority.client()));
    let text = format!(
        "connecting to {}: the server's certificate is not valid for \"127.0.0.1\", only for \"localhost\"",
        world.server.address()
    );
    assert!(status.message().starts_with(&text), "{status}");
    assert!(matches!(cause(&status).problem(), TlsProblem::WrongName { .. }));
    assert!(world.failure().starts_with("the client refused our certificate"));
}

#[test]
fn an_expired_certificate_and_an_unknown_issuer() {
    let world = World::new(|authority, builder| {
        let now = SystemTime::now();
        let day = Duration::from_secs(86_400);
        builder.tls(authority.issue_for("localhost", now - 9 * day, now - 4 * day).expect("a name").server())
    });
    let status = failure(world.channel());
    assert!(status.message().contains("the server's certificate has expired, 4 days ago"), "{status}");
    let trusted = World::new(|_, builder| builder);
    let others = Authority::new("others").expect("the system has random numbers");
    let status = failure(Channel::builder(trusted.target()).tls(others.client().with_server_name("localhost")));
    assert!(status.message().contains("was issued by nobody whom we trust"), "{status}");
    assert_eq!(cause(&status).problem(), &TlsProblem::UnknownIssuer);
}

#[test]
fn a_client_without_the_certificate_that_is_demanded() {
    let world = World::new(|authority, builder| {
        builder.tls(issue(authority, "localhost").server().with_client_roots_pem(authority.pem()))
    });
    let status = failure(world.channel());
    assert!(status.message().contains("the server demands a client certificate, and we have none"), "{status}");
    assert_eq!(cause(&status).problem(), &TlsProblem::CertificateRequired);
    assert_eq!(world.failure(), "the client presented no certificate, and this server demands one");
    assert_eq!(block_on(world.server.shutdown(Duration::ZERO)).calls, 0);
}

#[test]
fn a_client_with_a_certificate_that_is_refused() {
    let world = World::new(|authority, builder| {
        builder.tls(issue(authority, "localhost").server().with_client_roots_pem(authority.pem()))
    });
    let strangers = Authority::new("strangers").expect("the system has random numbers");
    let stranger = issue(&strangers, "ada");
    let tls = world.client().with_identity_pem(&stranger.certificate, &stranger.key);
    let status = failure(Channel::builder(world.target()).tls(tls));
    assert!(
        status.message().contains("the server refused our certificate: nobody whom it trusts has issued it"),
        "{status}"
    );
    assert!(world.failure().starts_with("the client's certificate was issued by nobody whom we trust"));
}

#[test]
fn tls_on_a_plain_port() {
    let server = Server::builder().add_service(HelloServiceServer::new(Service));
    let server = server.bind("127.0.0.1:0").expect("a free port").spawn();
    let status = failure(Channel::builder(format!("https://{}", server.address())).tls(authority("tests").client()));
    let text = "the server closed the connection during the TLS handshake (does it speak TLS on this port?)";
    assert!(status.message().contains(text), "{status}");
    assert_eq!(cause(&status).problem(), &TlsProblem::ClosedInHandshake);
}

#[test]
fn plain_text_on_a_tls_port() {
    let world = World::new(|_, builder| builder);
    let status = failure(Channel::builder(world.server.address().to_string()));
    assert!(status.message().contains("the server expects TLS: it answered plain text with a TLS record"), "{status}");
    assert_eq!(world.failure(), "the client does not speak TLS on this port: it sent HTTP/2 in plain text");
    assert_eq!(world.server.report().tls_failures, 1);
}

#[test]
fn settings_that_cannot_be_used_are_errors_of_the_builders() {
    let authority = authority("tests");
    let (one, other) = (issue(&authority, "localhost"), issue(&authority, "localhost"));
    let (builder, _) = builder();
    let error = builder.tls(ServerTls::new(&one.certificate, &other.key)).bind("127.0.0.1:0").expect_err("a mistake");
    assert_eq!(error.to_string(), "TLS settings: the private key does not belong to the certificate");

    let refused = |builder: ChannelBuilder| builder.build().expect_err("a mistake");
    let status = refused(Channel::builder("https://localhost:1").tls(ClientTls::new().with_roots_pem("")));
    assert_eq!(status.code(), Code::InvalidArgument);
    assert!(
        status.message().contains("target \"https://localhost:1\": TLS settings: no certificate found for the roots"),
        "{status}"
    );
    let status = refused(Channel::builder("http://localhost:1").tls(authority.client()));
    assert!(
        status.message().contains("asks for plain text, but TLS settings were given; expected https://"),
        "{status}"
    );
    if !cfg!(feature = "tls-native-roots") {
        let status = refused(Channel::builder("https://localhost:1"));
        assert!(status.message().contains("no authority is trusted"), "{status}");
    }
}
