//! Statuses as the server gives them, and those that a server has for what it does not know.

use super::check::{code, equal, failure, status};
use super::{Outcome, Peer, echo, request, wish};
use crate::service::DETAILS;
use crate::testing::{Empty, SimpleRequest, StreamingOutputCallRequest, UnimplementedServiceClient};
use rt_std::{Code, Status};

/// Asks for a status in a unary call.
fn unary(peer: &Peer, code: i32, message: &str) -> Result<Status, String> {
    let wanted = SimpleRequest { response_status: echo(code, message), ..SimpleRequest::default() };
    failure(peer.test.unary_call(request(wanted)))
}

pub(super) fn status_code_and_message(peer: &Peer) -> Outcome {
    let message = "test status message";
    status("unary", &unary(peer, 2, message)?, Code::Unknown, message)?;
    // The server ends the call while the client could still send.
    let mut call = peer.test.full_duplex_call_with(super::limited());
    call.send(StreamingOutputCallRequest { response_status: echo(2, message), ..wish([]) })?;
    status("bidi", &failure(call.recv())?, Code::Unknown, message)
}

pub(super) fn every_status_code(peer: &Peer) -> Outcome {
    for &wanted in &Code::all()[1..] {
        let message = format!("code {}", i32::from(wanted));
        status("status", &unary(peer, wanted.into(), &message)?, wanted, &message)?;
    }
    Ok(())
}

pub(super) fn special_status_message(peer: &Peer) -> Outcome {
    let message = "\t\ntest with whitespace\r\nand Unicode BMP \u{263a} and non-BMP \u{1f608}, 100 %\t\n";
    status("status", &unary(peer, 2, message)?, Code::Unknown, message)
}

pub(super) fn status_details(peer: &Peer) -> Outcome {
    // google.rpc.Status { code: 3, message: "bad", details: [Any { type_url: "t/x", value: 0x08 0x01 }] }
    let details = b"\x08\x03\x12\x03bad\x1a\x09\x0a\x03t/x\x12\x02\x08\x01";
    let wanted = SimpleRequest { response_status: echo(3, "bad"), ..SimpleRequest::default() };
    let error = failure(peer.test.unary_call(request(wanted).with_metadata_bin(DETAILS, details)))?;
    status("status", &error, Code::InvalidArgument, "bad")?;
    equal("details", error.details(), details)?;
    equal("types of the details", error.detail_types(), ["t/x"])
}

pub(super) fn unimplemented_method(peer: &Peer) -> Outcome {
    code("unimplemented method", &failure(peer.test.unimplemented_call(request(Empty {})))?, Code::Unimplemented)
}

pub(super) fn unimplemented_service(peer: &Peer) -> Outcome {
    let stub = UnimplementedServiceClient::new(peer.channel.clone());
    code("unimplemented service", &failure(stub.unimplemented_call(request(Empty {})))?, Code::Unimplemented)
}
