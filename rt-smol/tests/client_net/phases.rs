//! A deadline covers everything, and names what it ran out in.

use super::*;
use proto_core::time::Instant;
use rt_smol::os::{Address, BoxFuture, Os, Pipe as SmolPipe, RealOs as SmolOs, Timer};
use rt_smol::{Code, Local, Origin, Seen};
use std::future::pending;
use std::io::{self, Write};

/// The real machine, on which names are never found, or sockets never connected.
#[derive(Debug)]
struct Stuck {
    resolves: bool,
    connects: bool,
    os: Arc<dyn Os>,
}

impl Os for Stuck {
    fn now(&self) -> Instant {
        self.os.now()
    }
    fn timer(&self) -> Box<dyn Timer> {
        self.os.timer()
    }
    fn spawn(&self, task: BoxFuture<'static, ()>) {
        self.os.spawn(task);
    }
    fn resolve(&self, host: &str, port: u16) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> {
        if self.resolves { self.os.resolve(host, port) } else { Box::pin(pending()) }
    }
    fn connect(&self, to: &Address) -> BoxFuture<'static, io::Result<Arc<dyn SmolPipe>>> {
        if self.connects { self.os.connect(to) } else { Box::pin(pending()) }
    }
    fn random(&self) -> u64 {
        self.os.random()
    }
}

fn stuck(target: &str, resolves: bool, connects: bool) -> Channel {
    let os = Arc::new(Stuck { resolves, connects, os: SmolOs::shared() });
    Channel::builder(target).os(os).build().expect("a target")
}

async fn late(channel: Channel, timeout: Duration) -> Status {
    let status = channel.unary(&DROP, request(b"x").with_timeout(timeout)).await.expect_err("there is no answer");
    assert_eq!(status.code(), Code::DeadlineExceeded, "{status}");
    assert!(matches!(status.origin(), Origin::Local(Local::DeadlineExceeded { .. })), "{status:?}");
    status
}

#[test]
fn a_deadline_covers_every_phase_and_names_it() {
    run(async {
        let status = late(stuck("far.example:1", false, true), 20 * MS).await;
        assert!(status.to_string().contains("resolving far.example"), "{status}");
        let status = late(stuck("10.1.0.1:1", true, false), 20 * MS).await;
        assert!(status.to_string().contains("connecting to 10.1.0.1:1"), "{status}");
        // Long enough for a busy machine to connect.
        let silent = Channel::new(raw_peer(std::mem::forget).to_string()).expect("a target");
        let status = late(silent, Duration::from_secs(2)).await;
        assert!(status.to_string().contains("SETTINGS"), "{status}");
        assert_eq!(status.seen_by_server(), Seen::No);
        let mute = raw_peer(|mut stream| {
            // SETTINGS, and the ACK.
            stream.write_all(&[0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 4, 1, 0, 0, 0, 0]).expect("the client is there");
            std::mem::forget(stream);
        });
        let status = late(connect(mute).await, 20 * MS).await;
        assert!(status.to_string().contains("response"), "{status}");
    });
}

#[test]
fn an_attempt_outlives_the_call_that_began_it() {
    run(async {
        let channel = Channel::new(serve(Behaviour::default()).to_string()).expect("a target");
        let short = channel.unary(&ECHO, request(b"x").with_timeout(Duration::from_nanos(1)));
        let long = unary(&channel, &ECHO, b"y");
        assert_eq!(short.await.expect_err("no time").code(), Code::DeadlineExceeded);
        assert_eq!(&long.await.expect("a reply")[..], b"y");
    });
}

#[test]
fn a_peer_that_stays_silent_is_given_up() {
    run(async {
        let builder = Channel::builder(raw_peer(std::mem::forget).to_string()).connect_timeout(500 * MS);
        let status = builder.connect().await.expect_err("nothing comes");
        assert_eq!(status.code(), Code::Unavailable);
        assert!(status.to_string().contains("SETTINGS"), "{status}");
    });
}
