//! Without any of ours: a socket, and rustls on a socket.

use super::{Certificates, Failure, Load, Way};
use proto_tls::rustls::pki_types::pem::PemObject;
use proto_tls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use proto_tls::rustls::{
    ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection, StreamOwned, crypto,
};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

/// Bytes of one read, as many as the runtimes' first reads have room for.
const READ: usize = 64 * 1024;

/// Both ends of a connection.
fn pair() -> Result<(TcpStream, TcpStream), Failure> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let client = TcpStream::connect(listener.local_addr()?)?;
    let (server, _) = listener.accept()?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    Ok((client, server))
}

/// One thread writes, the other reads.
fn copy(load: Load, from: &mut (impl Write + Send), to: &mut impl Read) -> Result<u64, Failure> {
    thread::scope(|scope| {
        let writing = scope.spawn(move || -> std::io::Result<()> {
            let message = vec![0x5a; load.size];
            for _ in 0..load.count {
                from.write_all(&message)?;
            }
            from.flush()
        });
        let (mut moved, mut buf) = (0, vec![0; READ]);
        while moved < load.bytes() {
            match to.read(&mut buf)? {
                0 => break,
                n => moved += n as u64,
            }
        }
        writing.join().map_err(|_| "the writer panicked")??;
        Ok(moved)
    })
}

pub(super) fn tcp() -> Result<Way, Failure> {
    let (mut client, mut server) = pair()?;
    Ok(Way::new("socket", move |load| copy(load, &mut server, &mut client)))
}

pub(super) fn rustls(certificates: &Certificates) -> Result<Way, Failure> {
    let provider = Arc::new(crypto::ring::default_provider());
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(certificates.authority.pem().as_bytes())?)?;
    let client = ClientConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions()?;
    let client = client.with_root_certificates(roots).with_no_client_auth();
    let key = PrivateKeyDer::from_pem_slice(certificates.server.key.as_bytes())?;
    let server = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    let server = server.with_no_client_auth().with_single_cert(vec![certificates.server.der.clone().into()], key)?;

    let (near, far) = pair()?;
    let mut client = StreamOwned::new(ClientConnection::new(Arc::new(client), "localhost".try_into()?)?, near);
    let mut server = StreamOwned::new(ServerConnection::new(Arc::new(server))?, far);
    thread::scope(|scope| {
        let shaking = scope.spawn(|| server.conn.complete_io(&mut server.sock).map(drop));
        client.conn.complete_io(&mut client.sock)?;
        shaking.join().map_err(|_| "the server panicked")??;
        Ok::<_, Failure>(())
    })?;
    Ok(Way::new("rustls on a socket", move |load| copy(load, &mut server, &mut client)))
}
