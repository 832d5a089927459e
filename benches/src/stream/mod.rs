//! How fast bytes stream over loopback: the same bytes as they are and in TLS, by the system alone, by rustls alone, and as a
//! server-streaming call of each runtime.
//!
//! Times say little by themselves; all ways are timed in turn, in one run, so that they can be told as ratios.

mod asynchronous;
mod bare;
mod blocking;

use proto_tls::testkit::{Authority, Issued};
use std::error::Error;
use std::time::{Duration, Instant};

/// What may go wrong: sockets, certificates, a call.
pub type Failure = Box<dyn Error + Send + Sync>;

/// What to move, each time.
#[derive(Clone, Copy, Debug)]
pub struct Load {
    /// Messages of one run; also writes, where there are no messages.
    pub count: u32,
    /// Bytes of each.
    pub size: usize,
}

impl Load {
    fn bytes(self) -> u64 {
        u64::from(self.count) * self.size as u64
    }
}

/// A way to move bytes: its name, and how.
pub struct Way {
    /// Of the table.
    pub name: &'static str,
    run: Box<dyn FnMut(Load) -> Result<u64, Failure>>,
}

impl Way {
    fn new(name: &'static str, run: impl FnMut(Load) -> Result<u64, Failure> + 'static) -> Self {
        Way { name, run: Box::new(run) }
    }

    /// How long it takes.
    ///
    /// # Errors
    /// Something failed, or not all the bytes arrived.
    pub fn time(&mut self, load: Load) -> Result<Duration, Failure> {
        let start = Instant::now();
        let moved = (self.run)(load)?;
        if moved == load.bytes() {
            Ok(start.elapsed())
        } else {
            Err(format!("{}: {moved} bytes instead of {}", self.name, load.bytes()).into())
        }
    }
}

/// Who vouches for the server, and the server.
struct Certificates {
    authority: Authority,
    server: Issued,
}

/// All ways, each with its connection.
///
/// # Errors
/// One of them cannot be had.
pub fn ways() -> Result<Vec<Way>, Failure> {
    let authority = Authority::new("benches")?;
    let server = authority.issue("localhost")?;
    let certificates = Certificates { authority, server };
    Ok(vec![
        bare::tcp()?,
        bare::rustls(&certificates)?,
        blocking::plain()?,
        blocking::tls(&certificates)?,
        asynchronous::plain()?,
        asynchronous::tls(&certificates)?,
    ])
}
