//! The face of the simulation.

use super::net::{Net, Network};
use super::os::{SimOs, spawn};
use super::sched::Sched;
use crate::client::{Channel, ChannelBuilder};
use crate::os::{Address, Listener, Os, Pipe, Thread};
use crate::server::Running;
use proto_core::time::Instant;
use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

type AtEnd = Box<dyn FnOnce() + Send>;

/// One simulated machine and network. Cheap to clone; all clones are the same.
///
/// ```
/// use std::time::Duration;
/// rt_std::testkit::Sim::seed(7).run(|sim| {
///     let start = sim.now();
///     let inner = sim.clone();
///     let task = sim.spawn("sleeper", move || inner.sleep(Duration::from_secs(3600)));
///     task.join();
///     assert_eq!(sim.now() - start, Duration::from_secs(3600)); // and no time has passed outside
/// });
/// ```
#[derive(Clone)]
pub struct Sim {
    seed: u64,
    sched: Arc<Sched>,
    net: Arc<Net>,
    os: Arc<dyn Os>,
    next_address: Arc<Mutex<u16>>,
    at_end: Arc<Mutex<Vec<AtEnd>>>,
    #[cfg(feature = "_tls")]
    pub(super) tls: Option<super::tls::Both>,
}

impl fmt::Debug for Sim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sim").field("seed", &self.seed).field("now", &self.now()).finish_non_exhaustive()
    }
}

/// How a run went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Report {
    /// Virtual time that passed.
    pub elapsed: Duration,
    /// How often the baton was passed.
    pub switches: u64,
    /// A number made of every byte that went over the network, and of when: runs of one number were the same, byte for byte.
    /// (Not under TLS, whose keys are new in every run.)
    pub bytes: u64,
}

/// Why a run failed: a panic (a failed assertion), a deadlock, a livelock.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The seed that shows it.
    pub seed: u64,
    /// How far it came.
    pub report: Report,
    /// What happened.
    pub what: String,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Failure { seed, report, what } = self;
        write!(f, "seed {seed}, after {:?} and {} switches: {what}", report.elapsed, report.switches)
    }
}

impl std::error::Error for Failure {}

impl Sim {
    /// A simulation in which this seed makes every choice.
    pub fn seed(seed: u64) -> Self {
        let sched = Sched::new(seed);
        let net = Net::new(&sched);
        let os = Arc::new(SimOs { sched: sched.clone(), net: net.clone() });
        let (next_address, at_end) = (Arc::new(Mutex::new(0)), Arc::default());
        Sim {
            seed,
            sched,
            net,
            os,
            next_address,
            at_end,
            #[cfg(feature = "_tls")]
            tls: None,
        }
    }

    /// With a network like this from now on.
    pub fn with_network(self, network: Network) -> Self {
        self.net.set(network);
        self
    }

    /// Without this rule of the runtime (a mutant): for the runtime's own tests, which show that the seeds notice.
    pub fn without_rule(self, rule: &'static str) -> Self {
        self.sched.set_without_rule(rule);
        self
    }

    /// A run of more switches than this is taken for a livelock (default 2 million).
    pub fn with_max_switches(self, max: u64) -> Self {
        self.sched.set_max_switches(max);
        self
    }

    /// Runs `body` as the first thread, and everything that it starts, to the end.
    ///
    /// # Panics
    /// When a thread panics, when nobody can run any more, or when threads are left that nobody will ever wake; the
    /// text names the seed.
    pub fn run<T: Send>(self, body: impl FnOnce(&Sim) -> T + Send) -> T {
        match self.try_run(body) {
            Ok((value, _)) => value,
            Err(failure) => panic!("{failure}"),
        }
    }

    /// The same, with the failure as a value.
    pub fn try_run<T: Send>(self, body: impl FnOnce(&Sim) -> T + Send) -> Result<(T, Report), Failure> {
        let start = self.sched.now();
        let me = self.sched.enter("main");
        let (ran, result) = std::thread::scope(|scope| {
            let main = scope.spawn(|| {
                self.sched.body(me, || {
                    let value = body(&self);
                    self.end();
                    value
                })
            });
            let ran = self.sched.run();
            (ran, main.join().ok().flatten())
        });
        let (seed, bytes) = (self.seed, self.net.digest());
        let (Ok((now, switches)) | Err((now, switches, _))) = ran;
        let report = Report { elapsed: now - start, switches, bytes };
        let failed = |what| Err(Failure { seed, report, what });
        match (ran, result) {
            (Ok(_), Some(value)) => Ok((value, report)),
            (Ok(_), None) => failed("the first thread gave no value".into()),
            (Err((_, _, what)), _) => failed(what),
        }
    }

    /// Does what was left to be done at the end of the first thread, last things first.
    fn end(&self) {
        loop {
            let next = self.at_end.lock().unwrap_or_else(PoisonError::into_inner).pop();
            match next {
                Some(run) => run(),
                None => return,
            }
        }
    }

    /// To be run on the first thread after its body (stopping servers).
    pub fn at_end(&self, run: impl FnOnce() + Send + 'static) {
        self.at_end.lock().unwrap_or_else(PoisonError::into_inner).push(Box::new(run));
    }

    /// The seam of this simulation, for what is built on it.
    pub fn os(&self) -> Arc<dyn Os> {
        self.os.clone()
    }

