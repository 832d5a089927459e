//! What a call costs in calls of the system.

mod support;

use proto_core::rpc::{Front, Peer};
use proto_core::time::Instant;
use proto_tls::testkit::Authority;
use rt_std::Channel;
use rt_std::os::{Address, Os, Pipe, Poller, Raw, Ready, Thread};
use rt_std::testkit::{Network, Sim};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;
use support::{ECHO, peer, request, unary};

/// Calls of the seam, by kind.
#[derive(Debug, Default)]
struct Counts {
    reads: AtomicUsize,
    try_reads: AtomicUsize,
    writes: AtomicUsize,
    waits: AtomicUsize,
    parks: AtomicUsize,
    wakes: AtomicUsize,
}

impl Counts {
    fn take(&self) -> [usize; 6] {
        [&self.reads, &self.try_reads, &self.writes, &self.waits, &self.parks, &self.wakes].map(|n| n.swap(0, Relaxed))
    }
}

/// A machine that counts, over the simulation's.
#[derive(Debug)]
struct Counting {
    os: Arc<dyn Os>,
    counts: Arc<Counts>,
}

impl Os for Counting {
    fn now(&self) -> Instant {
        self.os.now()
    }
    fn me(&self) -> Thread {
        self.os.me()
    }
    fn park(&self, until: Option<Instant>) {
        self.counts.parks.fetch_add(1, Relaxed);
        self.os.park(until);
    }
    fn unpark(&self, thread: &Thread) {
        self.counts.wakes.fetch_add(1, Relaxed);
        self.os.unpark(thread);
    }
    fn spawn(&self, name: &str, run: Box<dyn FnOnce() + Send>) -> io::Result<()> {
        self.os.spawn(name, run)
    }
    fn cpu(&self) -> Duration {
        self.os.cpu()
    }
    fn resolve(&self, host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        self.os.resolve(host, port)
    }
    fn connect(&self, to: &Address) -> io::Result<Arc<dyn Pipe>> {
        Ok(Arc::new(CountingPipe { pipe: self.os.connect(to)?, counts: self.counts.clone() }))
    }
    fn poller(&self) -> io::Result<Arc<dyn Poller>> {
        self.os.poller()
    }
    fn random(&self) -> u64 {
        self.os.random()
    }
}

#[derive(Debug)]
struct CountingPipe {
    pipe: Arc<dyn Pipe>,
    counts: Arc<Counts>,
}

impl Pipe for CountingPipe {
    fn read(&self, buf: &mut [u8], until: Option<Instant>) -> io::Result<usize> {
        self.counts.reads.fetch_add(1, Relaxed);
        self.pipe.read(buf, until)
    }
    fn try_read(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.counts.try_reads.fetch_add(1, Relaxed);
        self.pipe.try_read(buf)
    }
    fn try_write(&self, segments: &[&[u8]]) -> io::Result<usize> {
        self.counts.writes.fetch_add(1, Relaxed);
        self.pipe.try_write(segments)
    }
    fn wait(&self, read: bool, write: bool, until: Option<Instant>) -> io::Result<Ready> {
        self.counts.waits.fetch_add(1, Relaxed);
        self.pipe.wait(read, write, until)
    }
    fn wake(&self) {
        self.counts.wakes.fetch_add(1, Relaxed);
        self.pipe.wake();
    }
    fn connected(&self) -> io::Result<bool> {
        self.pipe.connected()
    }
    fn close(&self) {
        self.pipe.close();
    }
    fn raw(&self) -> Raw<'_> {
        self.pipe.raw()
    }
    fn peer(&self) -> Peer {
        self.pipe.peer()
    }
}

#[test]
fn a_unary_call_is_one_write_and_one_read_with_a_deadline_and_without() {
    let network = Network { chop: false, ..Network::default() };
    Sim::seed(1).with_network(network).run(|sim| {
        let counts = Arc::new(Counts::default());
        let os = Arc::new(Counting { os: sim.os(), counts: counts.clone() });
        let address = peer::listen(sim, peer::Behaviour::default(), 1);
        let channel = Channel::builder(address.to_string()).os(os).connect().expect("it connects");
        assert_eq!(unary(&channel, &ECHO, b"warm").expect("a reply").len(), 4);
        counts.take();
        for _ in 0..10 {
            assert_eq!(unary(&channel, &ECHO, b"sixteen bytes...").expect("a reply").len(), 16);
        }
        assert_eq!(counts.take(), [10, 0, 10, 0, 0, 0]);
        for _ in 0..10 {
            let request = request(b"sixteen bytes...").with_timeout(Duration::from_millis(200));
            assert_eq!(channel.unary(&ECHO, request).expect("a reply").len(), 16);
        }
        assert_eq!(counts.take(), [10, 0, 10, 0, 0, 0]);
        // Many at once leave as they are made, and one read brings many replies.
        let later = channel.later();
        let pending: Vec<_> = (0..50).map(|_| later.unary(&ECHO, request(b"sixteen bytes..."))).collect();
        for pending in pending {
            assert_eq!(pending.wait().expect("a reply").len(), 16);
        }
        let [reads, try_reads, writes, ..] = counts.take();
        assert!(writes <= 51 && reads + try_reads <= 52, "{reads} reads, {try_reads} tries, {writes} writes");
    });
}

#[test]
fn a_unary_call_over_tls_is_one_write_and_one_read_as_well() {
    let authority = Authority::new("tests").expect("the system has random numbers");
    let acceptor = authority.issue("localhost").expect("a name").server().build().expect("good settings");
    let connector = authority.client().with_server_name("localhost").build().expect("good settings");
    let network = Network { chop: false, ..Network::default() };
    Sim::seed(1).with_network(network).with_tls(connector.clone(), acceptor).run(|sim| {
        let counts = Arc::new(Counts::default());
        let os = Arc::new(Counting { os: sim.os(), counts: counts.clone() });
        let address = peer::listen(sim, peer::Behaviour::default(), 1);
        let channel = Channel::builder(address.to_string()).tls(connector.clone()).os(os).connect();
        let channel = channel.expect("it connects");
        assert_eq!(unary(&channel, &ECHO, b"warm").expect("a reply").len(), 4);
        counts.take();
        for _ in 0..10 {
            assert_eq!(unary(&channel, &ECHO, b"sixteen bytes...").expect("a reply").len(), 16);
        }
        assert_eq!(counts.take(), [10, 0, 10, 0, 0, 0]);
    });
}
