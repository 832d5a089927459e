//! Both ends and the link between them.

use super::client::Caller;
use super::server::Host;
use super::tls::Tls;
use super::wire::Wire;
use super::{Load, Mode};
use proto_core::connection::{Connection, Server};
use proto_core::error::ConnectionError;
use proto_core::time::Instant;
use proto_core::{Config, Metadata, Status};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Both connections, behind the lock that a runtime has around its own.
pub(super) type Shared = Arc<Mutex<World>>;

/// Virtual time between two turns.
const TURN: Duration = Duration::from_micros(10);

/// What a handler shares with whoever moves bytes.
#[derive(Debug)]
pub(super) struct World {
    pub(super) now: Instant,
    pub(super) server: Connection<Server>,
    pub(super) caller: Caller,
    to_server: Wire,
    to_client: Wire,
    tls: Option<Tls>,
}

/// What was done.
#[derive(Clone, Copy, Debug)]
pub struct Report {
    /// Calls that ended as they should.
    pub calls: u64,
    /// Reply messages that were right.
    pub messages: u64,
    /// Bytes from the client to the server.
    pub sent: u64,
    /// Bytes from the server to the client.
    pub received: u64,
    /// Writes of the client, and of the server.
    pub writes: (u64, u64),
}

pub(super) fn lock(world: &Shared) -> MutexGuard<'_, World> {
    // Nothing is done under the lock that may panic half-way and be used afterwards.
    world.lock().unwrap_or_else(PoisonError::into_inner)
}

impl World {
    fn new(load: Load) -> Result<Self, Status> {
        let enough = u32::try_from(load.concurrency).unwrap_or(u32::MAX).max(100);
        let streams = load.streams.unwrap_or(enough);
        // A message of the largest size must fit, with its field's tag and length.
        let limit = Config::default().max_receive_message_size.max(load.size + 64);
        let now = Instant::from_nanos(1_000_000_000);
        let server = Config { max_concurrent_streams: streams, max_receive_message_size: limit, ..Config::default() };
        let client =
            Config { authority: "localhost:50051".into(), max_receive_message_size: limit, ..Config::default() };
        Ok(World {
            now,
            server: Connection::server(server, now),
            caller: Caller::new(load, client, now),
            to_server: Wire::default(),
            to_client: Wire::default(),
            tls: load.tls.then(Tls::new).transpose()?,
        })
    }

    /// Moves what there is to move in both directions and lets the client act on it. True if anything moved.
    pub(super) fn turn(&mut self) -> Result<bool, Status> {
        let World { now, server, caller, to_server, to_client, tls } = self;
        *now = *now + TURN;
        if server.poll_timeout().is_some_and(|due| due <= *now) {
            server.handle_timeout(*now);
        }
        if caller.poll_timeout().is_some_and(|due| due <= *now) {
            caller.handle_timeout(*now);
        }
        let mut failed = Ok(());
        let mut note = |outcome: Result<(), ConnectionError>| {
            if let Err(error) = outcome {
                failed = Err(Status::internal(format!("the connection broke: {error:?}")));
            }
        };
        let moved_back = to_client.carry(
            tls.as_mut().map(Tls::down),
            |out| server.poll_transmit(*now, out),
            |input| note(caller.receive(*now, input)),
        );
        caller.act(*now)?;
        let moved = to_server.carry(
            tls.as_mut().map(Tls::up),
            |out| caller.poll_transmit(*now, out),
            |input| note(server.receive(*now, input)),
        );
        failed.map(|()| moved || moved_back)
    }
}

/// Makes the calls.
///
/// # Errors
/// A call did not end as it should, or a reply was wrong.
pub fn run(load: Load) -> Result<Report, Status> {
    let world: Shared = Arc::new(Mutex::new(World::new(load)?));
    let mut host = Host::new(world.clone(), load.metadata);
    loop {
        let (moved, over) = {
            let mut world = lock(&world);
            let moved = world.turn()?;
            (moved, world.caller.is_over())
        };
        if over {
            break;
        }
        if !host.serve() && !moved {
            return Err(Status::internal("nothing moves, and calls are left"));
        }
    }
    let world = lock(&world);
    let (calls, messages) = world.caller.done();
    let expected = load.calls * if load.mode == Mode::Unary { 1 } else { u64::from(load.count) };
    if (calls, messages) != (load.calls, expected) {
        let text = format!("{calls} calls and {messages} messages instead of {} and {expected}", load.calls);
        return Err(Status::internal(text));
    }
    Ok(Report {
        calls,
        messages,
        sent: world.to_server.bytes,
        received: world.to_client.bytes,
        writes: (world.to_server.writes, world.to_client.writes),
    })
}

/// As many entries as the load asks for.
pub(super) fn metadata(entries: usize) -> Metadata {
    let mut metadata = Metadata::new();
    for i in 0..entries {
        // Names and values that a header can carry.
        metadata.insert(&format!("x-load-{i:03}"), &format!("value number {i}")).unwrap_or_default();
    }
    metadata
}
