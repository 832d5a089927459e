//! One attempt to connect, up to a transport that stands.

use crate::os::{Address, Os, Pipe};
use proto_core::channel::Address as CoreAddress;
use std::io;
use std::sync::Arc;

/// Connects to this address.
pub(super) async fn connect(os: Arc<dyn Os>, address: CoreAddress) -> io::Result<Arc<dyn Pipe>> {
    os.connect(&seam_address(&address)?).await
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
