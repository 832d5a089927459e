//! TLS: settings for [`ChannelBuilder::tls`](crate::ChannelBuilder::tls) and [`ServerBuilder::tls`](crate::ServerBuilder::tls).
//!
//! A channel whose target begins with `https://`, or that was given settings, speaks TLS; a server that was given a certificate
//! speaks nothing else. Handlers see the client's certificates in `context.certificates()`. One time-out covers TLS, the preface
//! and the first SETTINGS (`connect_timeout` of a channel, `handshake_timeout` of a server).
//!
//! ```
//! # include!(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/support/greeter.rs"));
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! use rt_smol::tls::{ClientTls, ServerTls};
//! # let made = rcgen::generate_simple_self_signed(["localhost".to_string()])?;
//! # let (certificate, key) = (made.cert.pem(), made.signing_key.serialize_pem());
//!
//! # futures_lite::future::block_on(async {
//! let server = rt_smol::Server::builder()
//!     .tls(ServerTls::new(&certificate, &key))
//!     .add_service(hello::HelloServiceServer::new(Greeter))
//!     .bind("127.0.0.1:0")?
//!     .spawn();
//!
//! let channel = rt_smol::Channel::builder(format!("https://{}", server.address()))
//!     .tls(ClientTls::new().with_roots_pem(&certificate).with_server_name("localhost"))
//!     .connect()
//!     .await?;
//! let hello = hello::HelloServiceClient::new(channel);
//! let reply = hello.say_hello(hello::HelloRequest { greeting: "Ada".into() }).await?;
//! assert_eq!(reply.reply, "Hello, Ada!");
//! # Ok(()) }) }
//! ```

mod pipe;

pub(crate) use pipe::{OnFailure, TlsPipe};
pub use proto_tls::{ClientTls, ServerTls, TlsAcceptor, TlsConfigError, TlsConnector, TlsError, TlsProblem, rustls};
