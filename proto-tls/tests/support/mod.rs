//! Two stages wired together in memory.

#![allow(dead_code, unreachable_pub)]

use proto_tls::testkit::{self, Issued};
use proto_tls::{ClientTls, ServerTls, Stage, TlsError};
use std::time::SystemTime;

/// An authority whose certificates can be had without further ado.
pub struct Authority(testkit::Authority);

impl Authority {
    pub fn new(name: &str) -> Self {
        Authority(testkit::Authority::new(name).expect("the system has random numbers"))
    }

    pub fn pem(&self) -> String {
        self.0.pem()
    }

    pub fn issue(&self, name: &str) -> Issued {
        self.0.issue(name).expect("a name")
    }

    pub fn issue_for(&self, name: &str, from: SystemTime, until: SystemTime) -> Issued {
        self.0.issue_for(name, from, until).expect("a name")
    }
}

pub fn trusting(authority: &Authority) -> ClientTls {
    authority.0.client()
}

/// Two ends and the bytes between them.
pub struct Pair {
    pub client: Stage,
    pub server: Stage,
    /// Bytes carried at once.
    pub chop: usize,
}

impl Pair {
    pub fn new(client: ClientTls, server: ServerTls) -> Self {
        let client = client.build().expect("the client's settings are good");
        let server = server.build().expect("the server's settings are good");
        Pair::of(client.stage("localhost").expect("a name"), server.stage().expect("good settings"))
    }

    pub fn of(client: Stage, server: Stage) -> Self {
        Pair { client, server, chop: usize::MAX }
    }

    pub fn chopped(self, chop: usize) -> Self {
        Pair { chop, ..self }
    }

    /// Carries bytes until neither end has any: the first error of each.
    pub fn carry(&mut self) -> (Option<TlsError>, Option<TlsError>) {
        let (mut at_client, mut at_server) = (None, None);
        loop {
            let to_server = carry(&mut self.client, &mut self.server, self.chop, &mut at_server);
            let to_client = carry(&mut self.server, &mut self.client, self.chop, &mut at_client);
            if !to_server && !to_client {
                return (at_client, at_server);
            }
        }
    }

    /// The same, where nothing goes wrong.
    pub fn establish(mut self) -> Self {
        assert_eq!(self.carry(), (None, None));
        assert!(self.client.is_established() && self.server.is_established());
        self
    }
}

fn carry(from: &mut Stage, to: &mut Stage, chop: usize, error: &mut Option<TlsError>) -> bool {
    let mut wire = Vec::new();
    from.poll_transmit(&mut wire);
    for piece in wire.chunks(chop) {
        if let Err(first) = to.receive(piece) {
            error.get_or_insert(first);
        }
    }
    !wire.is_empty()
}

/// Sends all of it as records, as far as the stage takes it.
pub fn send(stage: &mut Stage, mut plaintext: &[u8]) {
    while !plaintext.is_empty() {
        let taken = stage.send([plaintext]);
        assert!(taken > 0, "the stage takes plaintext");
        plaintext = &plaintext[taken..];
    }
}

/// Everything that can be read now, in pieces of `step`.
pub fn read(stage: &mut Stage, step: usize) -> Vec<u8> {
    let (mut all, mut buf) = (Vec::new(), vec![0; step]);
    loop {
        match stage.read(&mut buf) {
            0 => return all,
            n => all.extend_from_slice(&buf[..n]),
        }
    }
}

pub fn bytes(n: usize) -> Vec<u8> {
    (0..n).map(|i| (i * 31 % 251) as u8).collect()
}
