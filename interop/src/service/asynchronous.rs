//! The handlers that are futures.

use super::ends::Watched;
use super::load::interval;
use super::{ENDED, TICK, TICKS, TestService, status_asked_for, sum, zeros};
use crate::orca::OrcaLoadReport;
use crate::orca_service::{OpenRcaService, OrcaLoadReportRequest};
use crate::testing;
use crate::testing::{
    Empty, ResponseParameters, SimpleRequest, SimpleResponse, StreamingInputCallRequest, StreamingInputCallResponse,
    StreamingOutputCallRequest, StreamingOutputCallResponse,
};
use proto_core::Status;
use proto_core::rpc::asynchronous::{Receiver, Sender};
use proto_core::rpc::{Request, Response};
use std::time::Duration;

impl testing::TestService for TestService {
    async fn empty_call(&self, request: Request<Empty>) -> Result<Response<Empty>, Status> {
        let context = request.context();
        let watched = self.begin(context)?;
        if let Some(key) = context.metadata().get(ENDED) {
            let mut ticks = 0;
            while self.ends.get(key).is_none() && ticks < TICKS {
                context.sleep_async(TICK).await?;
                ticks += 1;
            }
            context.set_trailer(ENDED, self.ends.get(key).unwrap_or("running"))?;
        }
        self.time_left(context)?;
        watched.completed();
        Ok(Empty {}.into())
    }

    async fn unary_call(&self, request: Request<SimpleRequest>) -> Result<Response<SimpleResponse>, Status> {
        let watched = self.begin(request.context())?;
        let result = self.reply(&request, request.context());
        watched.completed();
        result
    }

    async fn cacheable_unary_call(&self, request: Request<SimpleRequest>) -> Result<Response<SimpleResponse>, Status> {
        testing::TestService::unary_call(self, request).await
    }

    async fn streaming_output_call(
        &self,
        request: Request<StreamingOutputCallRequest>,
        replies: &mut Sender<StreamingOutputCallResponse>,
    ) -> Result<(), Status> {
        let watched = self.begin(request.context())?;
        answer(&request, &watched, replies).await?;
        watched.completed();
        Ok(())
    }

    async fn streaming_input_call(
        &self,
        requests: &mut Receiver<StreamingInputCallRequest>,
    ) -> Result<Response<StreamingInputCallResponse>, Status> {
        let watched = self.begin(requests.context())?;
        let mut size = 0;
        while let Some(request) = requests.recv().await? {
            size += request.payload.map_or(0, |payload| payload.body.len());
        }
        watched.completed();
        Ok(StreamingInputCallResponse { aggregated_payload_size: sum(size)? }.into())
    }

    async fn full_duplex_call(
        &self,
        requests: &mut Receiver<StreamingOutputCallRequest>,
        replies: &mut Sender<StreamingOutputCallResponse>,
    ) -> Result<(), Status> {
        let watched = self.begin(requests.context())?;
        while let Some(request) = requests.recv().await? {
            if let Some(report) = &request.orca_oob_report {
                self.load.set(report);
            }
            answer(&request, &watched, replies).await?;
        }
        watched.completed();
        Ok(())
    }

    async fn half_duplex_call(
        &self,
        requests: &mut Receiver<StreamingOutputCallRequest>,
        replies: &mut Sender<StreamingOutputCallResponse>,
    ) -> Result<(), Status> {
        let watched = self.begin(requests.context())?;
        let mut all = Vec::new();
        while let Some(request) = requests.recv().await? {
            all.push(request);
        }
        for request in &all {
            answer(request, &watched, replies).await?;
        }
        watched.completed();
        Ok(())
    }
}

impl OpenRcaService for TestService {
    async fn stream_core_metrics(
        &self,
        request: Request<OrcaLoadReportRequest>,
        replies: &mut Sender<OrcaLoadReport>,
    ) -> Result<(), Status> {
        let interval = interval(request.report_interval.as_ref());
        loop {
            replies.send(self.load.get()).await?;
            request.context().sleep_async(interval).await?;
        }
    }
}

/// Sends the replies that a request of a stream asks for, each after its interval.
async fn answer(
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
            replies.context().sleep_async(Duration::from_micros(interval_us.unsigned_abs().into())).await?;
        }
        replies.send(StreamingOutputCallResponse { payload: Some(zeros(size)?) }).await?;
    }
    Ok(())
}
