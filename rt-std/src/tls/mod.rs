//! TLS: settings for [`ChannelBuilder::tls`](crate::ChannelBuilder::tls) and [`ServerBuilder::tls`](crate::ServerBuilder::tls).
//!
//! A channel whose target begins with `https://`, or that was given settings, speaks TLS; a server that was given a certificate
//! speaks nothing else. Handlers see the client's certificates in `context.certificates()`. One time-out covers TLS, the preface
//! and the first SETTINGS (`connect_timeout` of a channel, `handshake_timeout` of a server).
//!
//! ```
//! # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/hello.rs"));
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use rt_std::tls::{ClientTls, ServerTls};
//! # let made = rcgen::generate_simple_self_signed(["localhost".to_string()])?;
//! # let (certificate, key) = (made.cert.pem(), made.signing_key.serialize_pem());
//!
//! let server = Server::builder()
//!     .tls(ServerTls::new(&certificate, &key))
//!     .add_service(hello::HelloServiceServer::blocking(Greeter))
//!     .bind("127.0.0.1:0")?
//!     .spawn();
//!
//! let channel = Channel::builder(format!("https://{}", server.address()))
//!     .tls(ClientTls::new().with_roots_pem(&certificate).with_server_name("localhost"))
//!     .connect()?;
//! let reply = HelloServiceClient::new(channel).say_hello(HelloRequest { greeting: "Ada".into() })?;
//! assert_eq!(reply.reply, "Hello, Ada!");
//! # Ok(()) }
//! ```

mod pipe;
#[cfg(all(test, feature = "testkit"))]
mod tests;

pub(crate) use pipe::TlsPipe;
pub use proto_tls::{ClientTls, ServerTls, TlsAcceptor, TlsConfigError, TlsConnector, TlsError, TlsProblem, rustls};
