//! The portable seam over real sockets, on the system that the tests run on.

use super::{PortableOs, SocketListener};
use crate::os::{Address, Listener, Os, Pipe, Ready};
use std::io::ErrorKind::{BrokenPipe, ConnectionRefused, WouldBlock};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

const MS: Duration = Duration::from_millis(1);

fn listen() -> (TcpListener, SocketAddr) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    (listener, address)
}

fn connect(address: SocketAddr) -> Arc<dyn Pipe> {
    let pipe = PortableOs.connect(&Address::Tcp(address)).expect("a connect begins");
    while !pipe.connected().expect("somebody listens") {
        pipe.wait(false, true, None).expect("a wait ends");
    }
    pipe
}

/// Gives back everything that so many connections send, until each has ended; waits in a poller only.
fn echo(listener: &dyn Listener, connections: usize) {
    let poller = PortableOs.poller().expect("a poller");
    poller.add(0, listener.raw()).expect("it can be watched");
    let (mut pipes, mut ended, mut events) = (Vec::<(Arc<dyn Pipe>, Vec<u8>)>::new(), 0, Vec::new());
    while ended < connections {
        events.clear();
        poller.wait(&mut events, None);
        for (key, _) in &events {
            if *key == 0 {
                while let Ok(pipe) = listener.try_accept() {
                    pipes.push((pipe.clone(), Vec::new()));
                    poller.add(pipes.len() as u64, pipe.raw()).expect("it can be watched");
                }
                continue;
            }
            let (pipe, out) = &mut pipes[*key as usize - 1];
            let mut buf = [0; 5000];
            let over = loop {
                match pipe.try_read(&mut buf) {
                    Ok(0) => break true,
                    Ok(n) => out.extend_from_slice(&buf[..n]),
                    Err(error) => {
                        assert_eq!(error.kind(), WouldBlock);
                        break false;
                    }
                }
            };
            while !out.is_empty() {
                match pipe.try_write(&[&out[..out.len() / 2], &out[out.len() / 2..]]) {
                    Ok(n) => drop(out.drain(..n)),
                    Err(error) => {
                        assert_eq!(error.kind(), WouldBlock);
                        break;
                    }
                }
            }
            if over && out.is_empty() {
                poller.remove(*key, pipe.raw());
                pipe.close();
                ended += 1;
            }
        }
    }
}

#[test]
fn more_than_the_sockets_hold_comes_back_to_each_of_several_clients() {
    let (listener, address) = listen();
    let listener = SocketListener::tcp(listener).expect("a thread");
    std::thread::scope(|scope| {
        scope.spawn(|| echo(&listener, 3));
        for fill in 0..3 {
            scope.spawn(move || {
                let (pipe, total) = (connect(address), 4 << 20);
                let (message, mut buf, mut sent, mut got) = (vec![fill; 50_000], vec![0; 50_000], 0, 0);
                while got < total {
                    let ready = pipe.wait(true, sent < total, None).expect("a wait ends");
                    if ready.write && sent < total {
                        sent += pipe.try_write(&[&message[..message.len().min(total - sent)]]).unwrap_or(0);
                    }
                    if ready.read {
                        let n = pipe.try_read(&mut buf).unwrap_or(0);
                        assert!(buf[..n].iter().all(|b| *b == fill));
                        got += n;
                    }
                }
                assert!(pipe.close_write());
                assert_eq!(pipe.read(&mut buf, None).expect("the end"), 0);
            });
        }
    });
}

#[test]
fn a_read_with_a_time_limit_ends_and_a_wake_is_not_lost() {
    let (listener, address) = listen();
    let pipe = connect(address);
    let until = PortableOs.now() + 5 * MS;
    assert_eq!(pipe.read(&mut [0; 10], Some(until)).expect_err("nothing comes").kind(), WouldBlock);
    assert!(PortableOs.now() >= until);
    pipe.wake();
    let ready = pipe.wait(true, false, None).expect("a wait ends");
    assert!(ready.woken && !ready.read);
    assert_eq!(pipe.wait(true, false, Some(PortableOs.now() + MS)).expect("a wait ends"), Ready::default());
    drop(listener);
}

#[test]
fn a_connect_that_is_refused_says_so() {
    let (listener, address) = listen();
    drop(listener);
    let pipe = PortableOs.connect(&Address::Tcp(address)).expect("a connect begins");
    let refused = loop {
        match pipe.connected() {
            Ok(stands) => assert!(!stands),
            Err(error) => break error,
        }
        pipe.wait(false, true, None).expect("a wait ends");
    };
    assert_eq!(refused.kind(), ConnectionRefused);
}

#[test]
fn what_was_written_before_the_close_arrives_and_then_the_end() {
    for size in [1, 60_000] {
        let (listener, address) = listen();
        let pipe = connect(address);
        let (mut peer, _) = listener.accept().expect("a connection");
        assert_eq!(pipe.try_write(&[&vec![7; size]]).expect("there is room"), size);
        pipe.close();
        assert_eq!(pipe.try_write(&[b"x"]).expect_err("it is closed").kind(), BrokenPipe);
        let mut got = Vec::new();
        peer.read_to_end(&mut got).expect("the last words and the end");
        assert_eq!(got, vec![7; size]);
    }
}

#[test]
fn the_peers_end_is_read_after_its_last_words_and_ours_can_still_be_said() {
    let (listener, address) = listen();
    let pipe = connect(address);
    let (mut peer, _) = listener.accept().expect("a connection");
    peer.write_all(b"last").expect("it takes it");
    peer.shutdown(std::net::Shutdown::Write).expect("it is open");
    let (mut buf, mut got) = ([0; 10], Vec::new());
    while let Ok(n @ 1..) = pipe.read(&mut buf, None) {
        got.extend_from_slice(&buf[..n]);
    }
    assert_eq!(got, b"last");
    assert_eq!(pipe.try_write(&[b"so are ours"]).expect("that direction is open"), 11);
    drop(pipe);
    let mut heard = Vec::new();
    peer.read_to_end(&mut heard).expect("the end");
    assert_eq!(heard, b"so are ours");
}

#[test]
fn a_listener_that_is_dropped_listens_no_more() {
    let (listener, address) = listen();
    drop(SocketListener::tcp(listener).expect("a thread"));
    // The thread goes on its own time.
    while std::net::TcpStream::connect(address).is_ok() {
        std::thread::sleep(MS);
    }
}

#[test]
fn a_write_that_fails_hides_nothing_that_the_peer_said_before() {
    let (listener, address) = listen();
    let pipe = connect(address);
    let (mut peer, _) = listener.accept().expect("it connected");
    pipe.try_write(&[b"never read"]).expect("there is room");
    peer.peek(&mut [0]).expect("it arrives");
    // As much as the system takes at once; then a reset.
    peer.write_all(&[7; 60_000]).expect("there is room");
    drop(peer);
    while pipe.try_write(&[b"x"]).map_or_else(|error| error.kind() == WouldBlock, |_| true) {}
    let (mut buf, mut heard) = (vec![0; 5_000], 0);
    while let Ok(n @ 1..) = pipe.try_read(&mut buf) {
        heard += n;
    }
    assert_eq!(heard, 60_000);
}
