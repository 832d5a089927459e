//! A relay between client and server, of bytes alone: it can hold back what the server says, cut every connection, and be
//! closed to new ones.

use super::transport::Transport;
use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

/// Listens where a client finds it, and connects to the server for each of its connections.
pub struct Relay {
    target: String,
    socket: Option<PathBuf>,
    shared: Arc<Shared>,
}

struct Shared {
    server: String,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// Who connects is sent away.
    closed: bool,
    /// What the server says is held back.
    held: bool,
    over: bool,
    /// Both ends of every connection.
    links: Vec<Link>,
}

enum Link {
    Tcp(TcpStream),
    Unix(UnixStream),
}

enum Listener {
    Tcp(TcpListener),
    Unix(UnixListener),
}

impl Relay {
    /// In front of this server, which listens on such a transport.
    pub fn new(transport: &Transport, server: &str) -> io::Result<Self> {
        let socket = transport.socket();
        let (listener, target) = match &socket {
            Some(path) => (Listener::Unix(UnixListener::bind(path)?), format!("unix:{}", path.display())),
            None => {
                let listener = TcpListener::bind("127.0.0.1:0")?;
                let target = listener.local_addr()?.to_string();
                (Listener::Tcp(listener), target)
            }
        };
        let shared =
            Arc::new(Shared { server: server.to_owned(), state: Mutex::default(), changed: Condvar::default() });
        let inner = shared.clone();
        thread::spawn(move || inner.listen(&listener));
        Ok(Relay { target, socket, shared })
    }

    /// Where it listens.
    pub fn target(&self) -> &str {
        &self.target
    }

    /// While it holds, nothing that the server says arrives.
    pub fn hold(&self, hold: bool) {
        self.shared.lock().held = hold;
        self.shared.changed.notify_all();
    }

    /// While it is closed nobody gets through. Connections that stand go on.
    pub fn close(&self, close: bool) {
        self.shared.lock().closed = close;
    }

    /// Ends every connection.
    pub fn cut(&self) {
        for link in self.shared.lock().links.drain(..) {
            link.end();
        }
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.shared.lock().over = true;
        self.shared.changed.notify_all();
        self.cut();
        // It wakes who accepts. It may have gone for want of descriptors.
        let _ = Link::connect(&self.target);
        if let Some(path) = &self.socket {
            let _ = std::fs::remove_file(path);
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn listen(self: &Arc<Self>, listener: &Listener) {
        while let Ok(client) = listener.accept() {
            let mut state = self.lock();
            if state.over {
                return;
            }
            if state.closed {
                continue;
            }
            // A server that is not there: the client's connection ends.
            let Ok(links) =
                Link::connect(&self.server).and_then(|server| Ok([client.again()?, server.again()?, client, server]))
            else {
                continue;
            };
            let [client, server, one, other] = links;
            if let (Ok(a), Ok(b)) = (client.again(), server.again()) {
                state.links.extend([one, other]);
                let (up, down) = (self.clone(), self.clone());
                thread::spawn(move || up.carry(a, server, false));
                thread::spawn(move || down.carry(b, client, true));
            }
        }
    }

    /// Carries what one end says to the other, until one of them is gone.
    fn carry(&self, mut from: Link, mut to: Link, held_back: bool) {
        let mut buffer = vec![0; 64 * 1024];
        while let Ok(n @ 1..) = from.read(&mut buffer) {
            if held_back {
                let held = |state: &mut State| state.held && !state.over;
                drop(self.changed.wait_while(self.lock(), held));
            }
            if to.write_all(&buffer[..n]).is_err() {
                break;
            }
        }
        from.end();
        to.end();
    }
}

impl Listener {
    fn accept(&self) -> io::Result<Link> {
        Ok(match self {
            Listener::Tcp(listener) => Link::tcp(listener.accept()?.0)?,
            Listener::Unix(listener) => Link::Unix(listener.accept()?.0),
        })
    }
}

impl Link {
    fn connect(target: &str) -> io::Result<Self> {
        match target.strip_prefix("unix:") {
            Some(path) => Ok(Link::Unix(UnixStream::connect(path)?)),
            None => Link::tcp(TcpStream::connect(target)?),
        }
    }

    fn tcp(socket: TcpStream) -> io::Result<Self> {
        socket.set_nodelay(true)?;
        Ok(Link::Tcp(socket))
    }

    fn again(&self) -> io::Result<Self> {
        Ok(match self {
            Link::Tcp(socket) => Link::Tcp(socket.try_clone()?),
            Link::Unix(socket) => Link::Unix(socket.try_clone()?),
        })
    }

    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        match self {
            Link::Tcp(socket) => socket.read(into),
            Link::Unix(socket) => socket.read(into),
        }
    }

    fn write_all(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Link::Tcp(socket) => socket.write_all(bytes),
            Link::Unix(socket) => socket.write_all(bytes),
        }
    }

    /// It may have ended already.
    fn end(&self) {
        let _ = match self {
            Link::Tcp(socket) => socket.shutdown(Shutdown::Both),
            Link::Unix(socket) => socket.shutdown(Shutdown::Both),
        };
    }
}
