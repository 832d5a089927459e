//! Two connections, a wire, a virtual clock, and a service of the four shapes.

use bytes::Bytes;
use proto_core::connection::{Client, Server};
use proto_core::rpc::driven::{Driven, Handlers, Lend};
use proto_core::rpc::{AsyncService, CallFuture, Kind, Method, MethodInfo, Peer, Raw, Router, ServerCall, ServiceInfo};
use proto_core::{Config, Connection, Incoming, Instant, Outgoing, Status};
use std::cell::RefCell;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::task::{Context, Waker};
use std::time::Duration;

pub(crate) type Near = Rc<RefCell<Driven<Client>>>;

/// The server's end.
#[derive(Clone)]
pub(crate) struct Far(pub(crate) Arc<Mutex<Driven<Server>>>);

impl Lend<Driven<Server>> for Far {
    fn lend<O>(&self, act: impl FnOnce(&mut Driven<Server>) -> O) -> O {
        act(&mut self.0.lock().unwrap())
    }
}

pub(crate) static SAY: Method<Bytes, Bytes> = Method::new::<Raw>("/t.Talk/Say", Kind::UNARY);
pub(crate) static COUNT: Method<Bytes, Bytes> = Method::new::<Raw>("/t.Talk/Count", Kind::SERVER_STREAMING);
pub(crate) static JOIN: Method<Bytes, Bytes> = Method::new::<Raw>("/t.Talk/Join", Kind::CLIENT_STREAMING);
pub(crate) static TALK: Method<Bytes, Bytes> = Method::new::<Raw>("/t.Talk/Talk", Kind::BIDI);
pub(crate) static NOWHERE: Method<Bytes, Bytes> = Method::new::<Raw>("/t.Talk/Nowhere", Kind::UNARY);

static INFO: ServiceInfo = ServiceInfo {
    name: "t.Talk",
    methods: &[
        MethodInfo { name: "Say", path: "/t.Talk/Say", kind: Kind::UNARY },
        MethodInfo { name: "Count", path: "/t.Talk/Count", kind: Kind::SERVER_STREAMING },
        MethodInfo { name: "Join", path: "/t.Talk/Join", kind: Kind::CLIENT_STREAMING },
        MethodInfo { name: "Talk", path: "/t.Talk/Talk", kind: Kind::BIDI },
    ],
    find: |name| [&b"Say"[..], b"Count", b"Join", b"Talk"].iter().position(|n| *n == name).map(|n| n as u16),
};

/// What handlers report, in order.
pub(crate) type Log = Arc<Mutex<Vec<String>>>;

/// `Say`: "sleep" sleeps a minute, "stop" ends the call by its context, "refuse" is refused at the headers by metadata; else it greets.
/// `Count`: so many replies of 1,000 bytes. `Join`: all requests in one. `Talk`: an echo.
pub(crate) struct Talk(pub(crate) Log);

impl AsyncService for Talk {
    fn info(&self) -> &'static ServiceInfo {
        &INFO
    }

    fn on_call(&self, context: &mut proto_core::rpc::Context) -> Result<(), Status> {
        match context.metadata().get("refuse") {
            Some(why) => Err(Status::permission_denied(why)),
            None => Ok(()),
        }
    }

    fn call(&self, method: u16, mut call: ServerCall) -> CallFuture {
        let log = self.0.clone();
        Box::pin(async move {
            let mut end = End(log.clone(), "dropped".into());
            let result = handle(method, &mut call, &log).await;
            end.1 = result.as_ref().map_or_else(Status::to_string, |()| "returned".into());
            (call, result)
        })
    }
}

/// Reports how a handler ended.
struct End(Log, String);

impl Drop for End {
    fn drop(&mut self) {
        self.0.lock().unwrap().push(std::mem::take(&mut self.1));
    }
}

