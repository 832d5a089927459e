//! The life of a call as gRPC defines it, one sentence a test.

mod support;

use proto_core::call::Kind;
use support::Scenario;
use support::script::*;

fn a_unary_call_carries_a_message_each_way_and_both_say_ok() -> Scenario {
    Scenario::new(Kind::UNARY)
        .client([send_last(b"Ada"), Do::Drain])
        .server([Do::Start, Do::Drain, reply(b"Hello, Ada!")])
        .check(|ran| {
            assert_eq!(ran.client.messages(), [b"Hello, Ada!"]);
            assert!(ran.client.status().is_ok() && ran.server().status().is_ok());
            assert_eq!(ran.server().messages(), [b"Ada"]);
        })
}

scenarios! {
    a_unary_call_carries_a_message_each_way_and_both_say_ok
}
