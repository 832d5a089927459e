//! TLS: a certificate made on the spot, a server that presents it, clients that trust it, blocking and awaited; three
//! mistakes, named; and a new certificate while the server runs.
//!
//!     cargo run --example tls
//!
//! A real server reads its certificate and key from files (`std::fs::read("server.pem")?`), and a real client trusts whom the
//! system trusts (feature `tls-native-roots`), so that `Channel::connect("https://host:port")` is all there is to write.

use examples::lookup::{Answer, LookupServiceClient, LookupServiceServer, Question, blocking::LookupService};
use rt_std::tls::{ClientTls, ServerTls};
use rt_std::{Channel, Request, Response, Server, Status};
use std::error::Error;

/// Answers what it was asked.
struct Echo;

impl LookupService for Echo {
    fn lookup(&self, request: Request<Question>) -> Result<Response<Answer>, Status> {
        Ok(Answer { text: format!("{}, over TLS", request.text) }.into())
    }
}

fn ask(text: &str) -> Question {
    Question { text: text.into(), think_ms: 0 }
}

/// A certificate that nobody has issued but itself, and its key: PEM.
fn self_signed(name: &str) -> Result<(String, String), Box<dyn Error>> {
    let made = rcgen::generate_simple_self_signed([name.to_owned()])?;
    Ok((made.cert.pem(), made.signing_key.serialize_pem()))
}

/// How a call over this channel fails.
fn failure(channel: Channel) -> Result<(), Box<dyn Error>> {
    let status = LookupServiceClient::new(channel).lookup(ask("x")).err().ok_or("it must not work")?;
    // Without the time of the next attempt.
    println!("   {}", status.message().split(';').next().unwrap_or_default());
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let (certificate, key) = self_signed("localhost")?;

    // An acceptor of one's own can be changed later; `.tls(ServerTls::new(..))` would do otherwise.
    let acceptor = ServerTls::new(&certificate, &key).build()?;
    let server = Server::builder()
        .tls(acceptor.clone())
        .on_tls_failure(|_, error| println!("   (at the server: {error})"))
        .add_service(LookupServiceServer::blocking(Echo))
        .bind("127.0.0.1:0")?
        .spawn();
    let target = format!("https://{}", server.address());

    // The certificate is for "localhost", not for the address that we connect to.
    let tls = ClientTls::new().with_roots_pem(&certificate).with_server_name("localhost");
    let client = LookupServiceClient::new(Channel::builder(&target).tls(tls.clone()).connect()?);
    println!("blocking: {}", client.lookup(ask("Ada"))?.text);

    let awaited = smol::block_on(async {
        let channel = rt_smol::Channel::builder(&target).tls(tls.clone()).connect().await?;
        LookupServiceClient::new(channel).lookup(ask("Bob")).await
    })?;
    println!("awaited:  {}", awaited.text);

    println!("Mistakes:");
    failure(Channel::builder(&target).tls(ClientTls::new().with_roots_pem(&certificate)).build()?)?;
    failure(Channel::builder(&target).tls(ClientTls::new().with_roots_pem(self_signed("else")?.0)).build()?)?;
    failure(Channel::new(server.address().to_string())?)?;

    println!("A new certificate:");
    let (certificate, key) = self_signed("localhost")?;
    acceptor.reload(ServerTls::new(&certificate, &key))?;
    println!("   the old connection goes on: {}", client.lookup(ask("Cleo"))?.text);
    let tls = ClientTls::new().with_roots_pem(&certificate).with_server_name("localhost");
    let channel = Channel::builder(&target).tls(tls).connect()?;
    println!("   new ones get the new one:   {}", LookupServiceClient::new(channel).lookup(ask("Dora"))?.text);
    Ok(())
}
