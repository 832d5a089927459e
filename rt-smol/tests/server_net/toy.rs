//! A service for tests of the server: handlers that are fast, slow, stuck, deaf, or panic.

use bytes::{Buf, Bytes};
use proto_core::call::Kind;
use proto_core::grpc::Status;
use proto_core::rpc::{
    AsyncService, CallFuture, Context, Decode, Encode, MethodInfo, Raw, Response, ServerCall, ServiceInfo,
};
use smol::Timer;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::Duration;

/// Methods, by number. The first ones are unary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum M {
    /// Gives the request back.
    Echo,
    /// Sleeps for as many microseconds as the request says, on no clock of ours.
    Sleep,
    /// Until as many calls as the latch wants are in it.
    Latch,
    /// For ever, without a look at the call.
    Wait,
    /// As many bytes as the request says.
    Big,
    Panic,
    /// Panics at its second poll.
    PanicLater,
    /// Ends its call itself, and goes on.
    Cancel,
    /// Blocks its thread until the latch opens.
    Deaf,
    /// Gives every request back, one by one.
    EchoStream,
    /// Sends 60 messages of 400 bytes.
    Flood,
    /// Until a request comes.
    WaitStream,
    LatchStream,
    /// Ends at once, whatever comes.
    Early,
    /// Sends for as long as there is room, and then a little more.
    Endless,
    /// Server streaming, with the bytes that the request says.
    Reply,
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
    PanicLater UNARY;
    Cancel UNARY;
    Deaf UNARY;
    EchoStream BIDI;
    Flood BIDI;
    WaitStream BIDI;
    LatchStream BIDI;
    Early BIDI;
    Endless BIDI;
    Reply Kind::SERVER_STREAMING;
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

/// What handlers share with the test.
#[derive(Default)]
pub struct Toy {
    /// Calls in the latch, and how many open it.
    pub latch: AtomicU64,
    pub wants: u64,
    /// `Wait` and `WaitStream` handlers that have begun, and those that were dropped where they waited.
    pub waiting: AtomicU64,
    pub dropped: AtomicU64,
    /// Messages that `Endless` has sent.
    pub sent: AtomicU64,
    /// `Cancel` handlers that came to their end.
    pub went_on: AtomicU64,
    /// Times that `on_call` ran.
    pub on_call: AtomicU64,
}

/// A number as a request.
pub fn number(n: u32) -> Bytes {
    Bytes::copy_from_slice(&n.to_be_bytes())
}

fn as_number(mut bytes: &[u8]) -> u64 {
    if bytes.len() < 4 { 0 } else { u64::from(bytes.get_u32()) }
}

/// Counts its drop.
struct Dropped<'a>(&'a Toy);

impl Drop for Dropped<'_> {
    fn drop(&mut self) {
        self.0.dropped.fetch_add(1, SeqCst);
    }
}

async fn sleep(micros: u64) {
    Timer::after(Duration::from_micros(micros)).await;
}

impl Toy {
    pub fn new(wants: u64) -> Arc<Self> {
        Arc::new(Toy { wants, ..Toy::default() })
    }

    async fn enter_latch(&self) {
        self.latch.fetch_add(1, SeqCst);
        while self.latch.load(SeqCst) < self.wants {
            sleep(100).await;
        }
    }

    async fn unary(&self, method: M, call: &mut ServerCall) -> Result<(), Status> {
        let request = call.request(<Raw as Decode<Bytes>>::decode)?;
        let n = as_number(&request);
        match method {
            M::Sleep => sleep(n).await,
            M::Latch => self.enter_latch().await,
            M::Deaf => {
                self.waiting.fetch_add(1, SeqCst);
                while self.latch.load(SeqCst) < self.wants {
                    std::thread::sleep(Duration::from_micros(100));
                }
            }
            M::Wait => {
                let _dropped = Dropped(self);
                self.waiting.fetch_add(1, SeqCst);
                std::future::pending::<()>().await;
            }
            M::Big => {
                return call.reply(Response::new(Bytes::from(vec![7; n as usize])), <Raw as Encode<Bytes>>::encode);
            }
            M::Panic => std::panic::resume_unwind(Box::new("the toy's own panic")),
            M::PanicLater => {
                sleep(1).await;
                std::panic::resume_unwind(Box::new("the toy's own panic"));
            }
            M::Cancel => {
                request.context().cancel(Status::aborted("by the handler"));
                sleep(1_000).await;
                self.went_on.fetch_add(1, SeqCst);
            }
            _ => {}
        }
        call.reply(Response::new(request.into_inner()), <Raw as Encode<Bytes>>::encode)
    }

    async fn stream(&self, method: M, call: &mut ServerCall) -> Result<(), Status> {
        let mut requests = call.async_receiver(<Raw as Decode<Bytes>>::decode);
        let mut replies = call.async_sender(<Raw as Encode<Bytes>>::encode);
        match method {
            M::EchoStream => {
                while let Some(request) = requests.recv().await? {
                    replies.send(request).await?;
                }
            }
            M::Flood => replies.send_all((0..60).map(|_| Bytes::from_static(&[3; 400]))).await?,
            M::LatchStream => self.enter_latch().await,
            M::WaitStream => {
                let _dropped = Dropped(self);
                self.waiting.fetch_add(1, SeqCst);
                requests.recv().await?;
            }
            M::Early => return Err(Status::already_exists("whatever comes")),
            M::Endless => loop {
                replies.send(Bytes::from_static(&[5; 10_000])).await?;
                self.sent.fetch_add(1, SeqCst);
            },
            M::Reply => {
                let request = call.request(<Raw as Decode<Bytes>>::decode)?;
                replies.send(Bytes::from(vec![9; as_number(&request) as usize])).await?;
            }
            _ => {}
        }
        Ok(())
    }
}

/// The service that is served.
pub struct Served(pub Arc<Toy>);

impl AsyncService for Served {
    fn info(&self) -> &'static ServiceInfo {
        &INFO
    }

    fn on_call(&self, context: &mut Context) -> Result<(), Status> {
        self.0.on_call.fetch_add(1, SeqCst);
        match context.metadata().get("x-refuse") {
            Some(_) => Err(Status::permission_denied("refused at the headers")),
            None => Ok(()),
        }
    }

    fn call(&self, method: u16, mut call: ServerCall) -> CallFuture {
        let (toy, method) = (self.0.clone(), ALL[usize::from(method)]);
        Box::pin(async move {
            let unary = method.info().kind == UNARY;
            let result = if unary { toy.unary(method, &mut call).await } else { toy.stream(method, &mut call).await };
            (call, result)
        })
    }
}
