//! The fields of a request: checked, and written in gRPC's order (PROTOCOL-HTTP2.md, "Requests").

use super::machine::Settings;
use crate::call::Head;
use crate::grpc::status::local;
use crate::grpc::{Code, Metadata, Status, content_type, timeout};
use crate::h2::{FieldRun, HeaderBlock, StreamKey};
use crate::hpack::Known;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::time::Duration;

/// A path longer than this is not remembered, bytes.
const LONGEST: usize = 256;

/// Writes requests, and remembers what of the last one the next has as well.
#[derive(Debug, Default)]
pub(super) struct RequestHead {
    /// The path that was written last, on the connection's authority.
    path: String,
    /// The fields in front of `grpc-timeout`, with that path.
    front: FieldRun,
    /// Those behind it.
    back: FieldRun,
}

impl RequestHead {
    /// Can these go into a header?
    pub(super) fn check(&self, head: Head<'_>) -> Result<(), Status> {
        if self.is_usual(head) {
            return Ok(());
        }
        if !head.path.starts_with('/') || !is_visible(head.path) {
            let what = format!("the path is {:?}; expected \"/package.Service/Method\" in ASCII", head.path);
            return Err(local::bad_request(Code::Internal, what));
        }
        match head.authority {
            Some(authority) if authority.is_empty() || !is_visible(authority) => {
                let what = format!("the authority is {authority:?}; expected host or host:port in ASCII");
                Err(local::bad_request(Code::Internal, what))
            }
            _ => Ok(()),
        }
    }

    /// Writes the whole block. `left`: until the deadline.
    pub(super) fn write(
        &mut self,
        mut block: HeaderBlock<'_>,
        settings: &Settings,
        head: Head<'_>,
        left: Option<Duration>,
        metadata: &Metadata,
        scratch: &mut Vec<u8>,
    ) -> StreamKey {
        if !self.is_usual(head) {
            self.front.forget();
            self.path.clear();
            if head.authority.is_none() && head.path.len() <= LONGEST {
                self.path.push_str(head.path);
            }
        }
        block.run(&mut self.front, |block| {
            block.field(Known::Method, b"POST");
            block.field(Known::Scheme, settings.scheme.as_bytes());
            block.field(Known::Path, head.path.as_bytes());
            let authority = head.authority.unwrap_or(&settings.authority);
            if !authority.is_empty() {
                block.field(Known::Authority, authority.as_bytes());
            }
        });
        if let Some(left) = left {
            block.field(Known::GrpcTimeout, timeout::format(left).as_bytes());
        }
        block.run(&mut self.back, |block| {
            block.field(Known::Te, b"trailers");
            block.field(Known::ContentType, content_type::GRPC);
            block.field(Known::UserAgent, settings.user_agent.as_bytes());
        });
        metadata.for_each_field(scratch, |name, value, sensitive| block.other(name, value, sensitive));
        block.end(false)
    }

    /// Is it what was written last?
    fn is_usual(&self, head: Head<'_>) -> bool {
        head.authority.is_none() && !self.path.is_empty() && head.path == self.path
    }
}

/// Without an early exit, so that the compiler looks at many bytes at once.
fn is_visible(text: &str) -> bool {
    text.bytes().fold(true, |all, byte| all & byte.is_ascii_graphic())
}
