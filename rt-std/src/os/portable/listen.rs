//! A TCP listener as a [`Listener`]: a thread accepts, and a byte in a pipe tells of each connection.

use super::super::memory::MemoryPipe;
use super::super::{Listener, Os, Pipe, Raw};
use super::{PortableOs, SocketPipe};
use crate::sync::assert_unlocked;
use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Connections that were accepted and that nobody has taken; beyond them the system's own backlog fills.
const BACKLOG: usize = 64;

/// After an error that may last (no descriptors) the thread lets so much time pass.
const PAUSE: Duration = Duration::from_millis(10);

/// A TCP listener.
#[derive(Debug)]
pub struct SocketListener {
    near: Arc<MemoryPipe>,
    shared: Arc<Shared>,
    address: SocketAddr,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    taken: Condvar,
}

#[derive(Debug, Default)]
struct State {
    accepted: VecDeque<io::Result<TcpStream>>,
    closed: bool,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl SocketListener {
    /// Starts the thread that accepts. Puts the listener into blocking mode.
    pub fn tcp(listener: TcpListener) -> io::Result<Self> {
        assert_unlocked();
        listener.set_nonblocking(false)?;
        let address = listener.local_addr()?;
        let (near, far) = MemoryPipe::pair(&PortableOs::shared());
        let shared = Arc::<Shared>::default();
        let inner = shared.clone();
        PortableOs.spawn("grpc-accept", Box::new(move || accept(&listener, &far, &inner)))?;
        Ok(SocketListener { near, shared, address })
    }
}

fn accept(listener: &TcpListener, far: &MemoryPipe, shared: &Shared) {
    loop {
        let accepted = listener.accept().map(|(stream, _)| stream);
        let failed = accepted.is_err();
        {
            let mut state = shared.lock();
            while state.accepted.len() >= BACKLOG && !state.closed {
                state = shared.taken.wait(state).unwrap_or_else(PoisonError::into_inner);
            }
            if state.closed {
                return;
            }
            state.accepted.push_back(accepted);
        }
        // There is room: a byte for each that nobody has taken.
        let _ = far.try_write(&[&[0]]);
        if failed {
            std::thread::sleep(PAUSE);
        }
    }
}

impl Listener for SocketListener {
    fn try_accept(&self) -> io::Result<Arc<dyn Pipe>> {
        assert_unlocked();
        let accepted = self.shared.lock().accepted.pop_front();
        let Some(accepted) = accepted else { return Err(ErrorKind::WouldBlock.into()) };
        self.shared.taken.notify_one();
        let _ = self.near.try_read(&mut [0]);
        Ok(Arc::new(SocketPipe::from_tcp(accepted?)?))
    }

    fn raw(&self) -> Raw<'_> {
        Raw::Memory(&self.near)
    }
}

/// The thread sits in `accept`: a connection of our own fetches it.
impl Drop for SocketListener {
    fn drop(&mut self) {
        self.shared.lock().closed = true;
        self.shared.taken.notify_one();
        let mut address = self.address;
        if address.ip().is_unspecified() {
            address.set_ip(match address {
                SocketAddr::V4(_) => IpAddr::V4(Ipv4Addr::LOCALHOST),
                SocketAddr::V6(_) => IpAddr::V6(Ipv6Addr::LOCALHOST),
            });
        }
        let _ = TcpStream::connect_timeout(&address, Duration::from_secs(1));
    }
}
