//! HTTP proxies for tests, over sockets: tunnels that work, and every other answer.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};

/// Does this with each connection, on a thread of its own.
pub fn listener(act: impl Fn(TcpStream) + Clone + Send + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    std::thread::spawn(move || {
        while let Ok((stream, _)) = listener.accept() {
            let act = act.clone();
            std::thread::spawn(move || act(stream));
        }
    });
    address
}

/// The request of a client, up to the empty line.
pub fn read_head(stream: &mut TcpStream) -> String {
    let (mut head, mut byte) = (Vec::new(), [0]);
    while !head.ends_with(b"\r\n\r\n") && matches!(stream.read(&mut byte), Ok(1)) {
        head.push(byte[0]);
    }
    String::from_utf8(head).expect("the request is ASCII")
}

/// Copies bytes both ways, each until its end.
pub fn relay(client: TcpStream, server: TcpStream) {
    let copy = |mut from: TcpStream, mut to: TcpStream| {
        let _ = std::io::copy(&mut from, &mut to);
        let _ = to.shutdown(Shutdown::Write);
    };
    let (from, to) = (client.try_clone().expect("a handle"), server.try_clone().expect("a handle"));
    let up = std::thread::spawn(move || copy(from, to));
    copy(server, client);
    let _ = up.join();
}

/// A proxy that leads everybody to `server`, and tells the requests that it got.
pub fn proxy(server: SocketAddr, answer: &'static str) -> (SocketAddr, Receiver<String>) {
    let (tell, told) = channel();
    let tell = Arc::new(Mutex::new(tell));
    let address = listener(move |mut client| {
        let head = read_head(&mut client);
        let _ = tell.lock().expect("nobody panics with it").send(head);
        client.write_all(answer.as_bytes()).expect("the client reads");
        relay(client, TcpStream::connect(server).expect("the server listens"));
    });
    (address, told)
}

/// A proxy that answers with these bytes, and then does no more; it reads until the client hangs up.
pub fn answers(answer: &'static [u8]) -> SocketAddr {
    listener(move |mut client| {
        read_head(&mut client);
        let _ = client.write_all(answer);
        while matches!(client.read(&mut [0; 1000]), Ok(1..)) {}
    })
}
