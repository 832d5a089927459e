//! A service for tests of the server: handlers that are fast, slow, stuck, deaf, that lie about their time, or panic.

use bytes::{Buf, Bytes};
use proto_core::call::Kind;
use proto_core::grpc::Status;
use proto_core::rpc::{BlockingService, MethodInfo, Raw, Response, ServerCall, ServiceInfo};
use proto_core::rpc::{Decode, Encode};
use rt_std::os::Os;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Methods, by number. The first ones are unary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum M {
    /// Gives the request back.
    Echo,
    /// Sleeps for as many microseconds as the request says.
    Sleep,
    /// Until as many calls as the latch wants are in it.
    Latch,
    /// Until it is cancelled.
    Wait,
    /// As many bytes as the request says.
    Big,
    Panic,
    /// As `Sleep`; the measured mean lies.
    Mixed,
    /// Gives every request back, one by one.
    EchoStream,
    /// Sends 60 messages of 400 bytes.
    Flood,
    /// Until it is cancelled.
    WaitStream,
    LatchStream,
    /// Two messages at once, then 20 ms without a word to the runtime, then a third.
    Pair,
    /// Server streaming, with the bytes that the request says.
    Reply,
    /// Sends 400 bytes every now and then until it fails; how goes to `last`.
    Chatter,
    /// Receives until it fails; how goes to `last`.
    Listen,
}

const UNARY: Kind = Kind::UNARY;
const BIDI: Kind = Kind::BIDI;

macro_rules! methods {
    ($($name:literal $kind:expr;)*) => {
        &[$(MethodInfo { name: $name, path: concat!("/toy.Toy/", $name), kind: $kind }),*]
    };
}

static METHODS: &[MethodInfo] = methods! {
    "Echo" UNARY;
    "Sleep" UNARY;
    "Latch" UNARY;
    "Wait" UNARY;
    "Big" UNARY;
    "Panic" UNARY;
    "Mixed" UNARY;
    "EchoStream" BIDI;
    "Flood" BIDI;
    "WaitStream" BIDI;
    "LatchStream" BIDI;
    "Pair" BIDI;
    "Reply" Kind::SERVER_STREAMING;
    "Chatter" BIDI;
    "Listen" BIDI;
};

const ALL: [M; 15] = [
    M::Echo,
    M::Sleep,
    M::Latch,
    M::Wait,
    M::Big,
    M::Panic,
    M::Mixed,
    M::EchoStream,
    M::Flood,
    M::WaitStream,
    M::LatchStream,
    M::Pair,
    M::Reply,
    M::Chatter,
    M::Listen,
];

static INFO: ServiceInfo = ServiceInfo {
    name: "toy.Toy",
    methods: METHODS,
    // Few methods, in a test: the order of the table decides.
    find: |name| METHODS.iter().position(|m| m.name.as_bytes() == name).and_then(|n| u16::try_from(n).ok()),
};

impl M {
    pub fn info(self) -> &'static MethodInfo {
        &METHODS[self as usize]
    }
}

/// What handlers share with the scenario.
pub struct Toy {
    os: Arc<dyn Os>,
    /// Calls in the latch, and how many open it.
    pub latch: AtomicU64,
    pub wants: u64,
    /// `Wait` handlers that have ended.
    pub ended: AtomicU64,
    /// The most that was unsent when a handler began.
    pub peak: AtomicUsize,
    pub unsent: std::sync::OnceLock<Box<dyn Fn() -> usize + Send + Sync>>,
    /// What handlers learned last of their calls.
    pub last: Mutex<Vec<String>>,
}

/// A number as a request.
pub fn number(n: u32) -> Bytes {
    Bytes::copy_from_slice(&n.to_be_bytes())
}

fn as_number(mut bytes: &[u8]) -> u64 {
    if bytes.len() < 4 { 0 } else { u64::from(bytes.get_u32()) }
}

