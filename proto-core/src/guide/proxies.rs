//! # Through an HTTP proxy
//!
//! Behind a proxy the socket of a client's loop begins with a tunnel, before the first turn of [the guide](super), and before TLS.
//! [`h1::Connect`](crate::h1::Connect) makes the request and reads the answer; it does no I/O either. Whether a target
//! needs a proxy, and which, is what [`ProxyRules`](crate::channel::ProxyRules) tell from the environment. What came behind the
//! proxy's answer was said by the server: it belongs to the connection, or to the TLS stage below it.
//!
//! ```
//! use proto_core::Incoming;
//! use proto_core::h1::{Connect, Proxy};
//! use std::io::{self, Read, Write};
//!
//! fn tunnel(socket: &mut (impl Read + Write), target: &str, proxy: &Proxy, incoming: &mut Incoming) -> io::Result<()> {
//!     let mut connect = Connect::new(target, proxy);
//!     while !connect.transmit().is_empty() {
//!         let n = socket.write(connect.transmit())?;
//!         connect.advance(n);
//!     }
//!     let mut chunk = [0; 1024];
//!     loop {
//!         let n = socket.read(&mut chunk)?;
//!         if n == 0 {
//!             return Err(io::Error::other(connect.receive_eof()));
//!         }
//!         if let Some(eaten) = connect.receive(&chunk[..n]).map_err(io::Error::other)? {
//!             incoming.extend_from_slice(&chunk[eaten..n]);
//!             return Ok(());
//!         }
//!     }
//! }
//! # /// A proxy that answers at once, and the server behind it too.
//! # struct Socket(&'static [u8], Vec<u8>);
//! # impl Read for Socket {
//! #     fn read(&mut self, into: &mut [u8]) -> io::Result<usize> { self.0.read(into) }
//! # }
//! # impl Write for Socket {
//! #     fn write(&mut self, bytes: &[u8]) -> io::Result<usize> { self.1.write(&bytes[..bytes.len().min(9)]) }
//! #     fn flush(&mut self) -> io::Result<()> { Ok(()) }
//! # }
//! # let proxy = Proxy::parse("http://proxy.example:3128").unwrap();
//! # let (mut socket, mut incoming) = (Socket(b"HTTP/1.1 200 OK\r\n\r\nleft over", Vec::new()), Incoming::new());
//! # tunnel(&mut socket, "api.example:443", &proxy, &mut incoming).unwrap();
//! # assert!(socket.1.starts_with(b"CONNECT api.example:443 HTTP/1.1\r\n") && socket.1.ends_with(b"\r\n\r\n"));
//! # assert_eq!(incoming.as_slice(), b"left over");
//! # let mut refused = Socket(b"HTTP/1.1 403 Forbidden\r\n\r\n", Vec::new());
//! # let error = tunnel(&mut refused, "api.example:443", &proxy, &mut Incoming::new()).unwrap_err();
//! # assert!(error.to_string().contains("403"), "{error}");
//! # assert!(tunnel(&mut Socket(b"", Vec::new()), "x:1", &proxy, &mut Incoming::new()).is_err());
//! ```
//!
//! How long it may take is the loop's to bound: no connection keeps the time yet.
