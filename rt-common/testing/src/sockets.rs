//! Peers of clients over sockets, for as long as the test's process runs.

use crate::peer::{self, Behaviour};
use rt_std::os::unix::{RealOs, SocketPipe};
use std::net::{SocketAddr, TcpListener, TcpStream};

/// Serves on a free loopback port.
pub fn serve(behaviour: Behaviour) -> SocketAddr {
    let (listener, address) = listener();
    std::thread::spawn(move || accept(&listener, &behaviour));
    address
}

/// Serves whom this listener accepts.
pub fn accept(listener: &TcpListener, behaviour: &Behaviour) {
    while let Ok((stream, _)) = listener.accept() {
        let pipe = SocketPipe::from_tcp(stream).expect("it is connected");
        let behaviour = behaviour.clone();
        std::thread::spawn(move || peer::serve(&RealOs, &pipe, &behaviour));
    }
}

/// A peer that does this with each connection.
pub fn raw_peer(act: impl Fn(TcpStream) + Send + 'static) -> SocketAddr {
    let (listener, address) = listener();
    std::thread::spawn(move || {
        while let Ok((stream, _)) = listener.accept() {
            act(stream);
        }
    });
    address
}

fn listener() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    (listener, address)
}
