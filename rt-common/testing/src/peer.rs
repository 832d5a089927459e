//! A small server over the core: one thread reads, answers and writes for a connection.

use proto_core::call::{CallId, Kind, Recv};
use proto_core::connection::{Event, Server};
use proto_core::{Config, Connection, Incoming, MessageBuf, Metadata, Outgoing, Status};
use rt_std::os::{Listener, Os, Pipe, Poller};
use rt_std::testkit::Sim;
use std::collections::BTreeMap;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::Duration;

/// How the server behaves.
#[derive(Clone, Debug, Default)]
pub struct Behaviour {
    pub config: Config,
    /// Once it has a first call, it does nothing for so long.
    pub pause: Option<Duration>,
    /// It says GOAWAY, and closes, when it has heard nothing for so long.
    pub idle_goodbye: Option<Duration>,
    /// It leaves out the GOAWAY then.
    pub silent: bool,
}

/// Serves one connection until it ends.
pub fn serve(os: &dyn Os, pipe: &dyn Pipe, behaviour: &Behaviour) {
    let mut peer = Peer {
        conn: Connection::server(behaviour.config.clone(), os.now()),
        kinds: BTreeMap::new(),
        counts: BTreeMap::new(),
        meeting: Vec::new(),
        blocked: BTreeMap::new(),
        die: false,
        last: false,
    };
    let (mut incoming, mut outgoing) = (Incoming::new(), Outgoing::new());
    let mut pause = behaviour.pause;
    let mut heard = os.now();
    loop {
        peer.answer(os);
        if let Some(time) = pause.take_if(|_| !peer.kinds.is_empty()) {
            rest(os, time);
        }
        if peer.die {
            return pipe.close();
        }
        // Write what there is; then wait for input, or for room.
        let Ok(full) = peer.write(os, pipe, &mut outgoing) else { return pipe.close() };
        if (peer.conn.is_closed() || peer.last) && !full {
            return pipe.close();
        }
        let goodbye = behaviour.idle_goodbye.map(|idle| heard + idle);
        let until = [peer.conn.poll_timeout(), goodbye].into_iter().flatten().min();
        // As a naive server does: while it cannot write, it does not read.
        match pipe.wait(!full, full, until) {
            Ok(ready) if ready.read => match pipe.try_read(incoming.spare()) {
                Ok(0) => return pipe.close(),
                Ok(n) => {
                    heard = os.now();
                    incoming.filled(n);
                    let _ = peer.conn.receive(heard, &mut incoming);
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(_) => return pipe.close(),
            },
            Ok(_) => {}
            Err(_) => return pipe.close(),
        }
        let now = os.now();
        peer.conn.handle_timeout(now);
        if goodbye.is_some_and(|at| at <= now) {
            if behaviour.silent {
                // What comes now is taken by its system, and lost.
                pipe.close_write();
                rest(os, Duration::from_secs(1));
                return pipe.close();
            }
            peer.conn.shutdown(now, Duration::ZERO);
        }
    }
}

/// Does nothing for so long.
fn rest(os: &dyn Os, time: Duration) {
    let until = os.now() + time;
    while os.now() < until {
        os.park(Some(until));
    }
}

struct Peer {
    conn: Connection<Server>,
    kinds: BTreeMap<CallId, &'static str>,
    counts: BTreeMap<CallId, usize>,
    meeting: Vec<CallId>,
    /// A message that the connection did not take yet.
    blocked: BTreeMap<CallId, Vec<Vec<u8>>>,
    die: bool,
    /// What is to be written are its last words.
    last: bool,
}

impl Peer {
    /// Writes what there is. Is the pipe full?
    fn write(&mut self, os: &dyn Os, pipe: &dyn Pipe, outgoing: &mut Outgoing) -> io::Result<bool> {
        while !outgoing.is_empty() || self.conn.poll_transmit(os.now(), outgoing) {
            let mut segments = [&[][..]; 16];
            let n = outgoing.segments(&mut segments);
            match pipe.try_write(&segments[..n]) {
                Ok(n) => outgoing.advance(n),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(true),
                Err(error) => return Err(error),
            }
        }
        Ok(false)
    }

    fn answer(&mut self, os: &dyn Os) {
        while let Some(event) = self.conn.poll_event() {
            match event {
                Event::Incoming => {
                    while let Some(id) = self.conn.accept() {
                        self.accepted(id);
                        self.step(os, id);
                    }
                }
                Event::Readable(id) | Event::Writable(id) => self.step(os, id),
                Event::Ended(id) => self.release(os, id),
                _ => {}
            }
        }
    }

    fn accepted(&mut self, id: CallId) {
        let Ok(mut call) = self.conn.call(id) else { return };
        let (name, kind) = match call.head().path {
            "/t.T/Echo" => ("Echo", Kind::UNARY),
            "/t.T/Drop" => ("Drop", Kind::UNARY),
            "/t.T/Meet" => ("Meet", Kind::UNARY),
            "/t.T/Die" => ("Die", Kind::UNARY),
            "/t.T/Stream" => ("Stream", Kind::SERVER_STREAMING),
            "/t.T/Count" => ("Count", Kind::CLIENT_STREAMING),
            "/t.T/Chat" => ("Chat", Kind::BIDI),
            "/t.T/Last" => ("Last", Kind::BIDI),
            _ => ("?", Kind::UNARY),
        };
        call.set_kind(kind);
        self.kinds.insert(id, name);
    }

    /// What there is to do for a call, until nothing more has come.
    fn step(&mut self, os: &dyn Os, id: CallId) {
        let Some(name) = self.kinds.get(&id).copied() else { return };
        let (mut goes_on, mut message) = (self.flush(os, id), MessageBuf::new());
        while goes_on {
            let Ok(mut call) = self.conn.call(id) else { return };
            message.clear();
            match call.recv(os.now(), &mut message) {
                Recv::Pending => return,
                Recv::Message => goes_on = self.message(os, id, name, bytes(&mut message)),
                Recv::End => return self.end(os, id, name),
                Recv::Failed(_) => return self.release(os, id),
            }
        }
    }

    /// A request has come. True: the next one may.
    fn message(&mut self, os: &dyn Os, id: CallId, name: &str, body: Vec<u8>) -> bool {
        match name {
            "Echo" => self.reply(os, id, &body),
            "Die" => self.die = true,
            "Meet" => {
                self.meeting.push(id);
                if self.meeting.len() >= usize::from(body.first().copied().unwrap_or(0)) {
                    for id in std::mem::take(&mut self.meeting) {
                        self.reply(os, id, b"met");
                    }
                }
            }
            "Stream" => {
                let length = usize::from(body[1]) * 100;
                let messages = (0..body[0]).map(|i| vec![i; length]).collect();
                self.blocked.insert(id, messages);
                return self.flush(os, id);
            }
            "Count" => {
                *self.counts.entry(id).or_default() += body.len();
                return true;
            }
            "Chat" => {
                self.blocked.entry(id).or_default().push(body);
                return self.flush(os, id);
            }
            "Last" => {
                self.last = true;
                self.finish(os, id, &Status::already_exists("the last words"));
            }
            "?" => self.finish(os, id, &Status::unimplemented("no such method here")),
            _ => {}
        }
        false
    }

    /// No more requests come.
    fn end(&mut self, os: &dyn Os, id: CallId, name: &str) {
        match name {
            "Count" => {
                let count = self.counts.remove(&id).unwrap_or(0);
                self.reply(os, id, count.to_string().as_bytes());
            }
            "Chat" | "Stream" => self.finish(os, id, &Status::OK),
            _ => {}
        }
    }

    fn finish(&mut self, os: &dyn Os, id: CallId, status: &Status) {
        if let Ok(mut call) = self.conn.call(id) {
            call.finish(os.now(), status, &Metadata::new());
        }
        self.release(os, id);
    }

    /// Sends what waits for room. True when nothing does any more.
    fn flush(&mut self, os: &dyn Os, id: CallId) -> bool {
        let Some(waiting) = self.blocked.get_mut(&id) else { return true };
        let Ok(mut call) = self.conn.call(id) else { return true };
        let sent = waiting.iter().take_while(|message| call.send(os.now(), &message[..]).is_ok()).count();
        waiting.drain(..sent);
        waiting.is_empty()
    }

    fn reply(&mut self, os: &dyn Os, id: CallId, body: &[u8]) {
        if let Ok(mut call) = self.conn.call(id) {
            let _ = call.reply(os.now(), &Metadata::new(), body, &Metadata::new());
        }
        self.release(os, id);
    }

    fn release(&mut self, os: &dyn Os, id: CallId) {
        self.kinds.remove(&id);
        self.blocked.remove(&id);
        self.meeting.retain(|other| *other != id);
        if let Ok(call) = self.conn.call(id) {
            call.release(os.now());
        }
    }
}

fn bytes(message: &mut MessageBuf) -> Vec<u8> {
    use bytes::Buf;
    let mut out = vec![0; message.remaining()];
    message.copy_to_slice(&mut out);
    out
}

/// Serves so many connections at a new address, each on a thread of its own.
pub fn listen(sim: &Sim, behaviour: Behaviour, connections: usize) -> SocketAddr {
    listen_with(sim, connections, move |sim, pipe| on_pipe(sim, pipe, behaviour.clone())).0
}

/// Serves connections at a new address, until the function is called.
pub fn listen_until(sim: &Sim, behaviour: Behaviour) -> (SocketAddr, impl FnOnce() + Send + 'static) {
    listen_with(sim, usize::MAX, move |sim, pipe| on_pipe(sim, pipe, behaviour.clone()))
}

/// Does this with so many connections at a new address, until the function is called.
pub fn listen_with(
    sim: &Sim,
    connections: usize,
    mut each: impl FnMut(&Sim, Arc<dyn Pipe>) + Send + 'static,
) -> (SocketAddr, impl FnOnce() + Send + 'static) {
    let (address, listener) = sim.listen();
    let Ok(poller) = sim.os().poller() else { unreachable!("a simulation has pollers") };
    let (inner, watched, stop) = (sim.clone(), poller.clone(), Arc::new(AtomicBool::new(false)));
    let stopped = stop.clone();
    sim.spawn("listener", move || accept(&inner, &*listener, &*watched, &mut each, connections, &stopped));
    let end = move || {
        stop.store(true, Relaxed);
        poller.notify();
    };
    (address, end)
}

fn accept(
    sim: &Sim,
    listener: &dyn Listener,
    poller: &dyn Poller,
    each: &mut dyn FnMut(&Sim, Arc<dyn Pipe>),
    connections: usize,
    stop: &AtomicBool,
) {
    let _ = poller.add(0, listener.raw());
    let mut seen = 0;
    while seen < connections && !stop.load(Relaxed) {
        poller.wait(&mut Vec::new(), None);
        while let Ok(pipe) = listener.try_accept() {
            seen += 1;
            each(sim, pipe);
        }
    }
}

/// Serves one connection on a thread of its own.
pub fn on_pipe(sim: &Sim, pipe: Arc<dyn Pipe>, behaviour: Behaviour) {
    let inner = sim.clone();
    sim.spawn("peer", move || {
        if let Some(pipe) = inner.accepted(pipe) {
            serve(&*inner.os(), &*pipe, &behaviour);
        }
    });
}