    /// Virtual time.
    pub fn now(&self) -> Instant {
        self.sched.now()
    }

    /// Lets this much virtual time pass for the calling thread.
    pub fn sleep(&self, time: Duration) {
        let until = self.now() + time;
        while self.now() < until && !self.sched.is_over() {
            self.sched.block(Some(until), "sleeping");
        }
    }

    /// Sleeps, and counts the time as time of the processor (what `Os::cpu` tells).
    pub fn burn(&self, time: Duration) {
        self.sleep(time);
        self.sched.burnt(time);
    }

    /// A number of the seed.
    pub fn random(&self) -> u64 {
        self.sched.random()
    }

    /// Starts a thread.
    ///
    /// # Panics
    /// When the machine has no thread to give.
    pub fn spawn<T: Send + 'static>(&self, name: &str, run: impl FnOnce() -> T + Send + 'static) -> Task<T> {
        let slot = Arc::new(Mutex::new(Slot { value: None, done: false, waiter: None }));
        let (inner, os) = (slot.clone(), self.os.clone());
        let body = move || {
            let value = run();
            let waiter = {
                let mut slot = inner.lock().unwrap_or_else(PoisonError::into_inner);
                slot.value = Some(value);
                slot.done = true;
                slot.waiter.take()
            };
            if let Some(waiter) = waiter {
                os.unpark(&waiter);
            }
        };
        if let Err(error) = spawn(&self.sched, name, Box::new(body)) {
            panic!("no thread for the simulation: {error}");
        }
        Task { slot, os: self.os.clone() }
    }

    /// A listener at a new address, 10.0.0.x port 50051.
    pub fn listen(&self) -> (SocketAddr, Arc<dyn Listener>) {
        loop {
            let n = {
                let mut next = self.next_address.lock().unwrap_or_else(PoisonError::into_inner);
                *next += 1;
                next.to_be_bytes()
            };
            let address = SocketAddr::from((Ipv4Addr::new(10, 0, n[0], n[1]), 50051));
            if let Ok(listener) = self.listen_at(address) {
                return (address, listener);
            }
        }
    }

    /// A listener at this address.
    ///
    /// # Errors
    /// `AddrInUse` while another one is open there.
    pub fn listen_at(&self, address: SocketAddr) -> io::Result<Arc<dyn Listener>> {
        Ok(self.net.listen(&Address::Tcp(address))?)
    }

    /// A channel to a server of this simulation ([`serve`](Self::serve)).
    ///
    /// # Panics
    /// When it does not listen on a TCP address.
    pub fn channel(&self, server: &Running) -> Channel {
        match server.address() {
            Address::Tcp(address) => self.channel_to(*address),
            #[cfg(unix)]
            other => panic!("the simulation's servers have TCP addresses, not {other:?}"),
        }
    }

    /// A channel to this address.
    pub fn channel_to(&self, address: SocketAddr) -> Channel {
        match self.builder(&address.to_string()).build() {
            Ok(channel) => channel,
            // A socket address is a target.
            Err(status) => panic!("{status}"),
        }
    }

    /// A builder for a channel in this simulation.
    pub fn builder(&self, target: &str) -> ChannelBuilder {
        let builder = Channel::builder(target).os(self.os());
        #[cfg(feature = "_tls")]
        if let Some(both) = &self.tls {
            return builder.tls(both.connector.clone());
        }
        builder
    }

    /// Two connected ends.
    pub fn pair(&self) -> (Arc<dyn Pipe>, Arc<dyn Pipe>) {
        self.net.pair()
    }

    /// Gives a host name these addresses.
    pub fn host(&self, name: &str, addresses: &[SocketAddr]) {
        self.net.add_host(name, addresses);
    }

    /// Connections to this address neither stand nor fail.
    pub fn black_hole(&self, address: SocketAddr) {
        self.net.add_black_hole(address);
    }

    /// Breaks every link that exists after so much time, even if it is made only meanwhile; later ones stand.
    pub fn cut_link_after(&self, time: Duration) {
        self.net.cut(self.now() + time);
    }

    /// The network is like this from now on.
    pub fn set_network(&self, network: Network) {
        self.net.set(network);
    }

    /// While `hold` is on, nothing that is written arrives, and no connection stands.
    pub fn hold_links(&self, hold: bool) {
        self.net.hold(hold);
    }
}

#[derive(Debug)]
struct Slot<T> {
    value: Option<T>,
    done: bool,
    waiter: Option<Thread>,
}

/// A thread of the simulation.
#[derive(Debug)]
pub struct Task<T> {
    slot: Arc<Mutex<Slot<T>>>,
    os: Arc<dyn Os>,
}

impl<T> Task<T> {
    /// Waits for its end (in virtual time). A panic in it fails the run before this returns.
    ///
    /// # Panics
    /// When the run has failed.
    pub fn join(self) -> T {
        loop {
            {
                let mut slot = self.slot.lock().unwrap_or_else(PoisonError::into_inner);
                if let Some(value) = slot.value.take() {
                    return value;
                }
                slot.waiter = Some(self.os.me());
            }
            self.os.park(None);
        }
    }

    /// Has it ended?
    pub fn is_finished(&self) -> bool {
        self.slot.lock().unwrap_or_else(PoisonError::into_inner).done
    }
}
