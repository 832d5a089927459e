//! Never beyond a bound.

use proto_core::grpc::Code;
use rt_common_testing::runtime::{Running, ServerBuilder};
use rt_common_testing::toy::{M, number};
use rt_common_testing::{LONG, Runtime, Setup, on_both};
use std::io::Read;

on_both! {
    a_connection_too_many_is_closed_and_the_others_stay,
    silent_connections_give_way_to_those_that_speak,
    a_message_over_the_limit_is_refused_and_the_connection_goes_on,
}

fn a_connection_too_many_is_closed_and_the_others_stay<R: Runtime>() {
    let setup = Setup::<R>::new(0, |b| b.max_connections(2));
    let (mut a, mut b) = (setup.client(), setup.client());
    a.ping_within(1, LONG);
    b.ping_within(1, LONG);
    assert_eq!(setup.socket().read(&mut [0; 16]).unwrap_or(0), 0, "the third is closed");
    a.ping_within(2, LONG);
    b.pipe.close();
    setup.until("its place is free", || setup.server.counts().connections == 1);
    setup.client().ping_within(1, LONG);
    assert_eq!(setup.server.report().connections_refused, 1);
}

fn silent_connections_give_way_to_those_that_speak<R: Runtime>() {
    let setup = Setup::<R>::new(0, |b| b.max_pending_handshakes(3));
    let mut first = setup.client();
    first.ping_within(1, LONG);
    let mut silent: Vec<_> = (0..3).map(|_| setup.socket()).collect();
    setup.until("they are there", || setup.server.counts().connections == 4);
    let mut late = setup.client();
    late.ping_within(1, LONG);
    let mut oldest = silent.remove(0);
    // What the server has to say first, and the end.
    let ended = oldest.read_to_end(&mut Vec::new());
    assert!(ended.is_ok() || ended.is_err_and(|e| e.kind() == std::io::ErrorKind::ConnectionReset));
    first.ping_within(2, LONG);
}

fn a_message_over_the_limit_is_refused_and_the_connection_goes_on<R: Runtime>() {
    let setup = Setup::<R>::new(0, |b| {
        b.configure(|config| (config.max_receive_message_size, config.max_send_message_size) = (1000, 2000))
    });
    let mut c = setup.client();
    c.request(1, M::Echo.info(), None, &[0; 1000]);
    c.request(2, M::Echo.info(), None, &[0; 1001]);
    c.request(3, M::Big.info(), None, &number(2000));
    c.request(4, M::Big.info(), None, &number(2001));
    c.until("four calls", |c| c.all_ended(1..5));
    let codes: Vec<_> = (1..5).filter_map(|i| c.ended(i)).map(|e| e.0).collect();
    assert_eq!(codes, [Code::Ok, Code::ResourceExhausted, Code::Ok, Code::ResourceExhausted]);
}