impl Toy {
    pub fn new(os: &Arc<dyn Os>, wants: u64) -> Arc<Self> {
        Arc::new(Toy {
            os: os.clone(),
            latch: AtomicU64::new(0),
            wants,
            ended: AtomicU64::new(0),
            peak: AtomicUsize::new(0),
            unsent: std::sync::OnceLock::new(),
            last: Mutex::default(),
        })
    }

    /// Not through the context: a handler that does not look.
    fn sleep(&self, micros: u64) {
        let until = self.os.now() + Duration::from_micros(micros);
        while self.os.now() < until {
            self.os.park(Some(until));
        }
    }

    fn enter_latch(&self) {
        self.latch.fetch_add(1, SeqCst);
        while self.latch.load(SeqCst) < self.wants {
            self.sleep(20);
        }
    }

    fn unary(&self, method: M, call: &mut ServerCall) -> Result<(), Status> {
        if let Some(unsent) = self.unsent.get() {
            self.peak.fetch_max(unsent(), SeqCst);
        }
        let request = call.request(<Raw as Decode<Bytes>>::decode)?;
        let n = as_number(&request);
        match method {
            M::Sleep | M::Mixed => self.sleep(n),
            M::Latch => self.enter_latch(),
            M::Wait => {
                while !request.context().wait_cancelled(Duration::from_secs(3600)) {}
                self.ended.fetch_add(1, SeqCst);
            }
            M::Big => {
                return call.reply(Response::new(Bytes::from(vec![7; n as usize])), <Raw as Encode<Bytes>>::encode);
            }
            M::Panic => std::panic::resume_unwind(Box::new("the toy's own panic")),
            _ => {}
        }
        call.reply(Response::new(request.into_inner()), <Raw as Encode<Bytes>>::encode)
    }

    fn stream(&self, method: M, call: &mut ServerCall) -> Result<(), Status> {
        let mut requests = call.receiver(<Raw as Decode<Bytes>>::decode);
        let mut replies = call.sender(<Raw as Encode<Bytes>>::encode);
        match method {
            M::EchoStream => {
                for request in requests {
                    replies.send(request?)?;
                }
            }
            M::Flood => {
                for _ in 0..60 {
                    replies.send(Bytes::from_static(&[3; 400]))?;
                }
            }
            M::LatchStream => self.enter_latch(),
            M::WaitStream => {
                let ended = requests.recv();
                assert!(ended.is_err(), "ended by the server or lost: {ended:?}");
                self.ended.fetch_add(1, SeqCst);
            }
            M::Pair => {
                replies.send(Bytes::from_static(b"one"))?;
                replies.send(Bytes::from_static(b"two"))?;
                self.sleep(20_000);
                replies.send(Bytes::from_static(b"three"))?;
            }
            M::Reply => {
                let request = call.request(<Raw as Decode<Bytes>>::decode)?;
                replies.send(Bytes::from(vec![9; as_number(&request) as usize]))?;
            }
            M::Chatter => {
                let status = loop {
                    if let Err(status) = replies.send(Bytes::from_static(&[4; 400])) {
                        break status;
                    }
                    // Whoever waits has all written first.
                    requests.context().wait_cancelled(Duration::from_micros(15));
                };
                self.learned(status.to_string());
            }
            M::Listen => {
                let end = requests.find_map(Result::err);
                self.learned(end.map_or_else(|| "half-closed".into(), |status| status.to_string()));
            }
            _ => {}
        }
        Ok(())
    }

    fn learned(&self, last: String) {
        self.last.lock().expect("no holder panics").push(last);
    }
}

/// The service that is served.
pub struct Served(pub Arc<Toy>);

impl BlockingService for Served {
    fn info(&self) -> &'static ServiceInfo {
        &INFO
    }

    fn call(&self, method: u16, call: &mut ServerCall) -> Result<(), Status> {
        let method = ALL[usize::from(method)];
        if method.info().kind == UNARY { self.0.unary(method, call) } else { self.0.stream(method, call) }
    }
}
