//! # Write a runtime
//!
//! A connection of `proto-core` decides everything and does nothing: it wants to be told which bytes have come and what
//! time it is, and tells which bytes are to go and when it wants to be told the time again. Whoever moves the bytes and
//! waits is a runtime. This chapter builds one, a server on an event loop of one thread; what comes out is
//! `examples/epoll-server.rs`, a hundred lines with everything that a server needs. A client's loop is the same.
//!
//! The pieces below are tests: they compile, and they run in memory.
//!
//! [1. Time](#1-time) · [2. Bytes in](#2-bytes-in) · [3. Input before time](#3-input-before-time) ·
//! [4. Calls](#4-calls) · [5. Handlers](#5-handlers) · [6. Bytes out](#6-bytes-out) · [7. Waiting](#7-waiting) ·
//! [8. The end](#8-the-end) · [9. Callers](#9-callers) · [10. Other loops](#10-other-loops) ·
//! [Through a proxy](proxies) · [Mistakes](mistakes)
//!
//! # 1. Time
//!
//! The core never reads a clock. Every operation that depends on time takes `now`, an [`Instant`](crate::Instant):
//! nanoseconds since a point that you choose. All that is asked of it is that it does not run backwards.
//!
//! ```
//! use proto_core::Instant;
//!
//! let start = std::time::Instant::now();
//! let clock = || Instant::ZERO + start.elapsed();
//! let now = clock();                                   // one look a turn is enough
//! # assert!(now >= Instant::ZERO);
//! ```
//!
//! Because time is an argument, a test can say that an hour has passed (`examples/in-memory.rs` does).
//!
//! # 2. Bytes in
//!
//! You own the buffers, so that no system call happens inside the connection, and none while it is locked. Read into
//! [`Incoming::spare`](crate::Incoming::spare), say how much came, and hand it over. An incomplete frame stays in the
//! buffer for the next time, so keep one `Incoming` for each connection.
//!
//! ```
//! use proto_core::connection::{Connection, Server};
//! use proto_core::{Incoming, Instant};
//! use std::io::{ErrorKind, Read};
//!
//! /// Reads what there is, but not for ever: the other connections want their turn.
//! fn read(socket: &mut impl Read, connection: &mut Connection<Server>, incoming: &mut Incoming, now: Instant) {
//!     for _ in 0..4 {
//!         if connection.is_closed() || !connection.wants_input() {
//!             break;
//!         }
//!         match socket.read(incoming.spare()) {
//!             Ok(0) => connection.receive_eof(now),
//!             Ok(n) => {
//!                 incoming.filled(n);
//!                 // An error has closed the connection; its last words wait to be written.
//!                 let _ = connection.receive(now, incoming);
//!             }
//!             Err(error) if error.kind() == ErrorKind::WouldBlock => break,
//!             Err(error) => connection.lost(now, error.to_string(), None),
//!         }
//!     }
//! }
//! # let now = Instant::ZERO;
//! # let mut connection = Connection::server(Default::default(), now);
//! # let mut peer: &[u8] = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n";
//! # read(&mut peer, &mut connection, &mut Incoming::new(), now);
//! # assert!(connection.is_closed() && connection.has_output(), "{connection:?}");
//! ```
//!
//! Why each line is there:
//!
//! - **`wants_input`** is false while the peer leaves too much unread that it made us write: whoever sends a million
//!   PINGs and reads no answer is not read any further. Nobody is hurt by it who reads.
//! - **`receive_eof`**: the peer sends no more. In gRPC that is the end of the connection; calls under way fail now, and
//!   not at their deadline.
//! - **The result of `receive`** needs no handling of its own. An error means that the connection is over, and
//!   [`is_closed`](crate::Connection::is_closed) says so too. What was decoded before the error stands: its events come,
//!   and the GOAWAY that tells the peer what it did waits for [`poll_transmit`](crate::Connection::poll_transmit). So go
//!   on to the end of the turn as ever.
//! - **`lost`** takes the transport's own words, and they appear in the status of every call that it costs. With
//!   [`Outgoing::written`](crate::Outgoing::written) a client also learns which calls never left, and can be sent again.
//!   When it is a *write* that fails, read first, until nothing more is there (8 MiB will do), whatever `wants_input` says:
//!   an answer, a GOAWAY or the client's CANCEL lies in the socket still when the peer has closed it. `Driven`, of step 5,
//!   does that for you, when step 6 tells it.
//!
//! # 3. Input before time
//!
//! After every wait: first read, then [`handle_timeout`](crate::Connection::handle_timeout). A loop that was late (a busy
//! machine, a long handler) finds both at once, the answer in the socket and the deadline passed. Whoever looks at the
//! time first fails a call whose answer is there, or closes a healthy connection, whose PING was answered long ago.
//!
//! ```
//! # use proto_core::call::{CallId, CallOptions, Head, Kind, Recv};
//! # use proto_core::connection::{Client, Connection, Server};
//! # use proto_core::{Code, Config, Incoming, Instant, MessageBuf, Metadata, Outgoing};
//! # use std::time::Duration;
//! # fn carry(from: &mut Outgoing) -> Incoming {
//! #     let mut into = Incoming::new();
//! #     while !from.is_empty() { into.extend_from_slice(from.chunk()); let n = from.chunk().len(); from.advance(n); }
//! #     into
//! # }
//! # /// A call with a deadline of one second, and its answer, which lies in the client's socket.
//! # fn answered() -> (Connection<Client>, CallId, Incoming, Instant) {
//! #     let (now, mut out) = (Instant::ZERO, Outgoing::new());
//! #     let mut client = Connection::client(Config::default(), now);
//! #     let mut server = Connection::server(Config::default(), now);
//! #     let deadline = Some(now + Duration::from_secs(1));
//! #     let options = CallOptions { deadline, ..CallOptions::default() };
//! #     let id = client.start(now, Head::new("/hello.v1.HelloService/SayHello"), &options).unwrap();
//! #     client.call(id).unwrap().send_last(now, &b"Ada"[..]).unwrap();
//! #     client.poll_transmit(now, &mut out);
//! #     server.receive(now, &mut carry(&mut out)).unwrap();
//! #     let served = server.accept().unwrap();
//! #     let mut call = server.call(served).unwrap();
//! #     call.set_kind(Kind::UNARY);
//! #     call.reply(now, &Metadata::new(), &b"Hello, Ada!"[..], &Metadata::new()).unwrap();
//! #     server.poll_transmit(now, &mut out);
//! #     (client, id, carry(&mut out), now)
//! # }
//! let (mut client, id, mut incoming, now) = answered();
//! let late = now + Duration::from_secs(2);             // the deadline was after one second; the loop slept for two
//!
//! client.receive(late, &mut incoming).unwrap();        // input,
//! client.handle_timeout(late);                         // before time
//! assert!(client.call(id).unwrap().outcome().unwrap().is_ok());
//!
//! let (mut client, id, mut incoming, now) = answered();
//! # let late = now + Duration::from_secs(2);
//! client.handle_timeout(late);                         // the other way round
//! client.receive(late, &mut incoming).unwrap();
//! assert_eq!(client.call(id).unwrap().outcome().unwrap().code(), Code::DeadlineExceeded);
//! ```
//!
//! # 4. Calls
//!
//! Events say what has become ready; the payload is pulled. An event is reported once until it is served, so that there
//! are never more of them than calls, whatever a peer sends. Take events until there are none, and with each of them
//! pull until there is nothing: then the next one comes when there is more.
//!
//! ```
//! use proto_core::call::{Kind, Recv};
//! use proto_core::connection::{Connection, Event, Server};
//! use proto_core::{Instant, MessageBuf, Metadata, Status};
//!
//! /// Serves one unary method by hand: it greets.
//! fn serve(connection: &mut Connection<Server>, message: &mut MessageBuf, now: Instant) {
//!     while let Some(event) = connection.poll_event() {
//!         let id = match event {
//!             Event::Incoming => {
//!                 while let Some(id) = connection.accept() {
//!                     let Ok(mut call) = connection.call(id) else { continue };
//!                     match call.head().path {
//!                         // From here on the core knows how many messages to expect, and sees to it.
//!                         "/hello.v1.HelloService/SayHello" => call.set_kind(Kind::UNARY),
//!                         path => {
//!                             let status = Status::unimplemented(format!("unknown method {path:?}"));
//!                             call.finish(now, &status, &Metadata::new());
//!                             call.release(now);
//!                             continue;
//!                         }
//!                     }
//!                     answer(connection, message, now, id);
//!                 }
//!                 continue;
//!             }
//!             // Its message is there; or it ended before that.
//!             Event::Readable(id) | Event::Ended(id) => id,
//!             _ => continue,
//!         };
//!         answer(connection, message, now, id);
//!     }
//! }
//!
//! /// Answers a call whose message is there, and lets go of one that is over.
//! fn answer(connection: &mut Connection<Server>, message: &mut MessageBuf, now: Instant, id: proto_core::call::CallId) {
//!     let Ok(mut call) = connection.call(id) else { return };
//!     if call.can_start() && matches!(call.recv(now, message), Recv::Message) {
//!         let mut reply = b"Hello, ".to_vec();
//!         reply.extend(bytes::Buf::copy_to_bytes(message, bytes::Buf::remaining(message)));
//!         // Refused only when it is larger than we are allowed to send; the call has failed then.
//!         let _ = call.reply(now, &Metadata::new(), &reply, &Metadata::new());
//!     }
//!     if call.outcome().is_some() {
//!         call.release(now);
//!     }
//! }
//! # use proto_core::call::{CallOptions, Head};
//! # use proto_core::testkit::{Faults, Pair};
//! # let mut pair = Pair::new(Default::default(), Default::default(), Faults::BYTE_BY_BYTE);
//! # let now = pair.now();
//! # let mut message = MessageBuf::new();
//! # for (path, reply) in [("/hello.v1.HelloService/SayHello", Some("Hello, Ada")), ("/x.Y/Z", None)] {
//! #     let id = pair.client.start(now, Head::new(path), &CallOptions::default()).unwrap();
//! #     pair.client.call(id).unwrap().send_last(now, &b"Ada"[..]).unwrap();
//! #     for _ in 0..4 { pair.settle(); let now = pair.now(); serve(&mut pair.server, &mut message, now); }
//! #     let now = pair.now();
//! #     let mut call = pair.client.call(id).unwrap();
//! #     match reply {
//! #         Some(reply) => {
//! #             assert!(matches!(call.recv(now, &mut message), Recv::Message));
//! #             assert_eq!(bytes::Buf::chunk(&message), reply.as_bytes());
//! #         }
//! #         None => assert!(matches!(call.recv(now, &mut message), Recv::Failed(status) if status.message().contains("x.Y"))),
//! #     }
//! # }
//! # assert_eq!(pair.server.active_calls(), 0);
//! ```
//!
//! - **Release what is over.** A call keeps its slot until it is released: until then its verdict can be asked for. A
//!   server that forgets it reaches `max_concurrent_streams`, and its clients wait.
//! - **A blocked `send`** gives the message back and names the event: [`Event::Writable`](crate::connection::Event::Writable).
//!   Nothing was taken; send the same message again then.
//! - **A stale id** is an error, never somebody else's call. So a late event does no harm.
//!
//! # 5. Handlers
//!
//! Nobody wants to write services like that. [`rpc::driven`](crate::rpc::driven) joins the connection with generated code:
//! [`Driven`](crate::rpc::driven::Driven) is a connection that knows the loop's time, and
//! [`Handlers`](crate::rpc::driven::Handlers) takes its events, finds methods, starts handlers with their context, polls
//! them, and sends what they return. Handlers are `async fn`s; the loop is their executor.
//!
//! A handler reaches its call through the loop, by way of [`Lend`](crate::rpc::driven::Lend). It may be sent to another
//! thread, so there is a lock, and locks are not for a crate without `std`: that is why you write these lines.
//!
//! ```
//! use proto_core::connection::Server;
//! use proto_core::rpc::driven::{Driven, Handlers, Lend, Services};
//! use proto_core::rpc::{Peer, Router};
//! use proto_core::{Config, Instant};
//! use std::sync::{Arc, Mutex};
//! use std::task::{Context, Waker};
//!
//! #[derive(Clone)]
//! struct Shared(Arc<Mutex<Driven<Server>>>);
//!
//! impl Lend<Driven<Server>> for Shared {
//!     fn lend<O>(&self, act: impl FnOnce(&mut Driven<Server>) -> O) -> O {
//!         act(&mut self.0.lock().expect("nothing panics while the connection is lent"))
//!     }
//! }
//!
//! let services: Services = Arc::new(Router::new());    // .with_service(HelloServiceServer::new(Greeter))?
//! let connection = Shared(Arc::new(Mutex::new(Driven::server(Config::default(), Instant::ZERO))));
//! let mut handlers = Handlers::new(connection.clone(), services, Peer::Unknown);
//!
//! // In every turn, after input and time:
//! handlers.poll(&mut Context::from_waker(Waker::noop()));
//! # assert!(handlers.is_empty());
//! ```
//!
//! `Driven` does all that steps 2, 3, 6 and 7 ask of a connection, and knows the time besides. So these steps stay as they
//! stand, with `Driven<Server>` for `Connection<Server>`; each operation borrows it on its own
//! (`connection.lend(|c| c.receive(now, &mut incoming))`), and reads and writes of the socket are not among them.
//!
//! The waker does nothing, since every handler is polled in every turn, and whatever happens to a call happens in one. A
//! handler that awaits something else (another client's call, a file, a channel) needs a waker that ends the wait of
//! step 7: with `polling` an `Arc` whose [`Wake`](alloc::task::Wake) does `poller.notify()`. And a
//! [`Pusher`](crate::rpc::asynchronous::Pusher) that has left its handler sends from wherever it is, as the callers of step 9 do:
//! then `lend` wakes the loop.
//!
//! # 6. Bytes out
//!
//! Last in the turn, when everything that could make output has happened, so that what belongs together leaves in one
//! write: a unary reply is headers, message and trailers.
//!
//! ```
//! use proto_core::{Connection, Instant, Outgoing};
//! use std::io::{self, ErrorKind, Write};
//!
//! fn write<R>(socket: &mut impl Write, connection: &mut Connection<R>, outgoing: &mut Outgoing, now: Instant) -> io::Result<()> {
//!     while connection.poll_transmit(now, outgoing) {
//!         match socket.write(outgoing.chunk()) {
//!             Ok(n) => outgoing.advance(n),
//!             // What is left stays in `outgoing`, and is written when there is room.
//!             Err(error) if error.kind() == ErrorKind::WouldBlock => break,
//!             Err(error) => return Err(error),
//!         }
//!     }
//!     Ok(())
//! }
//! # /// Takes seven bytes at a time, and is full after twenty.
//! # struct Narrow(Vec<u8>, usize);
//! # impl Write for Narrow {
//! #     fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
//! #         if self.1 == 0 { return Err(ErrorKind::WouldBlock.into()); }
//! #         let n = bytes.len().min(7).min(self.1);
//! #         self.0.extend(&bytes[..n]);
//! #         self.1 -= n;
//! #         Ok(n)
//! #     }
//! #     fn flush(&mut self) -> io::Result<()> { Ok(()) }
//! # }
//! # let now = Instant::ZERO;
//! # let mut connection = Connection::client(Default::default(), now);
//! # let (mut narrow, mut outgoing) = (Narrow(Vec::new(), 20), Outgoing::new());
//! # write(&mut narrow, &mut connection, &mut outgoing, now).unwrap();
//! # assert!(narrow.0.len() == 20 && !outgoing.is_empty());
//! # narrow.1 = 1000;
//! # write(&mut narrow, &mut connection, &mut outgoing, now).unwrap();
//! # assert!(outgoing.is_empty() && outgoing.written() == narrow.0.len() as u64);
//! # let mut whole = Outgoing::new();
//! # Connection::client(Default::default(), now).poll_transmit(now, &mut whole);
//! # assert_eq!(whole.chunk(), narrow.0);
//! ```
//!
//! - **Until it yields nothing.** `poll_transmit` fills an empty `Outgoing` with what goes next, 64 KiB and some large
//!   payloads at most, so that a RST_STREAM or a PING never waits behind more. There may be more after that.
//! - **A partial write** is the rule on a busy socket. `advance` by what was taken; the rest stays, and while it does
//!   `poll_transmit` says true and leaves it alone. What is in the buffer is framed and counted, so it must leave, whole
//!   and in order: never throw it away and go on.
//! - **A write that fails** is not the end yet: what the peer said before is to be read (step 2). Do not drop the connection
//!   where this says `return Err`, but tell [`Driven::write_failed`](crate::rpc::driven::Driven::write_failed), and go on.
//!   From then on there is nothing to write, input is wanted, and the next turn is due at once; when that finds no input,
//!   or its end, the connection is lost by the error of the write. The handlers hear how their calls ended, in the same
//!   turn, and `is_over` says that it was the last.
//! - **Many segments**: [`segments`](crate::Outgoing::segments) gives them to `writev`, large payloads by reference.
//! - **Set `TCP_NODELAY`.** The core batches better than Nagle, who would hold back the end of every reply.
//!
//! # 7. Waiting
//!
//! For three things: input, room, time.
//!
//! ```
//! # use proto_core::connection::{Connection, Server};
//! # use proto_core::{Instant, Outgoing};
//! # fn interest(connection: &Connection<Server>, outgoing: &Outgoing, now: Instant) -> (bool, bool, Option<std::time::Duration>) {
//! let input = connection.wants_input() && !connection.is_closed();
//! let room = !outgoing.is_empty();
//! let time = connection.poll_timeout().map(|due| due - now);       // `None`: as long as it takes
//! # (input, room, time)
//! # }
//! # let connection = Connection::server(Default::default(), Instant::ZERO);
//! # let (input, room, time) = interest(&connection, &Outgoing::new(), Instant::ZERO);
//! # assert!(input && !room && time.is_some(), "the handshake has a time-out");
//! ```
//!
//! - **Room only while output is left.** A socket nearly always has room, so a level-triggered poller that is asked for it
//!   answers at once, always: the loop spins. With an edge-triggered one ask for both, once, and read and write until the
//!   socket has nothing any more.
//! - **Ask for the time-out anew in every turn**, after everything else: each step may have changed it. It is O(1).
//! - **Round up.** A poller that counts milliseconds and rounds down wakes before the time, finds nothing due, and spins
//!   through the last millisecond.
//! - **Early is fine.** `handle_timeout` before anything is due does nothing; afterwards `poll_timeout` lies in the future.
//!
//! # 8. The end
//!
//! A connection ends by itself: its peer goes away or breaks the protocol, a time-out passes, an idle limit. Or you end it
//! with [`shutdown`](crate::Connection::shutdown): GOAWAY goes out, new calls are refused, those under way have the grace,
//! and then it closes. Either way [`is_closed`](crate::Connection::is_closed) turns true, and there may be last words: write
//! until `outgoing` is empty, then drop the socket. A server that stops does this for all its connections and waits for
//! them; one that only exits tells its clients nothing, and they cannot know which of their calls were served.
//!
//! Closing a socket in which unread bytes lie makes the system send a reset, and a reset overtakes the last words. Where
//! that matters end your own direction first (`shutdown(Write)`), and read on, into nothing, for a second at most. That
//! second also bounds how long a peer that does not read may keep a closed connection's last words, and its socket, alive:
//! [`Driven::is_over`](crate::rpc::driven::Driven::is_over) counts it.
//!
//! # 9. Callers
//!
//! A client's loop is the same turn, with [`Driven<Client>`](crate::rpc::driven::Driven), and
//! [`Caller`](crate::rpc::driven::Caller) is the front that generated clients take:
//!
//! ```
//! use proto_core::rpc::driven::{Caller, Driven};
//! # use proto_core::rpc::{Front, Method, Raw, Request, Kind};
//! # use bytes::Bytes;
//! use proto_core::{Config, Instant};
//! use std::{cell::RefCell, rc::Rc};
//! # static SAY: Method<Bytes, Bytes> = Method::new::<Raw>("/hello.v1.HelloService/SayHello", Kind::UNARY);
//! # struct HelloServiceClient<F>(F);
//! # impl<F: Front> HelloServiceClient<F> {
//! #     fn new(front: F) -> Self { HelloServiceClient(front) }
//! #     fn say_hello(&self, message: Bytes) -> F::Unary<Bytes> { self.0.unary(&SAY, Request::new(message)) }
//! # }
//! # let message = Bytes::from("Ada");
//!
//! let config = Config { authority: "example.com".into(), ..Config::default() };
//! let connection = Rc::new(RefCell::new(Driven::client(config, Instant::ZERO)));
//! let hello = HelloServiceClient::new(Caller(connection.clone()));
//!
//! let mut reply = hello.say_hello(message);            // on its way: the next turn writes it
//! assert!(reply.poll_reply().is_pending());            // ask in each turn, or `reply.reply().await`
//! # assert!(connection.borrow().has_output());
//! ```
//!
//! Two things are different when calls are made between turns, by other tasks or threads. The connection's time is that of
//! the last turn, so `lend` tells the time first ([`tell_time`](crate::rpc::driven::Driven::tell_time); what is due waits
//! for the loop, which reads first), or a deadline would begin in the past. And the loop may be asleep, so `lend` wakes it; callers that wait leave their wakers through
//! [`Lend::waiting`](crate::rpc::driven::Lend::waiting), and the loop wakes them after a turn in which the connection had an event.
//! `examples/tokio-client.rs` does both.
//!
//! # 10. Other loops
//!
//! | loop | what is different | example |
//! |---|---|---|
//! | readiness (epoll, kqueue) | nothing: it is the one above | `epoll-server` |
//! | async sockets | the turn is one `poll` of one future; every waker leads to it | `tokio-server`, `tokio-client` |
//! | completions (io_uring) | `Incoming` and `Outgoing` are moved into the operation, and come back with its result | `completion` |
//! | frames (games, plugins) | never waits: a turn a frame, what is not ready is ready in the next | `game-loop`, `sdk` |
//! | nothing at all | both ends in one program, bytes carried by hand, time as you like | `in-memory` |
//!
//! TLS is a stage between the socket and the buffers, as pure as the connection: the crate `proto-tls`, and the example
//! `tls-loop`. Tell [`Handlers`](crate::rpc::driven::Handlers) the peer's certificates.
//!
//! Several threads: a lock around the connection, no system call under it, and the buffers outside, `Incoming` with whoever
//! reads and `Outgoing` with whoever writes. `rt-std` and `rt-smol` are made so. Several connections to one service, with
//! addresses, backoff and retries, are the business of [`channel`](crate::channel), which is pure in the same way.

pub mod mistakes;
pub mod proxies;