async fn handle(method: u16, call: &mut ServerCall, log: &Log) -> Result<(), Status> {
    match method {
        0 => {
            let request = call.request(SAY.decode_request)?;
            let context = request.context().clone();
            context.set_trailer("x-handled", "yes")?;
            match &request[..] {
                b"sleep" => context.sleep_async(Duration::from_secs(60)).await?,
                b"stop" => context.cancel(Status::aborted("stopped by its context")),
                _ => {}
            }
            log.lock().unwrap().push(format!("say at {}", context.handle().unwrap().now().as_nanos() / 1_000_000_000));
            let reply = Bytes::from([b"Hello, ", &request[..]].concat());
            call.reply(proto_core::rpc::Response::new(reply).with_metadata("x-server", "1"), SAY.encode_reply)
        }
        1 => {
            let request = call.request(COUNT.decode_request)?;
            let mut replies = call.async_sender(COUNT.encode_reply);
            for _ in 0..std::str::from_utf8(&request).unwrap().parse::<u32>().unwrap() {
                replies.send(Bytes::from(vec![b'x'; 1000])).await?;
            }
            Ok(())
        }
        2 => {
            let mut requests = call.async_receiver(JOIN.decode_request);
            let mut all = Vec::new();
            while let Some(request) = requests.recv().await? {
                all.extend_from_slice(&request);
            }
            call.reply(Bytes::from(all).into(), JOIN.encode_reply)
        }
        _ => {
            let mut requests = call.async_receiver(TALK.decode_request);
            let mut replies = call.async_sender(TALK.encode_reply);
            while let Some(request) = requests.recv().await? {
                replies.send(request).await?;
            }
            Ok(())
        }
    }
}

/// Both ends and the loop.
pub(crate) struct World {
    pub(crate) near: Near,
    pub(crate) far: Far,
    pub(crate) handlers: Handlers<Far>,
    pub(crate) log: Log,
    pub(crate) now: Instant,
    /// Bytes carried at once.
    chop: usize,
    wires: [(Outgoing, Incoming); 2],
}

impl World {
    pub(crate) fn new(chop: usize) -> Self {
        Self::with(chop, Config::default())
    }

    pub(crate) fn with(chop: usize, server: Config) -> Self {
        let now = Instant::from_nanos(1_000_000_000);
        let client = Connection::client(Config { authority: "test".into(), ..Config::default() }, now);
        let far = Far(Arc::new(Mutex::new(Driven::new(Connection::server(server, now), now))));
        let log = Log::default();
        let services = Router::new().with_service(Talk(log.clone())).unwrap();
        World {
            near: Rc::new(RefCell::new(Driven::new(client, now))),
            handlers: Handlers::new(far.clone(), Arc::new(services), Peer::Unknown),
            far,
            log,
            now,
            chop,
            wires: Default::default(),
        }
    }

    /// Moves bytes and polls handlers until nothing moves.
    pub(crate) fn settle(&mut self) {
        while self.turn() {}
    }

    /// One turn of the loop; true if a byte moved.
    pub(crate) fn turn(&mut self) -> bool {
        let now = self.now;
        self.near.lend(|near| near.handle_timeout(now));
        self.far.lend(|far| far.handle_timeout(now));
        self.handlers.poll(&mut Context::from_waker(Waker::noop()));
        let (near, far, chop) = (self.near.clone(), self.far.clone(), self.chop);
        let [there, back] = &mut self.wires;
        let sent = carry(
            there,
            chop,
            |out| near.lend(|near| near.poll_transmit(now, out)),
            |input| {
                let _ = far.lend(|far| far.receive(now, input));
            },
        );
        let answered = carry(
            back,
            chop,
            |out| far.lend(|far| far.poll_transmit(now, out)),
            |input| {
                let _ = near.lend(|near| near.receive(now, input));
            },
        );
        sent | answered
    }

    /// Time passes, to where the next timer is due at the latest, and everything settles.
    pub(crate) fn sleep(&mut self, time: Duration) {
        let end = self.now + time;
        while self.now < end {
            let next = [self.near.lend(|near| near.poll_timeout()), self.far.lend(|far| far.poll_timeout())];
            self.now = next.into_iter().flatten().min().unwrap_or(end).clamp(self.now + Duration::from_nanos(1), end);
            self.settle();
        }
    }
}

/// Up to `chop` bytes, from one end's output to the other's input.
pub(crate) fn carry(
    wire: &mut (Outgoing, Incoming),
    chop: usize,
    mut transmit: impl FnMut(&mut Outgoing) -> bool,
    mut receive: impl FnMut(&mut Incoming),
) -> bool {
    let (outgoing, incoming) = wire;
    if outgoing.is_empty() && !transmit(outgoing) {
        return false;
    }
    let mut segments: [&[u8]; 1] = [&[]];
    outgoing.segments(&mut segments);
    let part = &segments[0][..segments[0].len().min(chop)];
    incoming.extend_from_slice(part);
    let n = part.len();
    outgoing.advance(n);
    receive(incoming);
    true
}
