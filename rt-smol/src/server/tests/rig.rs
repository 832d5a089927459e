//! A server's connection over a scripted pipe, with the core's client at the other end, and nobody who runs tasks but the
//! test.

use super::super::conn::Conn;
use super::super::drive::Drive;
use super::super::hub::Hub;
use super::super::limits::Limits;
use crate::os::{BoxFuture, Os, Pipe};
use crate::scripted::{Counter, ScriptPipe, Still};
use bytes::{Buf, Bytes};
use proto_core::call::{CallId, CallOptions, Head, Kind, Recv};
use proto_core::connection::Client;
use proto_core::rpc::{AsyncService, CallFuture, MethodInfo, Router, ServerCall, ServiceInfo};
use proto_core::time::Instant;
use proto_core::{Code, Config, Connection, Incoming, MessageBuf, Outgoing, Status};
use rt_common::settings::ServerSettings;
use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Weak};
use std::task::{Context, Waker};
use std::time::Duration;

pub(in crate::server) static METHODS: &[MethodInfo] = &[
    MethodInfo { name: "Unary", path: "/t.T/Unary", kind: Kind::UNARY },
    MethodInfo { name: "Bidi", path: "/t.T/Bidi", kind: Kind::BIDI },
];
static INFO: ServiceInfo = ServiceInfo {
    name: "t.T",
    methods: METHODS,
    find: |name| METHODS.iter().position(|m| m.name.as_bytes() == name).and_then(|n| u16::try_from(n).ok()),
};

/// How long a connection may be idle.
pub(super) const IDLE: Duration = Duration::from_secs(100);

/// Every handler is this.
struct Service<F>(F);

impl<F: Fn(ServerCall) -> CallFuture + Send + Sync + 'static> AsyncService for Service<F> {
    fn info(&self) -> &'static ServiceInfo {
        &INFO
    }
    fn call(&self, _: u16, call: ServerCall) -> CallFuture {
        (self.0)(call)
    }
}

/// A server all of whose handlers are this.
pub(in crate::server) fn hub<F>(
    os: Arc<dyn Os>,
    settings: ServerSettings,
    handler: impl Fn(ServerCall) -> F + Send + Sync + 'static,
) -> Arc<Hub>
where
    F: Future<Output = (ServerCall, Result<(), Status>)> + Send + 'static,
{
    let mut router: Router<Arc<dyn AsyncService>> = Router::new();
    let service = Service(move |call| -> CallFuture { Box::pin(handler(call)) });
    router.add(&INFO, Arc::new(service)).expect("the first one");
    Hub::new(os, router, Limits::default(), settings, crate::security::ServerSecurity::default())
}

/// A task, and how often it was woken.
pub(super) struct Task {
    future: Option<BoxFuture<'static, ()>>,
    counter: Arc<Counter>,
    seen: usize,
    new: bool,
}

impl Task {
    pub(super) fn new(future: BoxFuture<'static, ()>) -> Self {
        Task { future: Some(future), counter: Arc::default(), seen: 0, new: true }
    }

    pub(super) fn poll(&mut self) {
        self.seen = self.counter.count();
        self.new = false;
        let waker = Waker::from(self.counter.clone());
        if let Some(future) = &mut self.future
            && future.as_mut().poll(&mut Context::from_waker(&waker)).is_ready()
        {
            self.future = None;
        }
    }

    /// How often it was woken since its last poll.
    pub(super) fn woken(&self) -> usize {
        self.counter.count() - self.seen
    }

    /// It was woken, or never polled.
    pub(super) fn wants_poll(&self) -> bool {
        self.woken() > 0 || self.new
    }

    pub(super) fn is_finished(&self) -> bool {
        self.future.is_none()
    }
}

pub(super) struct Rig {
    pub(super) pipe: ScriptPipe,
    /// The connection's.
    pub(super) task: Option<Task>,
    pub(super) hub: Arc<Hub>,
    pub(super) client: Connection<Client>,
    os: Arc<Still>,
    clock: Arc<AtomicU64>,
    held: Weak<dyn Pipe>,
    conn: Weak<Conn>,
    incoming: Incoming,
    /// Writes that the client has read.
    read: usize,
}

