//! TLS for gRPC as a stage between bytes and bytes: rustls, without I/O.
//!
//! What it does: configuration ([`ClientTls`], [`ServerTls`]), the stage itself ([`Stage`]: ciphertext in, plaintext out,
//! and the other way round), the accounting that an unbuffered writer needs ([`Outbox`]), both together for pipes of runtimes
//! ([`Duplex`]), and errors that name the mistake
//! ([`TlsError`]). HTTP/2 is agreed on by ALPN ("h2"), as gRPC demands; a peer that does not is refused by name.
//!
//! What it does not do: reading, writing, waiting, time. A handshake that hangs is ended by whoever drives the connection
//! (`proto-core` counts TLS, the preface and the first SETTINGS as one handshake). It is called by the runtimes, which wrap it
//! as a pipe around a pipe, and by loops of one's own, as here:
//!
//! ```
//! use proto_tls::{ClientTls, ServerTls};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let made = rcgen::generate_simple_self_signed(["localhost".to_string()])?;
//! let (certificate, key) = (made.cert.pem(), made.signing_key.serialize_pem());
//!
//! let connector = ClientTls::new().with_roots_pem(&certificate).build()?;
//! let acceptor = ServerTls::new(&certificate, &key).build()?;
//! let (mut client, mut server) = (connector.stage("localhost")?, acceptor.stage()?);
//!
//! let mut wire = Vec::new();
//! let mut greeting: &[u8] = b"hello";
//! loop {
//!     // Plaintext goes in once the handshake is over; until then nothing is taken.
//!     greeting = &greeting[client.send([greeting])..];
//!     // Ciphertext comes out, is carried by whatever there is, and goes in at the other end.
//!     let mut moved = client.poll_transmit(&mut wire);
//!     server.receive(&std::mem::take(&mut wire))?;
//!     moved |= server.poll_transmit(&mut wire);
//!     client.receive(&std::mem::take(&mut wire))?;
//!     if !moved {
//!         break;
//!     }
//! }
//! let mut heard = [0; 100];
//! let n = server.read(&mut heard);
//! assert_eq!(&heard[..n], b"hello");
//! # Ok(()) }
//! ```
//!
//! | feature | brings |
//! |---|---|
//! | `ring` (default) | cryptography by *ring* |
//! | `aws-lc-rs` | cryptography by AWS-LC; with both, *ring* is taken unless [`ClientTls::with_provider`] says otherwise |
//! | `native-roots` | `ClientTls::with_native_roots`: whom the system trusts |
//! | `testkit` | `testkit`: certificates for tests |

mod alert;
mod client;
mod duplex;
mod engine;
mod error;
mod identity;
mod outbox;
mod provider;
mod records;
mod scratch;
mod server;
mod shared;
mod stage;
mod target;
#[cfg(feature = "testkit")]
pub mod testkit;

pub use client::{ClientTls, TlsConnector};
pub use duplex::{Duplex, Writing};
pub use error::{Side, TlsConfigError, TlsError, TlsProblem};
pub use outbox::Outbox;
pub use rustls;
pub use scratch::Scratch;
pub use server::{ServerTls, TlsAcceptor};
pub use stage::{MAX_CLIENT_HELLO, MAX_HANDSHAKE, Stage};
pub use target::TlsTarget;

/// The protocol that is agreed on (RFC 9113 section 3.2).
pub(crate) const ALPN: &[u8] = b"h2";
