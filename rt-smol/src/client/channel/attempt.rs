//! One attempt to connect, up to a transport that stands: socket, then the tunnel through a proxy, then TLS.

use super::tunnel;
use crate::os::{Address, Os, Pipe};
use crate::security::{self, ClientSecurity};
use proto_core::channel::{Address as CoreAddress, Stage, Tunnel};
use std::io;
use std::sync::Arc;

/// Connects to this address, and through the proxy there if there is a `tunnel` to be made; tells `stage` how far it has come.
pub(super) async fn connect(
    os: Arc<dyn Os>,
    address: CoreAddress,
    tunnel: Option<Tunnel>,
    security: ClientSecurity,
    stage: impl Fn(Stage),
) -> io::Result<Arc<dyn Pipe>> {
    let mut pipe = os.connect(&Address::try_from(&address)?).await?;
    if let Some(tunnel) = tunnel {
        stage(Stage::Tunnel);
        pipe = tunnel::through(pipe, tunnel.connect()).await?;
    }
    security::dress(&security, pipe, stage).await
}
