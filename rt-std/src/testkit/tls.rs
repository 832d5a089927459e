//! TLS in a simulation: every channel and every server of it speaks TLS, so that what was written for plain text is played
//! over TLS as well.
//!
//! What is encrypted differs from run to run (keys are random), how long it is does not, with keys of one kind: so a seed still
//! makes every choice.

use super::sim::Sim;
use crate::os::Pipe;
use crate::tls::{TlsAcceptor, TlsConnector, TlsPipe};
use std::sync::Arc;

/// What both ends use.
#[derive(Clone, Debug)]
pub(super) struct Both {
    pub(super) connector: TlsConnector,
    pub(super) acceptor: TlsAcceptor,
}

impl Sim {
    /// Channels ([`builder`](Self::builder), [`channel`](Self::channel)) and servers ([`serve`](Self::serve)) speak TLS with these
    /// settings from now on.
    pub fn with_tls(mut self, connector: TlsConnector, acceptor: TlsAcceptor) -> Self {
        self.tls = Some(Both { connector, acceptor });
        self
    }

    /// A pipe that a listener of one's own has accepted, as the simulation's servers would have it: in TLS after the handshake, if
    /// they speak TLS. Blocks until then. `None` when the handshake failed.
    pub fn accepted(&self, pipe: Arc<dyn Pipe>) -> Option<Arc<dyn Pipe>> {
        let Some(both) = &self.tls else { return Some(pipe) };
        let pipe = TlsPipe::shared(&self.os(), pipe, both.acceptor.stage().ok()?);
        loop {
            match pipe.connected() {
                Ok(true) => return Some(pipe),
                Ok(false) => drop(pipe.wait(true, false, None)),
                Err(_) => {
                    pipe.close();
                    return None;
                }
            }
        }
    }
}
