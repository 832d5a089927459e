//! A method's descriptor: path, kind, and how its messages are written and read.

use super::codec::{Decode, Encode};
use crate::buf::MessageBuf;
use crate::call::Kind;
use crate::grpc::Status;
use alloc::vec::Vec;
use core::marker::PhantomData;

/// How a message is written: `Encode::encode` of some codec.
pub type EncodeFn<M> = fn(&M, &mut Vec<u8>) -> Result<(), Status>;
/// How a message is read: `Decode::decode` of some codec.
pub type DecodeFn<M> = fn(&mut MessageBuf) -> Result<M, Status>;

/// One method of a service; generated code has a `static` of it.
#[derive(Debug)]
pub struct Method<Q, M> {
    /// "/package.Service/Method".
    pub path: &'static str,
    /// How many messages go each way.
    pub kind: Kind,
    /// Client: writes requests.
    pub encode_request: EncodeFn<Q>,
    /// Client: reads replies.
    pub decode_reply: DecodeFn<M>,
    /// Server: reads requests.
    pub decode_request: DecodeFn<Q>,
    /// Server: writes replies.
    pub encode_reply: EncodeFn<M>,
    marker: PhantomData<fn(Q) -> M>,
}

impl<Q, M> Method<Q, M> {
    /// A method whose messages codec `C` writes and reads.
    pub const fn new<C: Encode<Q> + Decode<Q> + Encode<M> + Decode<M>>(path: &'static str, kind: Kind) -> Self {
        Method {
            path,
            kind,
            encode_request: <C as Encode<Q>>::encode,
            decode_reply: <C as Decode<M>>::decode,
            decode_request: <C as Decode<Q>>::decode,
            encode_reply: <C as Encode<M>>::encode,
            marker: PhantomData,
        }
    }
}