impl Rig {
    /// After the handshake. The handler gets the clock, to let time pass.
    pub(super) fn serving<F>(handler: impl Fn(ServerCall, Arc<AtomicU64>) -> F + Send + Sync + 'static) -> Rig
    where
        F: Future<Output = (ServerCall, Result<(), Status>)> + Send + 'static,
    {
        let clock = Arc::new(AtomicU64::new(1_000_000_000));
        let os = Still::new(clock.clone());
        let time = clock.clone();
        let mut settings = ServerSettings::default();
        settings.connection.min_ping_interval = Duration::ZERO;
        settings.connection.idle_timeout = Some(IDLE);
        let hub = hub(os.clone(), settings, move |call| handler(call, time.clone()));
        let pipe = ScriptPipe::default();
        let held: Arc<dyn Pipe> = Arc::new(pipe.clone());
        let weak = Arc::downgrade(&held);
        let drive: Drive = hub.adopt(held).expect("the first one");
        let conn = Arc::downgrade(&drive.conn);
        let mut rig = Rig {
            pipe,
            task: Some(Task::new(Box::pin(drive))),
            hub,
            client: Connection::client(Config::default(), os.now()),
            os,
            clock,
            held: weak,
            conn,
            incoming: Incoming::new(),
            read: 0,
        };
        for _ in 0..3 {
            rig.transmit();
            rig.poll();
            rig.hear();
        }
        assert_eq!(rig.woken(), 0);
        rig
    }

    pub(super) fn now(&self) -> Instant {
        self.os.now()
    }

    /// When the first timer fires.
    pub(super) fn next_timer(&self) -> Option<Instant> {
        self.os.next_timer()
    }

    pub(super) fn pass(&self, time: Duration) {
        // Seconds fit.
        self.clock.fetch_add(time.as_nanos() as u64, SeqCst);
    }

    /// Polls the connection's task.
    pub(super) fn poll(&mut self) {
        if let Some(task) = &mut self.task {
            task.poll();
        }
    }

    pub(super) fn woken(&self) -> usize {
        self.task.as_ref().map_or(0, Task::woken)
    }

    /// Tasks that handlers have become.
    pub(super) fn spawned(&self) -> Vec<Task> {
        self.os.take_spawned().into_iter().map(Task::new).collect()
    }

    pub(super) fn pipe_is_dropped(&self) -> bool {
        self.held.strong_count() == 0
    }

    pub(super) fn connection_is_dropped(&self) -> bool {
        self.conn.strong_count() == 0
    }

    /// The client calls.
    pub(super) fn start(&mut self, method: &MethodInfo) -> CallId {
        let options = CallOptions { kind: method.kind, ..CallOptions::default() };
        self.client.start(self.os.now(), Head::new(method.path), &options).expect("the connection takes calls")
    }

    pub(super) fn unary(&mut self, message: &[u8]) -> CallId {
        let (now, id) = (self.now(), self.start(&METHODS[0]));
        self.client.call(id).expect("it runs").send_last(now, message).expect("it is short");
        id
    }

    /// The same, with a time-out.
    pub(super) fn unary_within(&mut self, message: &[u8], time: Duration) -> CallId {
        let now = self.now();
        let options = CallOptions { kind: METHODS[0].kind, deadline: Some(now + time), ..CallOptions::default() };
        let id = self.client.start(now, Head::new(METHODS[0].path), &options).expect("the connection takes calls");
        self.client.call(id).expect("it runs").send_last(now, message).expect("it is short");
        id
    }

    pub(super) fn bidi(&mut self) -> CallId {
        self.start(&METHODS[1])
    }

    pub(super) fn send(&mut self, id: CallId, message: &[u8]) {
        let now = self.now();
        self.client.call(id).expect("it runs").send(now, message).expect("there is room");
    }

    /// What the client has to write.
    pub(super) fn output(&mut self) -> Vec<u8> {
        let (mut all, mut outgoing) = (Vec::new(), Outgoing::new());
        while self.client.poll_transmit(self.now(), &mut outgoing) {
            let mut segments = [&[][..]; 64];
            let count = outgoing.segments(&mut segments);
            let bytes = segments[..count].concat();
            outgoing.advance(bytes.len());
            all.extend(bytes);
        }
        all
    }

    /// The client writes what it has.
    pub(super) fn transmit(&mut self) {
        let bytes = self.output();
        if !bytes.is_empty() {
            self.pipe.feed(&bytes);
        }
    }

    /// The client reads what there is.
    pub(super) fn listen(&mut self) {
        let now = self.now();
        for write in self.pipe.writes().drain(..).skip(self.read) {
            self.read += 1;
            self.incoming.extend_from_slice(&write);
            let _ = self.client.receive(now, &mut self.incoming);
        }
        while self.client.poll_event().is_some() {}
    }

    /// The same, and answers what HTTP/2 wants.
    pub(super) fn hear(&mut self) {
        self.listen();
        self.transmit();
    }

    /// The next message of a call, or its end.
    pub(super) fn pull(&mut self, id: CallId) -> Result<Vec<u8>, Option<Code>> {
        self.hear();
        self.take(id)
    }

    /// The same of what was read before.
    pub(super) fn take(&mut self, id: CallId) -> Result<Vec<u8>, Option<Code>> {
        let (now, mut message) = (self.now(), MessageBuf::new());
        match self.client.call(id).expect("it was not released").recv(now, &mut message) {
            Recv::Message => Ok(message.copy_to_bytes(message.remaining()).to_vec()),
            Recv::Pending => Err(None),
            Recv::End => Err(Some(Code::Ok)),
            Recv::Failed(status) => Err(Some(status.code())),
        }
    }
}

/// The request as the reply.
pub(in crate::server) fn echo(mut call: ServerCall) -> (ServerCall, Result<(), Status>) {
    let message: Bytes = call.request.copy_to_bytes(call.request.remaining());
    call.reply.message.clear();
    call.reply.message.extend_from_slice(&message);
    (call, Ok(()))
}
