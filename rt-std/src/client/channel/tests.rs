//! What only a look inside shows. (The scenes are in `tests/client_channel.rs`.)

use super::connector;
use super::state::Link;
use crate::client::call::Call;
use crate::os::{Pipe, Raw, Ready};
use crate::testkit::Sim;
use proto_core::call::Kind;
use proto_core::channel::Waiter;
use proto_core::rpc::RequestOptions;
use proto_core::time::Instant;
use rt_common::observer::Connections;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
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

/// Somebody else's code below a connection (a verifier of certificates, say) panics.
#[derive(Debug)]
struct Panics(Arc<dyn Pipe>);

impl Pipe for Panics {
    fn read(&self, _: &mut [u8], _: Option<Instant>) -> io::Result<usize> {
        panic!("as the test has it")
    }
    fn try_read(&self, buf: &mut [u8]) -> io::Result<usize> {
        self.read(buf, None)
    }
    fn try_write(&self, segments: &[&[u8]]) -> io::Result<usize> {
        self.0.try_write(segments)
    }
    fn wait(&self, _: bool, _: bool, _: Option<Instant>) -> io::Result<Ready> {
        panic!("as the test has it")
    }
    fn wake(&self) {
        self.0.wake();
    }
    fn connected(&self) -> io::Result<bool> {
        Ok(true)
    }
    fn close(&self) {
        self.0.close();
    }
    fn raw(&self) -> Raw<'_> {
        self.0.raw()
    }
}

#[test]
fn the_next_call_that_nobody_waits_for_has_a_thread_again_after_one_that_panicked() {
    Sim::seed(1).run(|sim| {
        let (address, _listener) = sim.listen();
        let channel = sim.channel_to(address);
        channel.state(true);
        let shared = channel.shared();
        let mut state = shared.lock();
        let key = *state.links.keys().next().expect("an attempt is under way");
        let driver = shared.driver(key, Arc::new(Panics(sim.pair().0)));
        state.links.insert(key, Link::Handshake { driver, held: false });
        // This thread is the one that connects.
        state.connector = true;
        shared.unlock(state);
        let options = RequestOptions::new().with_wait_for_ready();
        let call = Call::start(&channel, "/test/Call", Kind::BIDI, options, Ok(None));
        let run = || connector::run(&Arc::downgrade(shared));
        catch_unwind(AssertUnwindSafe(run)).expect_err("it meets the panic");
        assert!(!shared.lock().connector, "nobody connects");
        drop(call);
    });
}
