//! Mutual TLS: the server asks who calls, and the handler sees the client's certificate. Whoever comes without one, or with
//! somebody else's, does not get as far as the handler.
//!
//!     cargo run --example mutual-tls

use examples::lookup::{Answer, LookupServiceClient, LookupServiceServer, Question, blocking::LookupService};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rt_std::tls::{ClientTls, ServerTls};
use rt_std::{Channel, Request, Response, Server, Status};
use std::collections::HashMap;
use std::error::Error;

/// Knows its callers by their certificates (DER). A real service reads a name out of them, or keeps fingerprints.
struct Desk {
    known: HashMap<Vec<u8>, &'static str>,
}

impl LookupService for Desk {
    fn lookup(&self, request: Request<Question>) -> Result<Response<Answer>, Status> {
        let leaf = request.context().certificates().first();
        let name = leaf.and_then(|leaf| self.known.get(&leaf[..]));
        let name = name.ok_or_else(|| Status::permission_denied("a good certificate, but nobody I know"))?;
        Ok(Answer { text: format!("{name} asked for {}", request.text) }.into())
    }
}

/// An authority of one's own: it issues certificates, and whoever trusts it trusts those.
struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A certificate with its key.
struct Issued {
    certificate: String,
    key: String,
    der: Vec<u8>,
}

impl Authority {
    fn new(name: &str) -> Result<Self, rcgen::Error> {
        let mut params = CertificateParams::new([])?;
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        Ok(Authority(CertifiedIssuer::self_signed(params, KeyPair::generate()?)?))
    }

    fn issue(&self, name: &str) -> Result<Issued, rcgen::Error> {
        let key = KeyPair::generate()?;
        let certificate = CertificateParams::new([name.to_owned()])?.signed_by(&key, &self.0)?;
        Ok(Issued { certificate: certificate.pem(), key: key.serialize_pem(), der: certificate.der().to_vec() })
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let (ours, theirs) = (Authority::new("ours")?, Authority::new("theirs")?);
    let (server, ada, eve) = (ours.issue("localhost")?, ours.issue("ada.example")?, theirs.issue("eve.example")?);
    let bob = ours.issue("bob.example")?;

    let desk = Desk { known: HashMap::from([(ada.der.clone(), "Ada")]) };
    let server = Server::builder()
        // `.with_client_auth_optional()` would let clients in that present none.
        .tls(ServerTls::new(&server.certificate, &server.key).with_client_roots_pem(ours.0.pem()))
        .add_service(LookupServiceServer::blocking(desk))
        .bind("127.0.0.1:0")?
        .spawn();

    let tls = || ClientTls::new().with_roots_pem(ours.0.pem()).with_server_name("localhost");
    let call = |who: &str, tls: ClientTls| -> Result<(), Box<dyn Error>> {
        let channel = Channel::builder(format!("https://{}", server.address())).tls(tls).build()?;
        match LookupServiceClient::new(channel).lookup(Question { text: "the time".into(), think_ms: 0 }) {
            Ok(answer) => println!("{who}: {}", answer.text),
            Err(status) => println!("{who}: {}", status.message().split(';').next().unwrap_or_default()),
        }
        Ok(())
    };
    call("Ada", tls().with_identity_pem(&ada.certificate, &ada.key))?;
    call("Bob", tls().with_identity_pem(&bob.certificate, &bob.key))?;
    call("nobody", tls())?;
    call("Eve", tls().with_identity_pem(&eve.certificate, &eve.key))?;
    Ok(())
}
