//! TLS as others have it at one end: who does not agree on HTTP/2, what is heard on the wire, sessions that were left behind.

use super::mistakes::{cause, failure};
use proto_tls::rustls::pki_types::pem::PemObject;
use proto_tls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use proto_tls::rustls::{
    self, ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection, StreamOwned, crypto,
};
use proto_tls::testkit::Authority;
use proto_tls::{Stage, TlsProblem};
use rt_common_testing::greeter::greeting;
use rt_common_testing::runtime::{Channel, ChannelBuilder, Running, ServerBuilder};
use rt_common_testing::world::{authority, issue};
use rt_common_testing::{Runtime, World, on_both, setup};
use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread::{self, JoinHandle};

on_both! {
    a_server_that_does_not_agree_on_http2_is_no_server_of_ours,
    a_client_that_does_not_agree_on_http2_is_sent_away,
    a_client_that_leaves_says_close_notify,
    a_channel_leaves_a_session_that_the_next_connection_resumes,
}

/// What may be offered, or chosen, instead of HTTP/2.
const OTHERS: [&[&[u8]]; 2] = [&[], &[b"http/1.1"]];

fn protocols(names: &[&[u8]]) -> Vec<Vec<u8>> {
    names.iter().map(|name| name.to_vec()).collect()
}

/// A server of rustls' own for one connection, which chooses among these protocols.
fn server(authority: &Authority, names: &[&[u8]]) -> SocketAddr {
    let issued = issue(authority, "localhost");
    let key = PrivateKeyDer::from_pem_slice(issued.key.as_bytes()).expect("a key");
    let config = ServerConfig::builder_with_provider(Arc::new(crypto::ring::default_provider()));
    let config = config.with_safe_default_protocol_versions().expect("good versions").with_no_client_auth();
    let mut config = config.with_single_cert(vec![issued.der.into()], key).expect("a good certificate");
    config.alpn_protocols = protocols(names);
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    thread::spawn(move || {
        let (socket, _) = listener.accept()?;
        let tls = ServerConnection::new(Arc::new(config)).map_err(io::Error::other)?;
        io::copy(&mut StreamOwned::new(tls, socket), &mut io::sink())
    });
    address
}

fn a_server_that_does_not_agree_on_http2_is_no_server_of_ours<R: Runtime>() {
    for names in OTHERS {
        let authority = authority("tests");
        let target = format!("https://{}", server(&authority, names));
        let status = failure::<R>(R::channel(target).tls(authority.client().with_server_name("localhost")));
        assert!(
            status.message().contains(
                "the server did not agree on HTTP/2 in the TLS handshake (ALPN \"h2\"), as gRPC demands; is it a gRPC server?"
            ),
            "{status}"
        );
        assert_eq!(cause(&status).problem(), &TlsProblem::NoHttp2);
    }
}

fn a_client_that_does_not_agree_on_http2_is_sent_away<R: Runtime>() {
    for names in OTHERS {
        let world = World::<R>::new(|_, builder| builder);
        let mut roots = RootCertStore::empty();
        let root = CertificateDer::from_pem_slice(world.authority.pem().as_bytes()).expect("a certificate");
        roots.add(root).expect("a good one");
        let config = ClientConfig::builder_with_provider(Arc::new(crypto::ring::default_provider()));
        let config = config.with_safe_default_protocol_versions().expect("good versions");
        let mut config = config.with_root_certificates(roots).with_no_client_auth();
        config.alpn_protocols = protocols(names);
        let tls = ClientConnection::new(Arc::new(config), "localhost".try_into().expect("a name"));
        let socket = setup::socket(world.server.address());
        let end = io::copy(&mut StreamOwned::new(tls.expect("good settings"), socket), &mut io::sink());
        // Nothing but the end: a close_notify, or the alert.
        match end {
            Ok(heard) => assert_eq!(heard, 0),
            Err(error) => {
                let alert = rustls::Error::AlertReceived(rustls::AlertDescription::NoApplicationProtocol);
                assert_eq!(error.to_string(), alert.to_string());
            }
        }
        assert_eq!(
            world.failure(),
            "the client did not agree on HTTP/2 in the TLS handshake (ALPN \"h2\"), as gRPC demands"
        );
    }
}

/// One call over a channel, which ends with it.
fn call<R: Runtime>(channel: R::ChannelBuilder) {
    let channel = channel.connect().expect("a connection");
    assert_eq!(channel.say_hello(greeting("x")).expect("a reply").reply, "x");
}

/// Between one client and this server: where it listens, and what the client says to its end.
fn overhear(server: SocketAddr) -> (SocketAddr, JoinHandle<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    let said = thread::spawn(move || {
        let (mut client, _) = listener.accept().expect("a client");
        let mut server = TcpStream::connect(server).expect("it listens");
        let (mut from, mut to) = (server.try_clone().expect("a socket"), client.try_clone().expect("a socket"));
        let back = thread::spawn(move || io::copy(&mut from, &mut to));
        let (mut said, mut buf) = (Vec::new(), [0; 4_096]);
        while let Ok(n @ 1..) = client.read(&mut buf) {
            said.extend_from_slice(&buf[..n]);
            server.write_all(&buf[..n]).expect("the server reads");
        }
        // The client is gone.
        let _ = server.shutdown(Shutdown::Both);
        let _ = back.join();
        said
    });
    (address, said)
}

/// The lengths of the records; all of them are whole.
fn records(mut wire: &[u8]) -> Vec<usize> {
    let mut lengths = Vec::new();
    while let [_, _, _, a, b, rest @ ..] = wire {
        let length = usize::from(u16::from_be_bytes([*a, *b]));
        lengths.push(length);
        wire = &rest[length..];
    }
    assert!(wire.is_empty());
    lengths
}

fn a_client_that_leaves_says_close_notify<R: Runtime>() {
    let world = World::<R>::new(|_, builder| builder);
    let (address, said) = overhear(setup::tcp(world.server.address()));
    call::<R>(R::channel(format!("https://{address}")).tls(world.client()));
    // An alert, its type and a tag (RFC 8446 section 5.2); no frame of HTTP/2 is so short.
    assert_eq!(records(&said.join().expect("it heard all")).last(), Some(&(2 + 1 + 16)));
}

/// Carries bytes between the two until neither has any.
fn wire(client: &mut Stage, server: &mut Stage) {
    loop {
        let (mut up, mut down) = (Vec::new(), Vec::new());
        client.poll_transmit(&mut up);
        server.receive(&up).expect("good records");
        server.poll_transmit(&mut down);
        client.receive(&down).expect("good records");
        if up.is_empty() && down.is_empty() {
            return;
        }
    }
}

fn a_channel_leaves_a_session_that_the_next_connection_resumes<R: Runtime>() {
    let mut acceptor = None;
    let world = World::<R>::new(|authority, builder| {
        let made = issue(authority, "localhost").server().build().expect("good settings");
        builder.tls(acceptor.insert(made).clone())
    });
    let (acceptor, connector) = (acceptor.expect("it was made"), world.client().build().expect("good settings"));
    let resumed = || {
        let mut client = connector.stage("ignored").expect("a name");
        let mut server = acceptor.stage().expect("good settings");
        wire(&mut client, &mut server);
        assert!(client.is_established() && server.is_established());
        (client.is_resumed(), server.is_resumed())
    };
    call::<R>(R::channel(world.target()).tls(connector.clone()));
    // The stores are the channel's and the server's own.
    assert_eq!(resumed(), (true, true));
    assert_eq!(world.server.report().tls_failures, 0);
}
