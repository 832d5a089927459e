//! Statuses as the server gives them, and those that a server has for what it does not know.

use super::check::{code, equal, failure, status};
use super::{Outcome, Peer, echo, request, wish};
use crate::runtime::Runtime;
use crate::service::DETAILS;
use crate::testing::{Empty, SimpleRequest, StreamingOutputCallRequest, UnimplementedServiceClient};
use proto_core::{Code, Status};

/// Asks for a status in a unary call.
async fn unary<F: Runtime>(peer: &Peer<F>, code: i32, message: &str) -> Result<Status, String> {
    let wanted = SimpleRequest { response_status: echo(code, message), ..SimpleRequest::default() };
    failure(F::settle(peer.test.unary_call(request(wanted))).await)
}

pub(super) async fn status_code_and_message<F: Runtime>(peer: &Peer<F>) -> Outcome {
    let message = "test status message";
    status("unary", &unary(peer, 2, message).await?, Code::Unknown, message)?;
    // The server ends the call while the client could still send.
    let mut call = peer.test.full_duplex_call_with(super::limited());
    F::bidi_send(&mut call, StreamingOutputCallRequest { response_status: echo(2, message), ..wish([]) }).await?;
    status("bidi", &failure(F::bidi_next(&mut call).await.transpose())?, Code::Unknown, message)
}

pub(super) async fn every_status_code<F: Runtime>(peer: &Peer<F>) -> Outcome {
    for &wanted in &Code::all()[1..] {
        let message = format!("code {}", i32::from(wanted));
        status("status", &unary(peer, wanted.into(), &message).await?, wanted, &message)?;
    }
    Ok(())
}

pub(super) async fn special_status_message<F: Runtime>(peer: &Peer<F>) -> Outcome {
    let message = "\t\ntest with whitespace\r\nand Unicode BMP \u{263a} and non-BMP \u{1f608}, 100 %\t\n";
    status("status", &unary(peer, 2, message).await?, Code::Unknown, message)
}

pub(super) async fn status_details<F: Runtime>(peer: &Peer<F>) -> Outcome {
    // google.rpc.Status { code: 3, message: "bad", details: [Any { type_url: "t/x", value: 0x08 0x01 }] }
    let details = b"\x08\x03\x12\x03bad\x1a\x09\x0a\x03t/x\x12\x02\x08\x01";
    let wanted = SimpleRequest { response_status: echo(3, "bad"), ..SimpleRequest::default() };
    let error = failure(F::settle(peer.test.unary_call(request(wanted).with_metadata_bin(DETAILS, details))).await)?;
    status("status", &error, Code::InvalidArgument, "bad")?;
    equal("details", error.details(), details)?;
    equal("types of the details", error.detail_types(), ["t/x"])
}

pub(super) async fn unimplemented_method<F: Runtime>(peer: &Peer<F>) -> Outcome {
    code(
        "unimplemented method",
        &failure(F::settle(peer.test.unimplemented_call(request(Empty {}))).await)?,
        Code::Unimplemented,
    )
}

pub(super) async fn unimplemented_service<F: Runtime>(peer: &Peer<F>) -> Outcome {
    let stub = UnimplementedServiceClient::new(peer.channel.clone());
    code(
        "unimplemented service",
        &failure(F::settle(stub.unimplemented_call(request(Empty {}))).await)?,
        Code::Unimplemented,
    )
}
