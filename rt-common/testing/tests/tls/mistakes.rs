//! Mistakes are named in the channel's status, at the server, and by `source()`.

use proto_core::channel::ConnectFailure;
use proto_core::grpc::{Code, Local, Origin, Seen, Status};
use proto_tls::testkit::Authority;
use proto_tls::{ClientTls, ServerTls, TlsError, TlsProblem};
use rt_common_testing::greeter::greeting;
use rt_common_testing::runtime::{Channel, ChannelBuilder, Running, Server, ServerBuilder};
use rt_common_testing::world::{authority, builder, issue};
use rt_common_testing::{Runtime, World, on_both};
use std::error::Error;
use std::time::{Duration, SystemTime};

on_both! {
    a_wrong_name,
    an_expired_certificate_and_an_unknown_issuer,
    a_client_without_the_certificate_that_is_demanded,
    a_client_with_a_certificate_that_is_refused,
    tls_on_a_plain_port,
    plain_text_on_a_tls_port,
    settings_that_cannot_be_used_are_errors_of_the_builders,
}

/// How a call over this channel fails.
pub(crate) fn failure<R: Runtime>(channel: R::ChannelBuilder) -> Status {
    let channel = channel.build().expect("good settings");
    let status = channel.say_hello(greeting("x")).expect_err("it must not work");
    assert_eq!(
        (status.code(), status.origin(), status.seen_by_server()),
        (Code::Unavailable, Origin::Local(Local::Connect), Seen::No),
        "{status}"
    );
    status
}

/// The TLS error at the end of the chain of sources.
pub(crate) fn cause(status: &Status) -> TlsError {
    let failure = status.source().and_then(|e| e.downcast_ref::<ConnectFailure>()).expect("why it failed");
    failure.source().and_then(|e| e.downcast_ref::<TlsError>()).expect("a TLS error").clone()
}

fn a_wrong_name<R: Runtime>() {
    let world = World::<R>::new(|_, builder| builder);
    let status = failure::<R>(R::channel(world.target()).tls(world.authority.client()));
    let text = format!(
        "connecting to {}: the server's certificate is not valid for \"127.0.0.1\", only for \"localhost\"",
        world.server.address()
    );
    assert!(status.message().starts_with(&text), "{status}");
    assert!(matches!(cause(&status).problem(), TlsProblem::WrongName { .. }));
    assert!(world.failure().starts_with("the client refused our certificate"));
}

fn an_expired_certificate_and_an_unknown_issuer<R: Runtime>() {
    let world = World::<R>::new(|authority, builder| {
        let now = SystemTime::now();
        let day = Duration::from_secs(86_400);
        builder.tls(authority.issue_for("localhost", now - 9 * day, now - 4 * day).expect("a name").server())
    });
    let status = failure::<R>(world.channel());
    assert!(status.message().contains("the server's certificate has expired, 4 days ago"), "{status}");
    let trusted = World::<R>::new(|_, builder| builder);
    let others = Authority::new("others").expect("the system has random numbers");
    let status = failure::<R>(R::channel(trusted.target()).tls(others.client().with_server_name("localhost")));
    assert!(status.message().contains("was issued by nobody whom we trust"), "{status}");
    assert_eq!(cause(&status).problem(), &TlsProblem::UnknownIssuer);
}

fn a_client_without_the_certificate_that_is_demanded<R: Runtime>() {
    let world = World::<R>::new(|authority, builder| {
        builder.tls(issue(authority, "localhost").server().with_client_roots_pem(authority.pem()))
    });
    let status = failure::<R>(world.channel());
    assert!(status.message().contains("the server demands a client certificate, and we have none"), "{status}");
    assert_eq!(cause(&status).problem(), &TlsProblem::CertificateRequired);
    assert_eq!(world.failure(), "the client presented no certificate, and this server demands one");
    assert_eq!(world.server.shutdown(Duration::ZERO).calls, 0);
}

fn a_client_with_a_certificate_that_is_refused<R: Runtime>() {
    let world = World::<R>::new(|authority, builder| {
        builder.tls(issue(authority, "localhost").server().with_client_roots_pem(authority.pem()))
    });
    let strangers = Authority::new("strangers").expect("the system has random numbers");
    let stranger = issue(&strangers, "ada");
    let tls = world.client().with_identity_pem(&stranger.certificate, &stranger.key);
    let status = failure::<R>(R::channel(world.target()).tls(tls));
    assert!(
        status.message().contains("the server refused our certificate: nobody whom it trusts has issued it"),
        "{status}"
    );
    assert!(world.failure().starts_with("the client's certificate was issued by nobody whom we trust"));
}

fn tls_on_a_plain_port<R: Runtime>() {
    let server = R::server().greeter();
    let server = server.bind("127.0.0.1:0").expect("a free port").spawn();
    let status = failure::<R>(R::channel(format!("https://{}", server.address())).tls(authority("tests").client()));
    let text = "the server closed the connection during the TLS handshake (does it speak TLS on this port?)";
    assert!(status.message().contains(text), "{status}");
    assert_eq!(cause(&status).problem(), &TlsProblem::ClosedInHandshake);
}

fn plain_text_on_a_tls_port<R: Runtime>() {
    let world = World::<R>::new(|_, builder| builder);
    let status = failure::<R>(R::channel(world.server.address().to_string()));
    assert!(status.message().contains("the server expects TLS: it answered plain text with a TLS record"), "{status}");
    assert_eq!(world.failure(), "the client does not speak TLS on this port: it sent HTTP/2 in plain text");
    assert_eq!(world.server.report().tls_failures, 1);
}

fn settings_that_cannot_be_used_are_errors_of_the_builders<R: Runtime>() {
    let authority = authority("tests");
    let (one, other) = (issue(&authority, "localhost"), issue(&authority, "localhost"));
    let (builder, _) = builder::<R>();
    let error =
        builder.tls(ServerTls::new(&one.certificate, &other.key)).bind("127.0.0.1:0").map(drop).expect_err("a mistake");
    assert_eq!(error.to_string(), "TLS settings: the private key does not belong to the certificate");

    let refused = |builder: R::ChannelBuilder| builder.build().map(drop).expect_err("a mistake");
    let status = refused(R::channel("https://localhost:1").tls(ClientTls::new().with_roots_pem("")));
    assert_eq!(status.code(), Code::InvalidArgument);
    assert!(
        status.message().contains("target \"https://localhost:1\": TLS settings: no certificate found for the roots"),
        "{status}"
    );
    let status = refused(R::channel("http://localhost:1").tls(authority.client()));
    assert!(
        status.message().contains("asks for plain text, but TLS settings were given; expected https://"),
        "{status}"
    );
    if !cfg!(feature = "tls-native-roots") {
        let status = refused(R::channel("https://localhost:1"));
        assert!(status.message().contains("no authority is trusted"), "{status}");
    }
}
