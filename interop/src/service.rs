//! The TestService as a blocking server: what it does beyond echoing stands in `interop/proto/test.proto`.

mod ends;

use crate::testing::{
    EchoStatus, Empty, Payload, ResponseParameters, SimpleRequest, SimpleResponse, StreamingInputCallRequest,
    StreamingInputCallResponse, StreamingOutputCallRequest, StreamingOutputCallResponse, blocking,
};
use ends::{Ends, Watched};
use rt_std::{Code, Context, Metadata, Receiver, Request, Response, Sender, Status};
use std::time::Duration;

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

/// The handlers. UnimplementedCall is left to its default, which refuses it.
#[derive(Debug, Default)]
pub struct TestService {
    ends: Ends,
}

impl blocking::TestService for TestService {
    fn empty_call(&self, request: Request<Empty>) -> Result<Response<Empty>, Status> {
        let context = request.context();
        let watched = self.begin(context)?;
        if let Some(key) = context.metadata().get(ENDED) {
            context.set_trailer(ENDED, self.ends.wait(key))?;
        }
        if context.metadata().contains(TIME_LEFT) {
            let left = context.time_left().map_or("none".to_owned(), |left| left.as_millis().to_string());
            context.set_trailer(TIME_LEFT_MS, left)?;
        }
        watched.completed();
        Ok(Empty {}.into())
    }

    fn unary_call(&self, request: Request<SimpleRequest>) -> Result<Response<SimpleResponse>, Status> {
        let watched = self.begin(request.context())?;
        let result = status_asked_for(request.response_status.as_ref(), request.context())
            .and_then(|()| Ok(SimpleResponse { payload: Some(zeros(request.response_size)?) }));
        watched.completed();
        result.map(Response::new)
    }

    fn streaming_output_call(
        &self,
        request: Request<StreamingOutputCallRequest>,
        replies: &mut Sender<StreamingOutputCallResponse>,
    ) -> Result<(), Status> {
        let watched = self.begin(request.context())?;
        answer(&request, &watched, replies)?;
        watched.completed();
        Ok(())
    }

    fn streaming_input_call(
        &self,
        requests: &mut Receiver<StreamingInputCallRequest>,
    ) -> Result<Response<StreamingInputCallResponse>, Status> {
        let watched = self.begin(requests.context())?;
        let mut sum = 0;
        for request in requests {
            sum += request?.payload.map_or(0, |payload| payload.body.len());
        }
        watched.completed();
        let aggregated_payload_size =
            i32::try_from(sum).map_err(|_| Status::out_of_range(format!("{sum} bytes are no int32")))?;
        Ok(StreamingInputCallResponse { aggregated_payload_size }.into())
    }

    fn full_duplex_call(
        &self,
        requests: &mut Receiver<StreamingOutputCallRequest>,
        replies: &mut Sender<StreamingOutputCallResponse>,
    ) -> Result<(), Status> {
        let watched = self.begin(requests.context())?;
        for request in requests {
            answer(&request?, &watched, replies)?;
        }
        watched.completed();
        Ok(())
    }
}

impl TestService {
    /// Echoes metadata, and watches the call if that is asked for.
    fn begin(&self, context: &Context) -> Result<Watched<'_>, Status> {
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
}

/// Sends the replies that a request of a stream asks for, each after its interval.
fn answer(
    request: &StreamingOutputCallRequest,
    watched: &Watched<'_>,
    replies: &mut Sender<StreamingOutputCallResponse>,
) -> Result<(), Status> {
    if let Err(status) = status_asked_for(request.response_status.as_ref(), replies.context()) {
        watched.completed();
        return Err(status);
    }
    for &ResponseParameters { size, interval_us } in &request.response_parameters {
        if interval_us > 0 {
            replies.context().sleep(Duration::from_micros(interval_us.unsigned_abs().into()))?;
        }
        replies.send(StreamingOutputCallResponse { payload: Some(zeros(size)?) })?;
    }
    Ok(())
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
