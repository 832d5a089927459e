//! A server with TLS, and who hears of its failures.

use crate::LONG;
use crate::runtime::{ChannelBuilder, Running, Runtime, Server, ServerBuilder};
use proto_tls::testkit::{Authority, Issued};
use proto_tls::{ClientTls, TlsAcceptor, TlsConnector, TlsError};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Why handshakes failed, as the server was told.
pub type Failures = Arc<Mutex<Vec<TlsError>>>;

pub struct World<R: Runtime> {
    pub authority: Authority,
    pub server: R::Running,
    pub failures: Failures,
}

pub fn authority(name: &str) -> Authority {
    Authority::new(name).expect("the system has random numbers")
}

pub fn issue(authority: &Authority, name: &str) -> Issued {
    authority.issue(name).expect("a name")
}

/// Settings of both ends; both know each other's certificates.
pub fn both_ends() -> (TlsConnector, TlsAcceptor) {
    let authority = Authority::new("tests").expect("the system has random numbers");
    let (server, me) = (authority.issue("localhost").expect("a name"), authority.issue("ada").expect("a name"));
    let client = authority.client().with_server_name("localhost").with_identity_pem(&me.certificate, &me.key);
    let server = server.server().with_client_roots_pem(authority.pem());
    (client.build().expect("good settings"), server.build().expect("good settings"))
}

/// The service, and somebody who writes down why handshakes fail.
pub fn builder<R: Runtime>() -> (R::ServerBuilder, Failures) {
    let failures = Failures::default();
    let notes = failures.clone();
    let tell = move |error: &TlsError| notes.lock().expect("nobody panics").push(error.clone());
    (R::server().greeter().on_tls_failure(tell), failures)
}

impl<R: Runtime> World<R> {
    /// A server for "localhost", changed like this.
    pub fn new(change: impl FnOnce(&Authority, R::ServerBuilder) -> R::ServerBuilder) -> Self {
        let authority = authority("tests");
        let (builder, failures) = builder::<R>();
        let builder = builder.tls(issue(&authority, "localhost").server());
        let server = change(&authority, builder).bind("127.0.0.1:0").expect("a free port").spawn();
        World { authority, server, failures }
    }

    pub fn target(&self) -> String {
        format!("https://{}", self.server.address())
    }

    /// Settings that the server is content with.
    pub fn client(&self) -> ClientTls {
        self.authority.client().with_server_name("localhost")
    }

    pub fn channel(&self) -> R::ChannelBuilder {
        R::channel(self.target()).tls(self.client())
    }

    pub fn connect(&self) -> R::Channel {
        self.channel().connect().expect("a connection")
    }

    /// Waits until the server was told of a failed handshake: its text.
    pub fn failure(&self) -> String {
        let end = Instant::now() + LONG;
        loop {
            if let Some(error) = self.failures.lock().expect("nobody panics").first() {
                return error.to_string();
            }
            assert!(Instant::now() < end, "no handshake has failed");
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}
