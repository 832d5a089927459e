//! The seam over the real machine: async-io's reactor, and an executor that the user chooses.

use super::socket::SocketPipe;
use super::{Address, BoxFuture, Executor, Os, Pipe, Timer};
use proto_core::time::Instant;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;

/// The real machine.
#[derive(Clone, Debug, Default)]
pub struct RealOs {
    executor: Executor,
}

impl RealOs {
    /// With tasks on this executor.
    pub fn new(executor: Executor) -> Self {
        RealOs { executor }
    }

    /// With tasks on the default executor, as the rest of the crate takes it.
    pub fn shared() -> Arc<dyn Os> {
        static SHARED: OnceLock<Arc<dyn Os>> = OnceLock::new();
        SHARED.get_or_init(|| Arc::new(RealOs::default())).clone()
    }
}

/// Where the clock starts: one second past zero, so that "a moment ago" is a point in time from the start.
const START: Instant = Instant::from_nanos(1_000_000_000);

fn origin() -> std::time::Instant {
    static ORIGIN: OnceLock<std::time::Instant> = OnceLock::new();
    *ORIGIN.get_or_init(std::time::Instant::now)
}

/// Monotonic time since the first question.
fn now() -> Instant {
    START + origin().elapsed()
}

impl Os for RealOs {
    fn now(&self) -> Instant {
        now()
    }

    fn timer(&self) -> Box<dyn Timer> {
        Box::new(RealTimer { inner: async_io::Timer::never(), fired: false })
    }

    fn spawn(&self, task: BoxFuture<'static, ()>) {
        self.executor.spawn(task);
    }

    fn resolve(&self, host: &str, port: u16) -> BoxFuture<'static, io::Result<Vec<SocketAddr>>> {
        let host = host.to_owned();
        // getaddrinfo blocks, for as long as it likes: on a thread of a pool for such things.
        Box::pin(blocking::unblock(move || Ok((host.as_str(), port).to_socket_addrs()?.collect())))
    }

    fn connect(&self, to: &Address) -> BoxFuture<'static, io::Result<Arc<dyn Pipe>>> {
        let to = to.clone();
        Box::pin(async move {
            let pipe: Arc<dyn Pipe> = match &to {
                Address::Tcp(address) => Arc::new(SocketPipe::connect_tcp(*address).await?),
                #[cfg(unix)]
                Address::Unix(path) => Arc::new(SocketPipe::connect_unix(path).await?),
            };
            Ok(pipe)
        })
    }

    fn random(&self) -> u64 {
        // Keyed by the system's randomness; a new key each time.
        RandomState::new().build_hasher().finish()
    }
}

/// A timer of async-io's reactor.
#[derive(Debug)]
struct RealTimer {
    inner: async_io::Timer,
    fired: bool,
}

/// A timer further away than this is as good as none: it is set again long before.
const FAR: Duration = Duration::from_secs(1_000_000_000);

impl Timer for RealTimer {
    fn set(&mut self, at: Option<Instant>) {
        self.fired = false;
        match at {
            None => self.inner.clear(),
            // The sum fits: some 30 years from the start of the process.
            Some(at) => self.inner.set_at(origin() + at.saturating_duration_since(START).min(FAR)),
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if !self.fired {
            std::task::ready!(Future::poll(std::pin::Pin::new(&mut self.inner), cx));
            self.fired = true;
        }
        Poll::Ready(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_lite::future::{block_on, poll_fn, poll_once};

    #[test]
    fn a_timer_is_ready_from_its_time_on_until_it_is_set_anew() {
        let mut timer = RealOs::default().timer();
        assert_eq!(block_on(poll_once(poll_fn(|cx| timer.poll(cx)))), None);
        let at = now() + Duration::from_millis(5);
        timer.set(Some(at));
        block_on(poll_fn(|cx| timer.poll(cx)));
        assert!(now() >= at);
        assert_eq!(block_on(poll_once(poll_fn(|cx| timer.poll(cx)))), Some(()));
        timer.set(Some(now() + Duration::from_secs(3600)));
        assert_eq!(block_on(poll_once(poll_fn(|cx| timer.poll(cx)))), None);
        timer.set(Some(Instant::from_nanos(u64::MAX)));
        assert_eq!(block_on(poll_once(poll_fn(|cx| timer.poll(cx)))), None);
    }

    #[test]
    fn names_are_looked_up_off_the_executor() {
        let found = block_on(RealOs::default().resolve("localhost", 7)).expect("every machine has it");
        assert!(found.iter().all(|address| address.ip().is_loopback() && address.port() == 7) && !found.is_empty());
        // Too long for a label (RFC 1035 section 2.3.4): no server of names is asked.
        assert!(block_on(RealOs::default().resolve(&"x".repeat(64), 7)).is_err());
    }

    #[test]
    fn a_connect_that_is_refused_says_so() {
        let address = std::net::TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("a free port");
        let refused = block_on(RealOs::default().connect(&Address::Tcp(address))).expect_err("nobody listens");
        assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
    }
}
