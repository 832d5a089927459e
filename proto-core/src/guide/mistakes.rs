//! # Mistakes, and what happens then
//!
//! What a loop looks like from outside when it leaves out a step of [the guide](super), or swaps two.
//!
//! | mistake | what happens |
//! |---|---|
//! | time before input | answers in time count as late; keepalive closes healthy connections |
//! | one `poll_transmit` a turn | replies above 64 KiB stop half-way until something else wakes the loop |
//! | `poll_transmit` before the handlers | every reply waits for the next event |
//! | `advance(len)` after a partial write, or a fresh `Outgoing` instead of the rest | the peer finds the stream corrupt and closes with PROTOCOL_ERROR or COMPRESSION_ERROR |
//! | room is always asked for | the loop spins at full load |
//! | room is never asked for | a large reply to a slow reader stops, for ever or until its deadline |
//! | `wants_input` is ignored | memory stays bounded all the same: a peer that floods and does not read is closed with ENHANCE_YOUR_CALM instead of being held |
//! | a write fails, and what the peer had said before is not read | calls that were answered, or cancelled, end with "broken pipe"; [`write_failed`](crate::rpc::driven::Driven::write_failed) sees to it |
//! | `Ok(0)` is not told | calls hang until their deadlines; a level-triggered poller spins |
//! | the connection is dropped when `receive` fails | the peer never learns what it did wrong; events that came before are lost |
//! | `poll_timeout` is not served | no deadline, no keepalive, no handshake time-out: dead connections stay |
//! | events are not pulled to the end | the call sleeps with messages in it, since an event is not repeated for what was there already |
//! | `accept` of the listener fails for want of descriptors, and is asked again at once | the loop spins; let the listener rest until a connection has ended |
//! | callers are woken after every turn, and wake the loop when they look | both spin, until the call is over |
//! | calls are not released | the stream limit is reached, and nothing is accepted any more |
