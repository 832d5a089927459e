//! One attempt to connect, up to a transport that stands: socket, then the tunnel through a proxy, then TLS.

use super::tunnel;
use crate::os::{Address, Os, Pipe};
use crate::security::ClientSecurity;
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
    let mut pipe = os.connect(&seam_address(&address)?).await?;
    if let Some(tunnel) = tunnel {
        stage(Stage::Tunnel);
        pipe = tunnel::through(pipe, tunnel.connect()).await?;
    }
    security.dress(pipe, stage).await
}

fn seam_address(address: &CoreAddress) -> io::Result<Address> {
    match address {
        CoreAddress::Tcp(address) => Ok(Address::Tcp(*address)),
        #[cfg(unix)]
        CoreAddress::Unix(path) => Ok(Address::Unix(path.into())),
        #[cfg(not(unix))]
        CoreAddress::Unix(_) => Err(io::Error::new(io::ErrorKind::Unsupported, "no Unix sockets on this system")),
    }
}
