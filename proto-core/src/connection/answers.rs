//! The fields of a response: its head, and the status in its trailers.

use crate::grpc::metadata::encode_bin;
use crate::grpc::{Metadata, Status, content_type, percent};
use crate::h2::{FieldRun, HeaderBlock};
use crate::hpack::Known;
use alloc::vec::Vec;

/// `:status` and `content-type`.
pub(crate) fn response_head(block: &mut HeaderBlock<'_>, usual: &mut FieldRun) {
    block.run(usual, |block| {
        block.field(Known::Status, b"200");
        block.field(Known::ContentType, content_type::GRPC);
    });
}

/// Metadata, binary values in base64.
pub(crate) fn metadata(block: &mut HeaderBlock<'_>, metadata: &Metadata, scratch: &mut Vec<u8>) {
    metadata.for_each_field(scratch, |name, value, sensitive| block.other(name, value, sensitive));
}

/// `grpc-status` and what belongs to it, then the trailing metadata: the status' own, and `trailers`.
pub(crate) fn status(block: &mut HeaderBlock<'_>, status: &Status, trailers: &Metadata, scratch: &mut Vec<u8>) {
    block.field(Known::GrpcStatus, status.code().digits().as_bytes());
    if !status.message().is_empty() {
        scratch.clear();
        percent::encode(status.message(), scratch);
        block.field(Known::GrpcMessage, scratch);
    }
    if !status.details().is_empty() {
        encode_bin(status.details(), scratch);
        block.field(Known::GrpcStatusDetailsBin, scratch);
    }
    metadata(block, status.metadata(), scratch);
    metadata(block, trailers, scratch);
}
