//! The same calls in a simulation, over streams that are read and written in turns, on seeds.

use super::*;
use rt_std::os::{Os, Pipe};
use rt_std::testkit::{Network, Report, Sim};
use std::io::{self, ErrorKind, Read, Write};
use std::sync::Arc;

/// A link of the simulation as somebody's own stream.
struct Stream {
    link: Arc<dyn Pipe>,
    os: Arc<dyn Os>,
    /// How long it waits; `None`: until there is something.
    waits: Option<Duration>,
}

impl Read for Stream {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        self.link.read(buf, self.waits.map(|time| self.os.now() + time))
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let until = self.waits.map(|time| self.os.now() + time);
        loop {
            match self.link.try_write(&[bytes]) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    if until.is_some_and(|until| self.os.now() >= until) {
                        return Err(error);
                    }
                    self.link.wait(false, true, until)?;
                }
                other => return other,
            }
        }
    }
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Calls over a link whose ends are such streams.
fn play(seed: u64, near: Option<Duration>, far: Option<Duration>) -> Report {
    let network = Network { capacity: 5_000 + (seed as usize % 4) * 10_000, ..Network::default() };
    let played = Sim::seed(seed).with_network(network).with_max_switches(400_000).try_run(|sim| {
        let (client, server) = sim.pair();
        let client = Stream { link: client, os: sim.os(), waits: near };
        let server = Stream { link: server, os: sim.os(), waits: far };
        let builder = Server::builder().os(sim.os()).add_service(HelloServiceServer::blocking(Greeter));
        let served = sim.spawn("server", move || builder.serve_connection(server));
        let channel = sim.builder("http://db.example:1").from_io(client).expect("a target");
        exercise(channel, 30_000, |send, receive| {
            let sender = sim.spawn("sender", send);
            receive();
            sender.join();
        });
        assert_eq!(served.join().expect("it is served").calls, CALLS);
    });
    played.unwrap_or_else(|failure| panic!("{near:?} {far:?}: {failure}")).1
}

const MS: Duration = Duration::from_millis(1);

#[test]
fn calls_in_turns_whatever_the_seed() {
    for seed in 0..8 {
        play(seed, Some(Duration::ZERO), Some(Duration::ZERO));
        play(seed, Some(2 * MS), Some(2 * MS));
        play(seed, Some(Duration::ZERO), Some(5 * MS));
    }
}

#[test]
fn a_seed_repeats_exactly() {
    assert_eq!(play(3, Some(Duration::ZERO), Some(2 * MS)), play(3, Some(Duration::ZERO), Some(2 * MS)));
}
