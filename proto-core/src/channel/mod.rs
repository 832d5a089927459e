//! Many connections as one: a target, its addresses, attempts, backoff, connectivity state, and which connection a call
//! goes to.
//!
//! A [`Channel`] is pure: results come in (`handle_resolved`, `handle_connected`, `handle_ready`, `handle_failed`,
//! `handle_draining`, `handle_closed`, `handle_timeout`), orders go out ([`Channel::poll_order`]). It never holds a
//! connection, a socket or a lookup; whoever drives it (a runtime's channel) keeps those by [`ConnectionKey`] and carries
//! the orders out. [`Retry`] decides which failed calls are sent again without the application's knowing, and [`Replay`] keeps what
//! clients that stream have sent for that.
//!
//! The policy is gRPC's pick_first: addresses in the order of the resolver, one connection at a time, the next address
//! at once when one fails, backoff when all have failed (gRPC connection-backoff.md), IDLE after the loss of a connection
//! that was ready, names resolved again before every round of attempts.
//!
//! With a proxy ([`Channel::with_proxy`], [`ProxyRules`]) it is the proxy's name that is resolved, and each order to connect says what
//! tunnel to have made there ([`Tunnel`]).
//!
//! What it does not do: move bytes, know calls (but for their number), resolve names.

mod address;
mod backoff;
mod config;
mod failure;
mod machine;
mod orders;
mod proxy;
mod replay;
mod retry;
mod round;
mod state;
mod target;
mod target_error;

pub use address::Address;
pub use backoff::BackoffConfig;
pub use config::ChannelConfig;
pub use failure::{Cause, ConnectFailure, describe};
pub use machine::Channel;
pub use orders::{ConnectionKey, Order};
pub use proxy::{ProxyRules, Tunnel};
pub use replay::{Attempt, Next, REPLAY_LIMIT, Replay, Script};
pub use retry::{Decision, Retry};
pub use state::{Pick, Stage, State, Waiter};
pub use target::Target;
pub use target_error::{TargetError, TargetProblem};
