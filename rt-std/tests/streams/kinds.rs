//! Streams over sockets, the same kind at both ends.

use super::*;
use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::thread;

/// Larger than a window, and all of them together larger than what the sockets hold.
const LARGE: usize = 200_000;

fn sockets() -> (TcpStream, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let near = TcpStream::connect(listener.local_addr().expect("it listens")).expect("it listens");
    near.set_nodelay(true).expect("a socket option");
    let (far, _) = listener.accept().expect("it came");
    far.set_nodelay(true).expect("a socket option");
    (near, far)
}

/// Calls from one stream to the other.
fn over(near: impl ByteStream, far: impl ByteStream + Send + 'static) {
    let served = thread::spawn(|| serve_connection(far, HelloServiceServer::blocking(Greeter)));
    exercise(Channel::from_io(near), LARGE, |send, receive| {
        thread::scope(|scope| {
            scope.spawn(send);
            receive();
        });
    });
    assert_eq!(served.join().expect("no panic").expect("it is served").calls, CALLS);
}

/// Somebody's own stream: it turns each byte round.
struct Masked<S>(S);

impl<S: Read> Read for Masked<S> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        let n = self.0.read(buf)?;
        buf[..n].iter_mut().for_each(|byte| *byte = !*byte);
        Ok(n)
    }
}

impl<S: Write> Write for Masked<S> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(&bytes.iter().map(|byte| !byte).collect::<Vec<_>>())
    }
    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

fn with_time_outs(socket: TcpStream) -> TcpStream {
    socket.set_read_timeout(Some(Duration::from_millis(2))).expect("a socket option");
    socket.set_write_timeout(Some(Duration::from_millis(2))).expect("a socket option");
    socket
}

fn non_blocking(socket: TcpStream) -> TcpStream {
    socket.set_nonblocking(true).expect("a socket option");
    socket
}

#[test]
fn a_value_with_time_outs() {
    let (near, far) = sockets();
    over(Masked(with_time_outs(near)), Masked(with_time_outs(far)));
}

#[test]
fn a_value_in_non_blocking_mode() {
    let (near, far) = sockets();
    over(Masked(non_blocking(near)), Masked(non_blocking(far)));
}

#[test]
fn a_value_whose_writes_block_beside_a_socket() {
    let (near, far) = sockets();
    near.set_read_timeout(Some(Duration::from_millis(2))).expect("a socket option");
    struct Plain(TcpStream);
    impl Read for Plain {
        fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
            self.0.read(buf)
        }
    }
    impl Write for Plain {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.write(bytes)
        }
        fn flush(&mut self) -> io::Result<()> {
            self.0.flush()
        }
    }
    over(Plain(near), far);
}

trait ReadWrite: Read + Write + Send {}
impl<T: Read + Write + Send> ReadWrite for T {}

#[test]
fn a_box_of_whatever_reads_and_writes() {
    let (near, far) = sockets();
    let near: Box<dyn ReadWrite> = Box::new(with_time_outs(near));
    let far: Box<dyn ReadWrite> = Box::new(non_blocking(far));
    over(near, far);
}

#[test]
fn a_socket_keeps_its_time_outs_and_mode_to_itself() {
    let (near, far) = sockets();
    over(with_time_outs(near), non_blocking(far));
    let (near, far) = UnixStream::pair().expect("a pair of sockets");
    near.set_nonblocking(true).expect("a socket option");
    over(near, far);
}

#[test]
fn tls_of_somebody_else() {
    use rustls::{ClientConnection, ServerConnection, StreamOwned};
    let authority = proto_tls::testkit::Authority::new("tests").expect("the system has random numbers");
    let (client, server) = configs(&authority);
    let (near, far) = sockets();
    let name = "localhost".try_into().expect("a name");
    let near = StreamOwned::new(ClientConnection::new(client, name).expect("settings"), with_time_outs(near));
    let far = StreamOwned::new(ServerConnection::new(server).expect("settings"), non_blocking(far));
    over(near, far);
}

/// Settings of rustls itself for both ends.
fn configs(authority: &proto_tls::testkit::Authority) -> (Arc<rustls::ClientConfig>, Arc<rustls::ServerConfig>) {
    use rustls::pki_types::pem::PemObject;
    use rustls::pki_types::{CertificateDer, PrivateKeyDer};
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(authority.pem().as_bytes()).expect("PEM")).expect("a certificate");
    let client = rustls::ClientConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions();
    let client = client.expect("versions").with_root_certificates(roots).with_no_client_auth();
    let issued = authority.issue("localhost").expect("a name");
    let key = PrivateKeyDer::from_pem_slice(issued.key.as_bytes()).expect("PEM");
    let server = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let server = server
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(vec![issued.der.into()], key)
        .expect("its key");
    (Arc::new(client), Arc::new(server))
}

#[test]
fn halves_of_one_value_that_is_read_and_written_at_once() {
    let (near, far) = sockets();
    over(Halves::shared(near), Halves::shared(far));
}

#[test]
fn halves_that_are_clones_or_something_else() {
    let (near, far) = UnixStream::pair().expect("a pair of sockets");
    let halves = |stream: UnixStream| Halves::new(Masked(stream.try_clone().expect("a second handle")), Masked(stream));
    over(halves(near), halves(far));
}

#[test]
fn halves_that_give_up() {
    let (near, far) = sockets();
    over(Halves::shared(with_time_outs(near)), Halves::shared(non_blocking(far)));
}
