//! The official interoperability cases on tonic's client.
//!
//! Usage: `tonic-client --server_host HOST --server_port PORT [--test_case NAME|all]`. Prints a line for each case, closes
//! with `N passed, N failed`; exits 1 when one failed.

use peers::testing::test_service_client::TestServiceClient;
use peers::testing::unimplemented_service_client::UnimplementedServiceClient;
use peers::testing::{
    EchoStatus, Empty, Payload, ResponseParameters, SimpleRequest, StreamingInputCallRequest,
    StreamingOutputCallRequest,
};
use peers::{ECHO_INITIAL, ECHO_TRAILING};
use std::error::Error;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};
use tokio_stream::wrappers::ReceiverStream;
use tonic::metadata::{MetadataMap, MetadataValue};
use tonic::transport::Channel;
use tonic::{Code, Request, Response, Status};

type Outcome = Result<(), Box<dyn Error>>;
type Client = TestServiceClient<Channel>;

/// No case takes longer.
const LIMIT: Duration = Duration::from_secs(30);

const CASES: &[&str] = &[
    "empty_unary",
    "large_unary",
    "client_streaming",
    "server_streaming",
    "ping_pong",
    "empty_stream",
    "custom_metadata",
    "status_code_and_message",
    "special_status_message",
    "unimplemented_method",
    "unimplemented_service",
    "cancel_after_begin",
    "cancel_after_first_response",
    "timeout_on_sleeping_server",
    "concurrent_large_unary",
    "pick_first_unary",
];

async fn run(name: &str, channel: &Channel) -> Outcome {
    let mut client = TestServiceClient::new(channel.clone());
    match name {
        "empty_unary" => client.empty_call(Empty {}).await.map(drop).map_err(Into::into),
        "large_unary" => large(&mut client).await,
        "client_streaming" => client_streaming(&mut client).await,
        "server_streaming" => server_streaming(&mut client).await,
        "ping_pong" => ping_pong(&mut client).await,
        "empty_stream" => {
            let requests = tokio_stream::empty::<StreamingOutputCallRequest>();
            let mut replies = client.full_duplex_call(requests).await?.into_inner();
            check("replies", replies.message().await?.is_none())
        }
        "custom_metadata" => custom_metadata(&mut client).await,
        "status_code_and_message" => status_code_and_message(&mut client).await,
        "special_status_message" => {
            let message = "\t\ntest with whitespace\r\nand Unicode BMP \u{263a} and non-BMP \u{1f608}\t\n";
            status("status", client.unary_call(failing(message)).await, Code::Unknown, message)
        }
        "unimplemented_method" => code("status", client.unimplemented_call(Empty {}).await, Code::Unimplemented),
        "unimplemented_service" => {
            let mut stub = UnimplementedServiceClient::new(channel.clone());
            code("status", stub.unimplemented_call(Empty {}).await, Code::Unimplemented)
        }
        "cancel_after_begin" => {
            let (sender, receiver) = mpsc::channel::<StreamingInputCallRequest>(1);
            let call = client.streaming_input_call(ReceiverStream::new(receiver));
            check("still running", timeout(Duration::from_millis(50), call).await.is_err())?;
            drop(sender);
            client.empty_call(Empty {}).await.map(drop).map_err(Into::into)
        }
        "cancel_after_first_response" => {
            let (sender, receiver) = mpsc::channel(1);
            sender.send(wish(31_415, 27_182)).await?;
            let mut replies = client.full_duplex_call(ReceiverStream::new(receiver)).await?.into_inner();
            check("a reply", replies.message().await?.is_some())?;
            drop(replies);
            client.empty_call(Empty {}).await.map(drop).map_err(Into::into)
        }
        "timeout_on_sleeping_server" => {
            let mut late = wish(1, 27_182);
            late.response_parameters[0].interval_us = 60_000_000;
            let mut request = Request::new(ReceiverStream::new({
                let (sender, receiver) = mpsc::channel(1);
                sender.send(late).await?;
                receiver
            }));
            request.set_timeout(Duration::from_millis(300));
            let failed = match client.full_duplex_call(request).await {
                Ok(replies) => replies.into_inner().message().await.map(drop),
                Err(status) => Err(status),
            };
            // tonic says CANCELLED where its own timer fires first.
            match failed {
                Err(status) if matches!(status.code(), Code::DeadlineExceeded | Code::Cancelled) => Ok(()),
                other => Err(format!("got {other:?}").into()),
            }
        }
        "concurrent_large_unary" => concurrent(client).await,
        "pick_first_unary" => {
            let mut first = None;
            for _ in 0..100 {
                let request = SimpleRequest { response_size: 1, fill_server_id: true, ..SimpleRequest::default() };
                let id = client.unary_call(request).await?.into_inner().server_id;
                check("the server", !id.is_empty() && id == *first.get_or_insert_with(|| id.clone()))?;
            }
            Ok(())
        }
        _ => Err("there is no such case".into()),
    }
}

