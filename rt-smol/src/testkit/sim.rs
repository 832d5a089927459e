//! The face of the simulation.

use super::os::{SimOs, sleep_until};
use super::tasks::MAIN;
use super::world::World;
use super::{Network, net};
use crate::client::{Channel, ChannelBuilder};
use crate::os::{Address, Listener, Os, Pipe};
use crate::rules::Rule;
use crate::server::{Running, Server, ServerBuilder};
use proto_core::rpc::AsyncService;
use proto_core::time::Instant;
use std::any::Any;
use std::fmt;
use std::future::Future;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicU16, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

/// One simulated machine and network. Cheap to clone; all clones are the same.
///
/// ```
/// use std::time::Duration;
/// rt_smol::testkit::Sim::seed(7).run(async |sim| {
///     let start = sim.now();
///     let inner = sim.clone();
///     let task = sim.spawn(async move { inner.sleep(Duration::from_secs(3600)).await });
///     task.await;
///     assert_eq!(sim.now() - start, Duration::from_secs(3600)); // and no time has passed outside
/// });
/// ```
#[derive(Clone)]
pub struct Sim {
    seed: u64,
    world: Arc<World>,
    next_address: Arc<AtomicU16>,
    max_polls: Arc<AtomicU64>,
    #[cfg(feature = "_tls")]
    tls: Option<(crate::tls::TlsConnector, crate::tls::TlsAcceptor)>,
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
    /// How often a task was polled.
    pub polls: u64,
    /// A number made of which task ran when: runs of one number were the same, poll by poll.
    pub trace: u64,
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
        write!(f, "seed {seed}, after {:?} and {} polls: {what}", report.elapsed, report.polls)
    }
}

impl std::error::Error for Failure {}

/// A run of more polls is taken for a livelock, unless told otherwise.
const MAX_POLLS: u64 = 2_000_000;

impl Sim {
    /// A simulation in which this seed makes every choice.
    pub fn seed(seed: u64) -> Self {
        Sim {
            seed,
            world: World::new(seed),
            next_address: Arc::default(),
            max_polls: Arc::new(AtomicU64::new(MAX_POLLS)),
            #[cfg(feature = "_tls")]
            tls: None,
        }
    }

    /// With a network like this from now on.
    pub fn with_network(self, network: Network) -> Self {
        self.set_network(network);
        self
    }

    /// Channels ([`builder`](Self::builder), [`channel`](Self::channel)) and servers ([`serve`](Self::serve)) speak TLS with these
    /// settings from now on, so that what was written for plain text is played over TLS as well. What is encrypted differs
    /// from run to run (keys are random), how long it is does not: so a seed still makes every choice.
    #[cfg(feature = "_tls")]
    pub fn with_tls(mut self, connector: crate::tls::TlsConnector, acceptor: crate::tls::TlsAcceptor) -> Self {
        self.tls = Some((connector, acceptor));
        self
    }

    /// A run of more polls than this is taken for a livelock (default 2 million).
    pub fn with_max_polls(self, max: u64) -> Self {
        self.max_polls.store(max, Relaxed);
        self
    }

    /// Without this rule of the runtime (a mutant): for the runtime's own tests, which show that the seeds notice.
    pub fn without_rule(self, rule: Rule) -> Self {
        self.world.state().without_rule = Some(rule);
        self
    }

    /// Runs `body`, and every task that it starts, until `body` ends; what is left then is dropped.
    ///
    /// # Panics
    /// When a task panics, or when nobody can go on and no timer is set; the text names the seed.
    pub fn run<T>(self, body: impl AsyncFnOnce(&Sim) -> T) -> T {
        match self.try_run(body) {
            Ok((value, _)) => value,
            Err(failure) => panic!("{failure}"),
        }
    }

    /// The same, with the failure as a value.
    pub fn try_run<T>(self, body: impl AsyncFnOnce(&Sim) -> T) -> Result<(T, Report), Failure> {
        let start = self.now();
        let mut report = Report { elapsed: Duration::ZERO, polls: 0, trace: self.seed, bytes: 0 };
        let result = {
            let mut main = pin!(body(&self));
            let waker = self.world.tasks.waker(MAIN);
            waker.wake_by_ref();
            self.drive(main.as_mut(), &waker, &mut report)
        };
        report.elapsed = self.now() - start;
        report.bytes = self.world.state().net.digest();
        self.world.tasks.end();
        self.world.end();
        match result {
            Ok(value) => Ok((value, report)),
            Err(what) => Err(Failure { seed: self.seed, report, what }),
        }
    }

    fn drive<F: Future>(&self, mut main: Pin<&mut F>, waker: &Waker, report: &mut Report) -> Result<F::Output, String> {
        loop {
            let random = self.world.random();
            let Some(task) = self.world.tasks.next(|count| (random % count as u64) as usize) else {
                if self.world.pass_time() {
                    continue;
                }
                return Err(
                    "nobody can go on, and no timer is set: a deadlock (or a task waits for something outside the \
                            simulation: a timer, a socket, a channel or server that was not made by `sim`)"
                        .into(),
                );
            };
            report.polls += 1;
            report.trace = (report.trace ^ task).wrapping_mul(0x0100_0000_01b3).rotate_left(17);
            if report.polls > self.max_polls.load(Relaxed) {
                return Err(format!("more than {} polls: a livelock", report.polls - 1));
            }
            let polled = catch_unwind(AssertUnwindSafe(|| match task {
                MAIN => main.as_mut().poll(&mut Context::from_waker(waker)),
                _ => {
                    self.world.tasks.run(task);
                    Poll::Pending
                }
            }));
            match polled {
                Ok(Poll::Ready(value)) => return Ok(value),
                Ok(Poll::Pending) => {}
                Err(panic) => return Err(format!("a task panicked: {}", words(&*panic))),
            }
        }
    }

