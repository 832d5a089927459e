//! The handlers that block.

use super::{ALL, INFO, M, Toy, UNARY, as_number};
use bytes::Bytes;
use proto_core::grpc::Status;
use proto_core::rpc::{BlockingService, Decode, Encode, Raw, Response, ServerCall, ServiceInfo};
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

impl Toy {
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
pub struct Blocking(pub Arc<Toy>);

impl BlockingService for Blocking {
    fn info(&self) -> &'static ServiceInfo {
        &INFO
    }

    fn call(&self, method: u16, call: &mut ServerCall) -> Result<(), Status> {
        let method = ALL[usize::from(method)];
        if method.info().kind == UNARY { self.0.unary(method, call) } else { self.0.stream(method, call) }
    }
}