async fn large(client: &mut Client) -> Outcome {
    let payload = Some(zeros(271_828));
    let request = SimpleRequest { response_size: 314_159, payload, ..SimpleRequest::default() };
    let reply = client.unary_call(request).await?.into_inner();
    check("reply", reply.payload.is_some_and(|payload| payload.body == vec![0; 314_159]))
}

async fn concurrent(client: Client) -> Outcome {
    let mut calls = tokio::task::JoinSet::new();
    for _ in 0..64 {
        let mut client = client.clone();
        calls.spawn(async move { large(&mut client).await.map_err(|error| error.to_string()) });
    }
    while let Some(done) = calls.join_next().await {
        done??;
    }
    Ok(())
}

async fn client_streaming(client: &mut Client) -> Outcome {
    let sizes = [27_182, 8, 1_828, 45_904];
    let requests = sizes.map(|size| StreamingInputCallRequest { payload: Some(zeros(size)) });
    let reply = client.streaming_input_call(tokio_stream::iter(requests)).await?;
    check("sum", reply.into_inner().aggregated_payload_size == 74_922)
}

async fn server_streaming(client: &mut Client) -> Outcome {
    let sizes = [31_415, 9, 2_653, 58_979];
    let response_parameters = sizes.map(|size| ResponseParameters { size, interval_us: 0 }).to_vec();
    let request = StreamingOutputCallRequest { response_parameters, ..StreamingOutputCallRequest::default() };
    let mut replies = client.streaming_output_call(request).await?.into_inner();
    for size in sizes {
        let reply = replies.message().await?.ok_or("too few replies")?;
        check("reply", reply.payload.is_some_and(|payload| payload.body.len() == size as usize))?;
    }
    check("after the last", replies.message().await?.is_none())
}

async fn ping_pong(client: &mut Client) -> Outcome {
    let (sender, receiver) = mpsc::channel(1);
    // tonic waits for the reply's headers here, which a server need not send before it has something to say.
    sender.send(wish(31_415, 27_182)).await?;
    let mut replies = client.full_duplex_call(ReceiverStream::new(receiver)).await?.into_inner();
    for (size, next) in
        [(31_415, Some((9, 8))), (9, Some((2_653, 1_828))), (2_653, Some((58_979, 45_904))), (58_979, None)]
    {
        let reply = replies.message().await?.ok_or("too few replies")?;
        check("reply", reply.payload.is_some_and(|payload| payload.body.len() == size as usize))?;
        if let Some((size, body)) = next {
            sender.send(wish(size, body)).await?;
        }
    }
    drop(sender);
    check("after the last", replies.message().await?.is_none())
}

