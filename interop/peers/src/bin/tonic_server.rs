//! The TestService on tonic's server: what the official interoperability cases ask for.
//!
//! Usage: `tonic-server [--port PORT]`. Prints `listening on ADDRESS`.

use peers::testing::test_service_server::{TestService, TestServiceServer};
use peers::testing::{
    EchoStatus, Empty, Payload, SimpleRequest, SimpleResponse, StreamingInputCallRequest, StreamingInputCallResponse,
    StreamingOutputCallRequest, StreamingOutputCallResponse,
};
use peers::{ECHO_INITIAL, ECHO_TRAILING};
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio_stream::StreamExt;
use tokio_stream::wrappers::{ReceiverStream, TcpListenerStream};
use tonic::metadata::MetadataMap;
use tonic::transport::Server;
use tonic::{Code, Request, Response, Status, Streaming};

struct Service;

type Replies = tonic::codegen::BoxStream<StreamingOutputCallResponse>;

#[tonic::async_trait]
impl TestService for Service {
    async fn empty_call(&self, _: Request<Empty>) -> Result<Response<Empty>, Status> {
        Ok(Response::new(Empty {}))
    }

    async fn unary_call(&self, request: Request<SimpleRequest>) -> Result<Response<SimpleResponse>, Status> {
        let metadata = request.metadata().clone();
        let request = request.into_inner();
        wanted(request.response_status.as_ref())?;
        let server_id = if request.fill_server_id { "tonic".to_owned() } else { String::new() };
        let mut response = Response::new(SimpleResponse { payload: Some(zeros(request.response_size)), server_id });
        echo_initial(&metadata, response.metadata_mut());
        // tonic gives a unary handler no way to set trailers.
        Ok(response)
    }

    async fn cacheable_unary_call(&self, request: Request<SimpleRequest>) -> Result<Response<SimpleResponse>, Status> {
        self.unary_call(request).await
    }

    async fn streaming_output_call(
        &self,
        request: Request<StreamingOutputCallRequest>,
    ) -> Result<Response<Replies>, Status> {
        let (sender, receiver) = mpsc::channel(4);
        tokio::spawn(async move {
            let _ = answer(request.into_inner(), &sender).await;
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(receiver))))
    }

    async fn streaming_input_call(
        &self,
        request: Request<Streaming<StreamingInputCallRequest>>,
    ) -> Result<Response<StreamingInputCallResponse>, Status> {
        let mut requests = request.into_inner();
        let mut sum = 0;
        while let Some(request) = requests.next().await {
            sum += request?.payload.map_or(0, |payload| payload.body.len() as i32);
        }
        Ok(Response::new(StreamingInputCallResponse { aggregated_payload_size: sum }))
    }

    async fn full_duplex_call(
        &self,
        request: Request<Streaming<StreamingOutputCallRequest>>,
    ) -> Result<Response<Replies>, Status> {
        let metadata = request.metadata().clone();
        let mut requests = request.into_inner();
        let (sender, receiver) = mpsc::channel(4);
        let trailers = metadata.clone();
        tokio::spawn(async move {
            while let Some(request) = requests.next().await {
                match request {
                    Ok(request) => {
                        if answer(request, &sender).await.is_none() {
                            return;
                        }
                    }
                    Err(status) => {
                        let _ = sender.send(Err(status)).await;
                        return;
                    }
                }
            }
            let mut end = Status::new(Code::Ok, "");
            if let Some(value) = trailers.get_bin(ECHO_TRAILING) {
                end.metadata_mut().insert_bin(ECHO_TRAILING, value.clone());
            }
            // The only way to trailers that tonic's streams have.
            let _ = sender.send(Err(end)).await;
        });
        let mut response: Response<Replies> = Response::new(Box::pin(ReceiverStream::new(receiver)));
        echo_initial(&metadata, response.metadata_mut());
        Ok(response)
    }

    async fn half_duplex_call(
        &self,
        request: Request<Streaming<StreamingOutputCallRequest>>,
    ) -> Result<Response<Replies>, Status> {
        let mut requests = request.into_inner();
        let mut all = Vec::new();
        while let Some(request) = requests.next().await {
            all.push(request?);
        }
        let (sender, receiver) = mpsc::channel(4);
        tokio::spawn(async move {
            for request in all {
                if answer(request, &sender).await.is_none() {
                    return;
                }
            }
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(receiver))))
    }
}

fn echo_initial(from: &MetadataMap, to: &mut MetadataMap) {
    if let Some(value) = from.get(ECHO_INITIAL) {
        to.insert(ECHO_INITIAL, value.clone());
    }
}

fn wanted(status: Option<&EchoStatus>) -> Result<(), Status> {
    match status {
        Some(EchoStatus { code, message }) if *code != 0 => Err(Status::new(Code::from(*code), message.clone())),
        _ => Ok(()),
    }
}

/// Sends what a request of a stream asks for; `None` when the call is over.
async fn answer(
    request: StreamingOutputCallRequest,
    sender: &mpsc::Sender<Result<StreamingOutputCallResponse, Status>>,
) -> Option<()> {
    if let Err(status) = wanted(request.response_status.as_ref()) {
        let _ = sender.send(Err(status)).await;
        return None;
    }
    for reply in request.response_parameters {
        tokio::time::sleep(Duration::from_micros(reply.interval_us.unsigned_abs().into())).await;
        sender.send(Ok(StreamingOutputCallResponse { payload: Some(zeros(reply.size)) })).await.ok()?;
    }
    Some(())
}

fn zeros(size: i32) -> Payload {
    Payload { body: vec![0; size.max(0) as usize], ..Payload::default() }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let port: u16 = peers::flag("port").map_or(Ok(0), |port| port.parse())?;
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    println!("listening on {}", listener.local_addr()?);
    let service = TestServiceServer::new(Service).max_decoding_message_size(8 << 20);
    Server::builder().add_service(service).serve_with_incoming(TcpListenerStream::new(listener)).await?;
    Ok(())
}
