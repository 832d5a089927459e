//! A service for tests of servers: handlers that are fast, slow, stuck, deaf, that lie about their time, or panic. In both
//! forms; each has methods that only its own tests call, and answers the others' at once.

mod asynchronous;
mod blocking;

pub use asynchronous::Asynchronous;
pub use blocking::Blocking;

use bytes::{Buf, Bytes};
use proto_core::call::Kind;
use proto_core::rpc::{MethodInfo, ServiceInfo};
use rt_std::os::Os;
use std::sync::atomic::{AtomicU64, AtomicUsize};
use std::sync::{Arc, Mutex, OnceLock};

/// Methods, by number. The first ones are unary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum M {
    /// Gives the request back.
    Echo,
    /// Sleeps for as many microseconds as the request says, whatever becomes of the call.
    Sleep,
    /// Until as many calls as the latch wants are in it.
    Latch,
    /// Until it is cancelled, or dropped.
    Wait,
    /// As many bytes as the request says.
    Big,
    Panic,
    /// Blocking: as `Sleep`; the measured mean lies.
    Mixed,
    /// Async: panics at its second poll.
    PanicLater,
    /// Async: ends its call itself, and goes on.
    Cancel,
    /// Async: blocks its thread until the latch opens.
    Deaf,
    /// Gives every request back, one by one.
    EchoStream,
    /// Sends 60 messages of 400 bytes.
    Flood,
    /// Until it is cancelled, or dropped.
    WaitStream,
    LatchStream,
    /// Blocking: two messages at once, then 20 ms without a word to the runtime, then a third.
    Pair,
    /// Server streaming, with the bytes that the request says.
    Reply,
    /// Blocking: sends 400 bytes every now and then until it fails; how goes to `last`.
    Chatter,
    /// Blocking: receives until it fails; how goes to `last`.
    Listen,
    /// Async: ends at once, whatever comes.
    Early,
    /// Async: sends for as long as there is room, and then a little more.
    Endless,
}

const UNARY: Kind = Kind::UNARY;
const BIDI: Kind = Kind::BIDI;

macro_rules! methods {
    ($($name:ident $kind:expr;)*) => {
        static METHODS: &[MethodInfo] = &[
            $(MethodInfo { name: stringify!($name), path: concat!("/toy.Toy/", stringify!($name)), kind: $kind }),*
        ];
        const ALL: &[M] = &[$(M::$name),*];
    };
}

methods! {
    Echo UNARY;
    Sleep UNARY;
    Latch UNARY;
    Wait UNARY;
    Big UNARY;
    Panic UNARY;
    Mixed UNARY;
    PanicLater UNARY;
    Cancel UNARY;
    Deaf UNARY;
    EchoStream BIDI;
    Flood BIDI;
    WaitStream BIDI;
    LatchStream BIDI;
    Pair BIDI;
    Reply Kind::SERVER_STREAMING;
    Chatter BIDI;
    Listen BIDI;
    Early BIDI;
    Endless BIDI;
}

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
    /// The clock of handlers that block.
    os: Arc<dyn Os>,
    /// Calls in the latch, and how many open it.
    pub latch: AtomicU64,
    pub wants: u64,
    /// `Wait` and `WaitStream` handlers that have begun (async), that have heard of their end (blocking), and that were dropped
    /// where they waited (async).
    pub waiting: AtomicU64,
    pub ended: AtomicU64,
    pub dropped: AtomicU64,
    /// Messages that `Endless` has sent.
    pub sent: AtomicU64,
    /// `Cancel` handlers that came to their end.
    pub went_on: AtomicU64,
    /// Times that `on_call` ran (async).
    pub on_call: AtomicU64,
    /// The most that was unsent when a handler began (blocking).
    pub peak: AtomicUsize,
    pub unsent: OnceLock<Box<dyn Fn() -> usize + Send + Sync>>,
    /// What handlers learned last of their calls.
    pub last: Mutex<Vec<String>>,
}

impl Toy {
    pub fn new(os: &Arc<dyn Os>, wants: u64) -> Arc<Self> {
        Arc::new(Toy {
            os: os.clone(),
            latch: AtomicU64::new(0),
            wants,
            waiting: AtomicU64::new(0),
            ended: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
            sent: AtomicU64::new(0),
            went_on: AtomicU64::new(0),
            on_call: AtomicU64::new(0),
            peak: AtomicUsize::new(0),
            unsent: OnceLock::new(),
            last: Mutex::default(),
        })
    }
}

/// A number as a request.
pub fn number(n: u32) -> Bytes {
    Bytes::copy_from_slice(&n.to_be_bytes())
}

fn as_number(mut bytes: &[u8]) -> u64 {
    if bytes.len() < 4 { 0 } else { u64::from(bytes.get_u32()) }
}
