//! The handlers that block.

use super::ends::Watched;
use super::load::interval;
use super::{ENDED, TICK, TICKS, TestService, status_asked_for, sum, zeros};
use crate::orca::OrcaLoadReport;
use crate::orca_service::{OrcaLoadReportRequest, blocking::OpenRcaService};
use crate::testing::blocking;
use crate::testing::{
    Empty, ResponseParameters, SimpleRequest, SimpleResponse, StreamingInputCallRequest, StreamingInputCallResponse,
    StreamingOutputCallRequest, StreamingOutputCallResponse,
};
use rt_std::{Receiver, Request, Response, Sender, Status};
use std::time::Duration;

impl blocking::TestService for TestService {
    fn empty_call(&self, request: Request<Empty>) -> Result<Response<Empty>, Status> {
        let context = request.context();
        let watched = self.begin(context)?;
        if let Some(key) = context.metadata().get(ENDED) {
            let mut ticks = 0;
            while self.ends.get(key).is_none() && ticks < TICKS {
                context.sleep(TICK)?;
                ticks += 1;
            }
            context.set_trailer(ENDED, self.ends.get(key).unwrap_or("running"))?;
        }
        self.time_left(context)?;
        watched.completed();
        Ok(Empty {}.into())
    }

    fn unary_call(&self, request: Request<SimpleRequest>) -> Result<Response<SimpleResponse>, Status> {
        let watched = self.begin(request.context())?;
        let result = self.reply(&request, request.context());
        watched.completed();
        result
    }

    fn cacheable_unary_call(&self, request: Request<SimpleRequest>) -> Result<Response<SimpleResponse>, Status> {
        blocking::TestService::unary_call(self, request)
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
        let mut size = 0;
        for request in requests {
            size += request?.payload.map_or(0, |payload| payload.body.len());
        }
        watched.completed();
        Ok(StreamingInputCallResponse { aggregated_payload_size: sum(size)? }.into())
    }

    fn full_duplex_call(
        &self,
        requests: &mut Receiver<StreamingOutputCallRequest>,
        replies: &mut Sender<StreamingOutputCallResponse>,
    ) -> Result<(), Status> {
        let watched = self.begin(requests.context())?;
        for request in requests {
            let request = request?;
            if let Some(report) = &request.orca_oob_report {
                self.load.set(report);
            }
            answer(&request, &watched, replies)?;
        }
        watched.completed();
        Ok(())
    }

    fn half_duplex_call(
        &self,
        requests: &mut Receiver<StreamingOutputCallRequest>,
        replies: &mut Sender<StreamingOutputCallResponse>,
    ) -> Result<(), Status> {
        let watched = self.begin(requests.context())?;
        let requests = requests.collect::<Result<Vec<_>, _>>()?;
        requests.iter().try_for_each(|request| answer(request, &watched, replies))?;
        watched.completed();
        Ok(())
    }
}

impl OpenRcaService for TestService {
    fn stream_core_metrics(
        &self,
        request: Request<OrcaLoadReportRequest>,
        replies: &mut Sender<OrcaLoadReport>,
    ) -> Result<(), Status> {
        let interval = interval(request.report_interval.as_ref());
        loop {
            replies.send(self.load.get())?;
            request.context().sleep(interval)?;
        }
    }
}

/// Sends the replies that a request of a stream asks for, each after its interval.
fn answer(
    request: &StreamingOutputCallRequest,
    watched: &Watched,
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
