//! The async client over real sockets, against the blocking runtime's server and against small peers whose behaviour a
//! test bends.
//!
//! Times here are guards against hanging; nothing is asserted about how long anything takes.
#![allow(unreachable_pub, missing_docs)]

mod calls;
mod cancel_safety;
mod cancelling;
mod channel;
mod chaos;
mod ends;
mod executors;
mod phases;
mod retries;
mod server;
mod streams;

use bytes::Bytes;
use proto_core::rpc::{Front, Method};
use rt_common_testing::methods::{CHAT, COUNT, DIE, DROP, ECHO, MEET, STREAM, none, request};
use rt_common_testing::peer::{self, Behaviour};
use rt_common_testing::refuser;
use rt_common_testing::sockets::{accept, raw_peer, serve};
use rt_smol::{Channel, Request, Response, Status};
use rt_std::os::unix::{RealOs, SocketPipe};
use std::future::Future;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

const MS: Duration = Duration::from_millis(1);
/// Longer than anything here takes.
const LONG: Duration = Duration::from_secs(60);

async fn unary(
    channel: &Channel,
    method: &'static Method<Bytes, Bytes>,
    body: &[u8],
) -> Result<Response<Bytes>, Status> {
    channel.unary(method, request(body)).await
}

/// Runs a test, and ends it if it hangs.
fn run<T>(test: impl Future<Output = T>) -> T {
    let late = async {
        smol::Timer::after(LONG).await;
        panic!("the test hangs")
    };
    smol::block_on(smol::future::or(test, late))
}

async fn connect(address: SocketAddr) -> Channel {
    Channel::connect(address.to_string()).await.expect("the peer takes connections")
}