async fn custom_metadata(client: &mut Client) -> Outcome {
    let asking = |metadata: &mut MetadataMap| {
        metadata.insert(ECHO_INITIAL, MetadataValue::from_static("test_initial_metadata_value"));
        metadata.insert_bin(ECHO_TRAILING, MetadataValue::from_bytes(&[0xab, 0xab, 0xab]));
    };
    let initial = |metadata: &MetadataMap| {
        check("initial", metadata.get(ECHO_INITIAL).is_some_and(|value| value == "test_initial_metadata_value"))
    };
    let trailing = |metadata: &MetadataMap| {
        let value = metadata.get_bin(ECHO_TRAILING).and_then(|value| value.to_bytes().ok());
        check("trailing", value.is_some_and(|value| value[..] == [0xab, 0xab, 0xab]))
    };
    let mut request = Request::new(SimpleRequest { response_size: 1, ..SimpleRequest::default() });
    asking(request.metadata_mut());
    let reply = client.unary_call(request).await?;
    // tonic puts headers and trailers of a unary reply into one map.
    initial(reply.metadata())?;
    trailing(reply.metadata())?;

    let mut request = Request::new(tokio_stream::once(wish(1, 1)));
    asking(request.metadata_mut());
    let reply = client.full_duplex_call(request).await?;
    initial(reply.metadata())?;
    let mut replies = reply.into_inner();
    while replies.message().await?.is_some() {}
    trailing(&replies.trailers().await?.unwrap_or_default())
}

async fn status_code_and_message(client: &mut Client) -> Outcome {
    let message = "test status message";
    status("unary", client.unary_call(failing(message)).await, Code::Unknown, message)?;
    let response_status = Some(EchoStatus { code: 2, message: message.into() });
    let request = StreamingOutputCallRequest { response_status, ..StreamingOutputCallRequest::default() };
    let got = match client.full_duplex_call(tokio_stream::once(request)).await {
        Ok(replies) => replies.into_inner().message().await.map(Response::new),
        Err(status) => Err(status),
    };
    status("bidi", got, Code::Unknown, message)
}

fn failing(message: &str) -> SimpleRequest {
    SimpleRequest { response_status: Some(EchoStatus { code: 2, message: message.into() }), ..SimpleRequest::default() }
}

fn wish(size: i32, body: usize) -> StreamingOutputCallRequest {
    StreamingOutputCallRequest {
        response_parameters: vec![ResponseParameters { size, interval_us: 0 }],
        payload: Some(zeros(body)),
        ..StreamingOutputCallRequest::default()
    }
}

fn zeros(size: usize) -> Payload {
    Payload { body: vec![0; size], ..Payload::default() }
}

fn check(what: &str, holds: bool) -> Outcome {
    if holds { Ok(()) } else { Err(format!("{what}: not as wanted").into()) }
}

fn code<T>(what: &str, got: Result<Response<T>, Status>, wanted: Code) -> Outcome {
    match got {
        Err(status) if status.code() == wanted => Ok(()),
        Err(status) => Err(format!("{what}: got {status:?}, wanted {wanted:?}").into()),
        Ok(_) => Err(format!("{what}: the call ended OK, wanted {wanted:?}").into()),
    }
}

fn status<T>(what: &str, got: Result<Response<T>, Status>, wanted: Code, message: &str) -> Outcome {
    match &got {
        Err(status) if status.code() == wanted && status.message() != message => {
            Err(format!("{what}: message {:?}, wanted {message:?}", status.message()).into())
        }
        _ => code(what, got, wanted),
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let host = peers::flag("server_host").unwrap_or_else(|| "localhost".into());
    let port = peers::flag("server_port").unwrap_or_else(|| "10000".into());
    let chosen = peers::flag("test_case").unwrap_or_else(|| "all".into());
    let channel = Channel::from_shared(format!("http://{host}:{port}"))?.connect().await?;
    let (mut passed, mut failed) = (0, 0);
    for name in CASES.iter().filter(|name| chosen == "all" || chosen.split(',').any(|chosen| chosen == **name)) {
        match timeout(LIMIT, run(name, &channel)).await.unwrap_or_else(|_| Err("took too long".into())) {
            Ok(()) => {
                passed += 1;
                println!("ok      {name}");
            }
            Err(error) => {
                failed += 1;
                println!("FAILED  {name}: {error}");
            }
        }
        sleep(Duration::ZERO).await;
    }
    println!("{passed} passed, {failed} failed");
    std::process::exit(i32::from(failed > 0 || passed == 0));
}
