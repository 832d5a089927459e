//! The methods of the peers of clients ([`peer`](crate::peer), [`refuser`](crate::refuser)): plain bytes.

use bytes::Bytes;
use proto_core::call::Kind;
use proto_core::rpc::{Method, Raw, Request, RequestOptions};

/// The reply is the request.
pub static ECHO: Method<Bytes, Bytes> = Method::new::<Raw>("/t.T/Echo", Kind::UNARY);
/// Never answered.
pub static DROP: Method<Bytes, Bytes> = Method::new::<Raw>("/t.T/Drop", Kind::UNARY);
/// Answered when as many calls have come as the first byte says.
pub static MEET: Method<Bytes, Bytes> = Method::new::<Raw>("/t.T/Meet", Kind::UNARY);
/// The server closes the connection.
pub static DIE: Method<Bytes, Bytes> = Method::new::<Raw>("/t.T/Die", Kind::UNARY);
/// Answered with ALREADY_EXISTS at its first request; then the server closes the connection, whatever else comes.
pub static LAST: Method<Bytes, Bytes> = Method::new::<Raw>("/t.T/Last", Kind::BIDI);
/// The first byte says how many replies, the second how long each is, in hundreds of bytes.
pub static STREAM: Method<Bytes, Bytes> = Method::new::<Raw>("/t.T/Stream", Kind::SERVER_STREAMING);
/// The reply is how many bytes came.
pub static COUNT: Method<Bytes, Bytes> = Method::new::<Raw>("/t.T/Count", Kind::CLIENT_STREAMING);
/// Each reply is a request.
pub static CHAT: Method<Bytes, Bytes> = Method::new::<Raw>("/t.T/Chat", Kind::BIDI);

pub fn request(body: &[u8]) -> Request<Bytes> {
    Request::new(Bytes::copy_from_slice(body))
}

pub fn none() -> RequestOptions {
    RequestOptions::new()
}
