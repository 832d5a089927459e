//! TLS on a loop of one's own: `proto-tls` is a stage between the bytes of the connection and those of the wire, at both
//! ends, as pure as they are. Both sides show a certificate; the handler sees its caller's.
//!
//!     cargo run --example tls-loop

use examples::lookup::{Answer, LookupService, LookupServiceClient, LookupServiceServer, Question};
use proto_core::connection::Server;
use proto_core::rpc::driven::{Caller, Driven, Handlers, Lend};
use proto_core::rpc::{Peer, Request, Response, Router};
use proto_core::{Config, Incoming, Instant, Outgoing, Status};
use proto_tls::{ClientTls, ServerTls, Stage, TlsError};
use std::task::{Context, Poll, Waker};
use std::{cell::RefCell, error::Error, rc::Rc, sync::Arc, sync::Mutex};

struct Doorman;

impl LookupService for Doorman {
    async fn lookup(&self, request: Request<Question>) -> Result<Response<Answer>, Status> {
        let shown = request.context().certificates().len();
        Ok(Answer { text: format!("{}, you show {shown} certificate", request.text) }.into())
    }
}

/// The server's end, as its handlers get at it.
#[derive(Clone)]
struct Shared(Arc<Mutex<Driven<Server>>>);

impl Lend<Driven<Server>> for Shared {
    fn lend<O>(&self, act: impl FnOnce(&mut Driven<Server>) -> O) -> O {
        act(&mut self.0.lock().expect("nothing panics while the connection is lent"))
    }
}

/// TLS, and the plaintext on both of its sides.
struct Tls {
    stage: Stage,
    incoming: Incoming,
    outgoing: Outgoing,
}

impl Tls {
    fn new(stage: Stage) -> Self {
        Tls { stage, incoming: Incoming::new(), outgoing: Outgoing::new() }
    }

    /// From the wire into the connection. TLS that fails is the connection's end, in its words.
    fn receive<R>(&mut self, connection: &mut Driven<R>, now: Instant, wire: &[u8]) -> Result<(), TlsError> {
        let received = self.stage.receive(wire);
        loop {
            let n = self.stage.read(self.incoming.spare());
            if n == 0 {
                break;
            }
            self.incoming.filled(n);
            // An error closes the connection, and its last words wait to be sent.
            let _ = connection.receive(now, &mut self.incoming);
        }
        received.inspect_err(|error| connection.lost(now, error.to_string(), None))
    }

    /// From the connection onto the wire. While the handshake lasts TLS takes nothing, and what is left waits in `outgoing`.
    fn transmit<R>(&mut self, connection: &mut Driven<R>, now: Instant, wire: &mut Vec<u8>) -> bool {
        while connection.poll_transmit(now, &mut self.outgoing) {
            match self.stage.send([self.outgoing.chunk()]) {
                0 => break,
                n => self.outgoing.advance(n),
            }
        }
        self.stage.poll_transmit(wire)
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()])?;
    let (certificate, key) = (made.cert.pem(), made.signing_key.serialize_pem());
    let connector = ClientTls::new().with_roots_pem(&certificate).with_identity_pem(&certificate, &key).build()?;
    let acceptor = ServerTls::new(&certificate, &key).with_client_roots_pem(&certificate).build()?;
    let (mut near, mut far) = (Tls::new(connector.stage("localhost")?), Tls::new(acceptor.stage()?));

    let now = Instant::ZERO;
    let config = Config { authority: "localhost".into(), scheme: "https", ..Config::default() };
    let client = Rc::new(RefCell::new(Driven::client(config, now)));
    let server = Shared(Arc::new(Mutex::new(Driven::server(Config::default(), now))));
    let services = Arc::new(Router::new().with_service(LookupServiceServer::new(Doorman))?);
    let mut handlers = Handlers::new(server.clone(), services, Peer::Unknown);

    let lookup = LookupServiceClient::new(Caller(client.clone()));
    let mut reply = lookup.lookup(Question { text: "Ada".into(), think_ms: 0 });
    let mut wire = Vec::new();
    loop {
        let mut moved = near.transmit(&mut client.borrow_mut(), now, &mut wire);
        server.lend(|c| far.receive(c, now, &std::mem::take(&mut wire)))?;
        // Known before the first call.
        handlers.set_certificates(far.stage.certificates().iter().cloned());
        handlers.poll(&mut Context::from_waker(Waker::noop()));
        moved |= server.lend(|c| far.transmit(c, now, &mut wire));
        near.receive(&mut client.borrow_mut(), now, &std::mem::take(&mut wire))?;
        if let Poll::Ready(reply) = reply.poll_reply() {
            println!("{}: {}", near.stage.version().unwrap_or_default(), reply?.text);
            return Ok(());
        }
        if !moved {
            return Err("nothing moves".into());
        }
    }
}