    /// The seam of this simulation, for what is built on it.
    pub fn os(&self) -> Arc<dyn Os> {
        Arc::new(SimOs(self.world.clone()))
    }

    /// Virtual time.
    pub fn now(&self) -> Instant {
        self.world.now()
    }

    /// Lets this much virtual time pass for the task that awaits it.
    pub async fn sleep(&self, time: Duration) {
        sleep_until(self.world.clone(), self.now() + time).await;
    }

    /// A number of the seed.
    pub fn random(&self) -> u64 {
        self.world.random()
    }

    /// Starts a task. It goes on when the value is dropped.
    pub fn spawn<T: Send + 'static>(&self, future: impl Future<Output = T> + Send + 'static) -> Task<T> {
        let slot = Arc::new(Mutex::new(Slot { value: None, done: false, waiter: None }));
        let inner = slot.clone();
        self.world.tasks.spawn(Box::pin(async move {
            let value = future.await;
            let waiter = {
                let mut slot = inner.lock().unwrap_or_else(PoisonError::into_inner);
                slot.value = Some(value);
                slot.done = true;
                slot.waiter.take()
            };
            if let Some(waiter) = waiter {
                waiter.wake();
            }
        }));
        Task { slot }
    }

    /// Serves one service at a new address, until the value is dropped.
    pub fn serve(&self, service: impl AsyncService) -> Running {
        self.serve_with(Server::builder().add_service(service))
    }

    /// Serves what the builder says at a new address, until the value is dropped.
    ///
    /// # Panics
    /// When a service was added twice, or none.
    pub fn serve_with(&self, builder: ServerBuilder) -> Running {
        let (address, listener) = self.listen();
        #[cfg(feature = "_tls")]
        let builder = match &self.tls {
            Some((_, acceptor)) => builder.tls(acceptor.clone()),
            None => builder,
        };
        match builder.os(self.os()).build(Address::Tcp(address), listener) {
            Ok(server) => server.spawn(),
            Err(error) => panic!("no server for the simulation: {error}"),
        }
    }

    /// A listener at a new address, 10.0.x.y port 50051.
    pub fn listen(&self) -> (SocketAddr, Arc<dyn Listener>) {
        loop {
            let n = (self.next_address.fetch_add(1, Relaxed) + 1).to_be_bytes();
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
        Ok(Arc::new(net::listen(&self.world, address)?))
    }

    /// A channel to a server of this simulation ([`serve`](Self::serve)).
    pub fn channel(&self, server: &Running) -> Channel {
        self.channel_to(&server.address().to_string())
    }

    /// A channel to this target.
    ///
    /// # Panics
    /// When it is none.
    pub fn channel_to(&self, target: &str) -> Channel {
        match self.builder(target).build() {
            Ok(channel) => channel,
            Err(status) => panic!("{status}"),
        }
    }

    /// A builder for a channel in this simulation.
    pub fn builder(&self, target: &str) -> ChannelBuilder {
        let builder = Channel::builder(target).os(self.os());
        #[cfg(feature = "_tls")]
        if let Some((connector, _)) = &self.tls {
            return builder.tls(connector.clone());
        }
        builder
    }

    /// Two connected ends.
    pub fn pair(&self) -> (Arc<dyn Pipe>, Arc<dyn Pipe>) {
        let (a, b) = net::pair(&self.world);
        (Arc::new(a), Arc::new(b))
    }

    /// Gives a host name these addresses.
    pub fn host(&self, name: &str, addresses: &[SocketAddr]) {
        self.world.state().net.add_host(name, addresses);
    }

    /// Connections to this address neither stand nor fail.
    pub fn black_hole(&self, address: SocketAddr) {
        self.world.state().net.add_black_hole(address);
    }

    /// Breaks every link that exists after so much time, even if it is made only meanwhile; later ones stand.
    pub fn cut_link_after(&self, time: Duration) {
        net::cut(&self.world, self.now() + time);
    }

    /// The network is like this from now on.
    pub fn set_network(&self, network: Network) {
        self.world.state().net.settings = network;
    }

    /// While `hold` is on, nothing that is written arrives, and no connection stands.
    pub fn hold_links(&self, hold: bool) {
        net::hold(&self.world, hold);
    }
}

/// What a panic says.
fn words(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<String>().map(String::as_str);
    text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("without words")
}

#[derive(Debug)]
struct Slot<T> {
    value: Option<T>,
    done: bool,
    waiter: Option<Waker>,
}

/// A task of the simulation: awaited, it gives what the task's future gave. Dropped, it lets the task go on.
#[derive(Debug)]
pub struct Task<T> {
    slot: Arc<Mutex<Slot<T>>>,
}

impl<T> Task<T> {
    /// Has it ended?
    pub fn is_finished(&self) -> bool {
        self.slot.lock().unwrap_or_else(PoisonError::into_inner).done
    }
}

impl<T> Future for Task<T> {
    type Output = T;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        let mut slot = self.slot.lock().unwrap_or_else(PoisonError::into_inner);
        match slot.value.take() {
            Some(value) => Poll::Ready(value),
            None => {
                let old = slot.waiter.replace(cx.waker().clone());
                drop(slot);
                drop(old);
                Poll::Pending
            }
        }
    }
}
