//! Certificates for a test: an authority, and a server for the names that gRPC's interoperability tests use.
//!
//! Usage: `make-certificates FOLDER`. Writes `ca.pem`, `server.pem`, `server.key` into it; nothing of it is kept elsewhere.

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use std::error::Error;
use std::path::PathBuf;

const NAMES: [&str; 4] = ["*.test.google.fr", "foo.test.google.fr", "localhost", "127.0.0.1"];

fn main() -> Result<(), Box<dyn Error>> {
    let folder = PathBuf::from(std::env::args().nth(1).ok_or("usage: make-certificates FOLDER")?);

    let mut authority = CertificateParams::default();
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    authority.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    authority.distinguished_name.push(DnType::CommonName, "interop test authority");
    let authority_key = KeyPair::generate()?;
    std::fs::write(folder.join("ca.pem"), authority.self_signed(&authority_key)?.pem())?;

    let key = KeyPair::generate()?;
    let issuer = Issuer::new(authority, authority_key);
    let server = CertificateParams::new(NAMES.map(String::from))?.signed_by(&key, &issuer)?;
    std::fs::write(folder.join("server.pem"), server.pem())?;
    std::fs::write(folder.join("server.key"), key.serialize_pem())?;
    Ok(())
}
