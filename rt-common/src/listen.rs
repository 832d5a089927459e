//! Beginning to listen.

use crate::{Address, ServerError};
use std::fmt;
use std::io;
use std::net::{TcpListener, ToSocketAddrs};

/// Listens on the first of these addresses that can be had; a name is looked up here and now, which may block.
///
/// # Errors
/// The address is in use, not ours, or no address.
pub fn tcp(address: impl ToSocketAddrs + fmt::Debug) -> Result<TcpListener, ServerError> {
    let given = format!("{address:?}");
    let unusable = |source| ServerError::Address { address: given.trim_matches('"').into(), source };
    let mut failed = None;
    for address in address.to_socket_addrs().map_err(unusable)? {
        match TcpListener::bind(address) {
            Ok(listener) => return Ok(listener),
            Err(source) => failed = failed.or(Some(ServerError::Bind { address: Address::Tcp(address), source })),
        }
    }
    let nothing = || io::Error::new(io::ErrorKind::InvalidInput, "it stands for no address");
    Err(failed.unwrap_or_else(|| unusable(nothing())))
}

/// Where it listens.
///
/// # Errors
/// The system does not say.
pub fn address(listener: &TcpListener) -> Result<Address, ServerError> {
    let address = listener.local_addr().map_err(ServerError::system("asking the listener for its address"))?;
    Ok(Address::Tcp(address))
}
