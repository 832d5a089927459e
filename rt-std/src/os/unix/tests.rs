//! The seam over real sockets.

use super::poll::PollPoller;
use super::{RealOs, SocketListener};
use crate::os::{Address, Listener, Os, Pipe, Poller, Ready};
use std::collections::BTreeMap;
use std::io::ErrorKind::{ConnectionRefused, WouldBlock};
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

const MS: Duration = Duration::from_millis(1);

/// An echo server that trusts its poller: it stops at short reads and short writes, and waits for news.
fn echo(poller: &dyn Poller, listener: &SocketListener, connections: usize) {
    poller.add(0, listener.raw()).expect("it can be watched");
    let mut pipes: BTreeMap<u64, (Arc<dyn Pipe>, Vec<u8>)> = BTreeMap::new();
    let (mut accepted, mut closed, mut events) = (0, 0, Vec::new());
    while closed < connections {
        events.clear();
        poller.wait(&mut events, None);
        for (key, ready) in &events {
            if *key == 0 {
                while let Ok(pipe) = listener.try_accept() {
                    accepted += 1;
                    poller.add(accepted, pipe.raw()).expect("it can be watched");
                    pipes.insert(accepted, (pipe, Vec::new()));
                }
            } else if pipes.get_mut(key).is_some_and(|(pipe, out)| serve(&**pipe, out, *ready)) {
                if let Some((pipe, _)) = pipes.remove(key) {
                    poller.remove(*key, pipe.raw());
                }
                closed += 1;
            }
        }
    }
}

/// True at the end.
fn serve(pipe: &dyn Pipe, out: &mut Vec<u8>, ready: Ready) -> bool {
    let mut buf = [0; 1000];
    let mut more = ready.read;
    while more {
        match pipe.try_read(&mut buf) {
            Ok(0) => return true,
            Ok(n) => {
                out.extend_from_slice(&buf[..n]);
                more = n == buf.len() || ready.hup;
            }
            Err(error) => {
                assert_eq!(error.kind(), WouldBlock);
                more = false;
            }
        }
    }
    while !out.is_empty() {
        match pipe.try_write(&[out]) {
            Ok(n) => drop(out.drain(..n)),
            Err(error) => {
                assert_eq!(error.kind(), WouldBlock);
                break;
            }
        }
    }
    false
}

fn connect(address: std::net::SocketAddr) -> Arc<dyn Pipe> {
    let pipe = RealOs.connect(&Address::Tcp(address)).expect("a connect begins");
    while !pipe.connected().expect("somebody listens") {
        pipe.wait(false, true, None).expect("a wait ends");
    }
    pipe
}

/// Sends more than the sockets hold before it reads; everything comes back.
fn client(address: std::net::SocketAddr, fill: u8) {
    let pipe = connect(address);
    let (total, message) = (8 << 20, vec![fill; 64 * 1024]);
    let (mut sent, mut got, mut buf) = (0, 0, vec![0; 64 * 1024]);
    while got < total {
        let ready = pipe.wait(sent >= total / 2, sent < total, None).expect("a wait ends");
        if ready.write && sent < total {
            sent += pipe.try_write(&[&message[..1000], &message[1000..]]).unwrap_or(0);
        }
        if ready.read {
            let n = pipe.try_read(&mut buf).unwrap_or(0);
            assert!(buf[..n].iter().all(|b| *b == fill));
            got += n;
        }
        if sent >= total {
            break;
        }
    }
    while got < sent {
        got += pipe.read(&mut buf, None).expect("the rest comes");
    }
    assert_eq!(got, sent);
}

fn many_clients(poller: Arc<dyn Poller>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    let listener = SocketListener::tcp(listener).expect("it can be made non-blocking");
    std::thread::scope(|scope| {
        scope.spawn(move || echo(&*poller, &listener, 4));
        for fill in 0..4 {
            scope.spawn(move || client(address, fill));
        }
    });
}

#[test]
fn the_poller_of_this_system_reports_edges() {
    many_clients(RealOs.poller().expect("a poller"));
}

#[test]
fn the_poller_of_other_systems_reports_edges() {
    many_clients(Arc::new(PollPoller::new().expect("a poller")));
}

#[test]
fn a_notice_ends_a_wait_whether_it_came_before_or_after() {
    let other: Arc<dyn Poller> = Arc::new(PollPoller::new().expect("a poller"));
    for poller in [RealOs.poller().expect("a poller"), other] {
        poller.notify();
        poller.wait(&mut Vec::new(), None);
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| poller.wait(&mut Vec::new(), None));
            while !waiting.is_finished() {
                std::thread::sleep(MS);
                poller.notify();
            }
        });
    }
}

#[test]
fn a_read_with_a_time_limit_ends_and_a_wake_is_not_lost() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let pipe = connect(listener.local_addr().expect("it is bound"));
    for limit in [MS, 20 * MS, 40 * MS] {
        let until = RealOs.now() + limit;
        // It may end early; then callers loop.
        while RealOs.now() < until {
            let error = pipe.read(&mut [0; 10], Some(until)).expect_err("nothing comes");
            assert_eq!(error.kind(), WouldBlock);
        }
    }
    pipe.wake();
    let ready = pipe.wait(true, false, None).expect("a wait ends");
    assert!(ready.woken && !ready.read);
    let ready = pipe.wait(true, false, Some(RealOs.now() + MS)).expect("a wait ends");
    assert_eq!(ready, Ready::default());
}

#[test]
fn a_connect_that_is_refused_says_so() {
    let address = TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a free port");
    let refused = match RealOs.connect(&Address::Tcp(address)) {
        Err(error) => error,
        Ok(pipe) => loop {
            match pipe.connected() {
                Ok(stands) => assert!(!stands),
                Err(error) => break error,
            }
            pipe.wait(false, true, None).expect("a wait ends");
        },
    };
    assert_eq!(refused.kind(), ConnectionRefused);
}
