//! The client in a simulation: threads, places and hand-offs, busy and quiet.

mod support;

use bytes::Bytes;
use proto_core::rpc::Front;
use rt_std::testkit::{Network, Sim};
use rt_std::{Cancel, Code, SendError};
use std::time::Duration;
use support::{CHAT, COUNT, DIE, DROP, ECHO, STREAM, none, peer, request, unary};

const MS: Duration = Duration::from_millis(1);

#[test]
fn a_unary_call_goes_there_and_back() {
    for seed in 0..20 {
        Sim::seed(seed).run(|sim| {
            let address = peer::listen(sim, peer::Behaviour::default(), 1);
            let channel = sim.channel_to(address);
            let reply = unary(&channel, &ECHO, b"hello").expect("a reply");
            assert_eq!(&reply[..], b"hello");
            channel.shutdown(MS);
        });
    }
}
