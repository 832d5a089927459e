//! What only a look inside shows. (The scenes are in `tests/client_channel.rs`.)

use super::state::Link;
use crate::testkit::Sim;
use proto_core::channel::Waiter;
use rt_common::observer::Connections;
use std::time::Duration;

#[test]
fn a_connection_that_is_ready_when_its_channel_has_given_it_up_takes_no_calls() {
    Sim::seed(1).run(|sim| {
        let (address, _listener) = sim.listen();
        let channel = sim.channel_to(address);
        channel.state(true);
        let shared = channel.shared();
        let mut state = shared.lock();
        let key = *state.links.keys().next().expect("an attempt is under way");
        let driver = shared.driver(key, sim.pair().0);
        state.links.insert(key, Link::Handshake { driver, held: true });
        // One thread has ended the channel and not carried that out; another one reads SETTINGS.
        state.core.shutdown(Duration::ZERO);
        shared.unlock(state);
        shared.ready(key);
        assert!(shared.acquire(&mut Waiter::new(false), None, None, &|| false).is_err());
    });
}
