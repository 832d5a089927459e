//! The TestService: what it does beyond echoing stands in `interop/proto/test.proto`. Its handlers exist twice, for
//! servers whose handlers block (`blocking`) and for those whose handlers are futures (`asynchronous`); what they
//! decide is here.

mod asynchronous;
mod blocking;
mod ends;
mod load;

use crate::testing::{EchoStatus, Payload, SimpleRequest, SimpleResponse};
use ends::{Ends, Watched};
use load::Load;
use proto_core::rpc::{Context, Response};
use proto_core::{Code, Metadata, Status};
use std::time::Duration;

pub use load::LOAD_TRAILER;

/// Comes back as initial metadata.
pub const ECHO_INITIAL: &str = "x-grpc-test-echo-initial";
/// Comes back as trailing metadata.
pub const ECHO_TRAILING: &str = "x-grpc-test-echo-trailing-bin";
/// Comes back as the details of the status that was asked for.
pub const DETAILS: &str = "x-test-details-bin";
/// Asks to remember how the call ended.
pub const WATCH: &str = "x-test-watch";
/// Asks how a watched call ended.
pub const ENDED: &str = "x-test-ended";
/// Asks for the time until the call's deadline.
pub const TIME_LEFT: &str = "x-test-time-left";
/// The answer: milliseconds, or `none`.
pub const TIME_LEFT_MS: &str = "x-test-time-left-ms";

/// How often a handler looks whether a call that it is asked about has ended.
const TICK: Duration = Duration::from_millis(2);
/// How many times. A call that has not ended then is reported as "running".
const TICKS: usize = 5_000;

/// The handlers. UnimplementedCall is left to its default, which refuses it. Clones are one service.
#[derive(Clone, Debug, Default)]
pub struct TestService {
    ends: Ends,
    load: Load,
}

impl TestService {
    /// Echoes metadata, and watches the call if that is asked for.
    fn begin(&self, context: &Context) -> Result<Watched, Status> {
        let mut initial = Metadata::new();
        for value in context.metadata().get_all(ECHO_INITIAL) {
            initial.insert(ECHO_INITIAL, value)?;
        }
        if !initial.is_empty() {
            context.send_headers(&initial)?;
        }
        for value in context.metadata().get_all_bin(ECHO_TRAILING) {
            context.set_trailer_bin(ECHO_TRAILING, value)?;
        }
        Ok(self.ends.watch(context.metadata().get(WATCH)))
    }

    /// Says how much time the call has, if that is asked for.
    fn time_left(&self, context: &Context) -> Result<(), Status> {
        if context.metadata().contains(TIME_LEFT) {
            let left = context.time_left().map_or("none".to_owned(), |left| left.as_millis().to_string());
            context.set_trailer(TIME_LEFT_MS, left)?;
        }
        Ok(())
    }

    /// The reply to a unary call.
    fn reply(&self, request: &SimpleRequest, context: &Context) -> Result<Response<SimpleResponse>, Status> {
        status_asked_for(request.response_status.as_ref(), context)?;
        if let Some(report) = &request.orca_per_query_report {
            context.set_trailer_bin(LOAD_TRAILER, load::encoded(report))?;
        }
        let server_id = if request.fill_server_id { format!("process {}", std::process::id()) } else { String::new() };
        Ok(Response::new(SimpleResponse { payload: Some(zeros(request.response_size)?), server_id }))
    }
}

/// The error that the call is to end with, if any.
fn status_asked_for(wanted: Option<&EchoStatus>, context: &Context) -> Result<(), Status> {
    let Some(wanted) = wanted.filter(|wanted| wanted.code != 0) else { return Ok(()) };
    let code = Code::from(wanted.code);
    let status = Status::new(code, wanted.message.clone());
    Err(match context.metadata().get_bin(DETAILS) {
        Some(details) => status.with_details(details.to_vec()),
        None => status,
    })
}

/// A payload of this many bytes.
fn zeros(size: i32) -> Result<Payload, Status> {
    let size = usize::try_from(size).map_err(|_| Status::invalid_argument(format!("a payload of {size} bytes")))?;
    Ok(Payload { body: vec![0; size], ..Payload::default() })
}

/// The sum of the payloads of a client's stream.
fn sum(sizes: usize) -> Result<i32, Status> {
    i32::try_from(sizes).map_err(|_| Status::out_of_range(format!("{sizes} bytes are no int32")))
}
