//! What the client's tests share, beside `rt_common_testing`: scenarios of the blocking client.

#![allow(dead_code, unreachable_pub, unused_imports)]

pub mod scenarios;

use bytes::Bytes;
use proto_core::rpc::{Front, Method, Request};
pub use rt_common_testing::methods::{CHAT, COUNT, DIE, DROP, ECHO, LAST, MEET, STREAM, none, request};
pub use rt_common_testing::{peer, refuser};
use rt_std::{Channel, Response, Status};

pub fn unary(channel: &Channel, method: &'static Method<Bytes, Bytes>, body: &[u8]) -> Result<Response<Bytes>, Status> {
    channel.unary(method, Request::new(Bytes::copy_from_slice(body)))
}
