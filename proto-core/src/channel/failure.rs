//! Why a round of attempts failed, and the statuses made of it.

use super::address::Address;
use crate::grpc::{Local, Origin, Seen, Status};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use core::fmt;
use core::time::Duration;

/// Why the channel has no connection: the last thing that failed. It is the `source()` of the statuses that come of it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConnectFailure {
    /// The name was not resolved.
    Resolve {
        /// The name.
        host: String,
        /// It is that of the proxy for this target.
        through: Option<String>,
        /// The resolver's words.
        error: String,
    },
    /// The last address tried did not give a connection.
    Connect {
        /// The address.
        address: Address,
        /// The name that it belongs to, if one was resolved.
        host: Option<String>,
        /// It is a proxy's, for this target (`host:port`).
        through: Option<String>,
        /// How many addresses had been tried in this round, this one included.
        tried: usize,
        /// How many addresses there are.
        of: usize,
        /// What went wrong.
        error: String,
        /// The error behind it, where a runtime has more to tell than words (TLS).
        cause: Option<Cause>,
    },
    /// The one connection that the channel has, a byte stream, takes no more calls.
    Stream {
        /// What went wrong.
        error: String,
        /// The error behind it, where a runtime has more to tell than words (TLS).
        cause: Option<Cause>,
    },
}

/// An error of the layers below, whatever its type; it is the `source()` of a [`ConnectFailure`]. Two are equal when they
/// read the same.
#[derive(Clone, Debug)]
pub struct Cause(Arc<dyn core::error::Error + Send + Sync>);

impl Cause {
    /// This error.
    pub fn new(error: impl core::error::Error + Send + Sync + 'static) -> Self {
        Cause(Arc::new(error))
    }

    /// The error, to be looked at by type (`downcast_ref`).
    pub fn error(&self) -> &(dyn core::error::Error + Send + Sync + 'static) {
        &*self.0
    }
}

impl PartialEq for Cause {
    fn eq(&self, other: &Self) -> bool {
        self.0.to_string() == other.0.to_string()
    }
}

impl Eq for Cause {}

impl fmt::Display for ConnectFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ConnectFailure::Resolve { host, through, error } => {
                write!(f, "resolving {}: {error}", Named { host, through: through.as_deref() })
            }
            ConnectFailure::Connect { address, host, through, tried, of, error, .. } => {
                let place = Place { address, through: through.as_deref() };
                let tried = Tried { host: host.as_deref(), tried: *tried, of: *of };
                write!(f, "connecting to {place}{tried}: {error}")
            }
            ConnectFailure::Stream { error, .. } => {
                write!(f, "the channel's byte stream takes no more calls: {error}")
            }
        }
    }
}

impl core::error::Error for ConnectFailure {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        match self {
            ConnectFailure::Connect { cause: Some(cause), .. } | ConnectFailure::Stream { cause: Some(cause), .. } => {
                Some(&*cause.0)
            }
            _ => None,
        }
    }
}

/// An error of the system as a channel reports it: in the system's words, without its number.
pub fn describe(error: &str) -> String {
    match error.find(" (os error") {
        Some(end) => error[..end].to_lowercase(),
        None => error.into(),
    }
}

/// A name that is resolved: "proxy.example, the proxy to db.example:443".
pub(super) struct Named<'a> {
    pub(super) host: &'a str,
    pub(super) through: Option<&'a str>,
}

impl fmt::Display for Named<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.host)?;
        self.through.map_or(Ok(()), |target| write!(f, ", the proxy to {target}"))
    }
}

/// Where an attempt goes: "10.0.0.7:50051", "db.example:443 through proxy 10.0.0.7:3128".
pub(super) struct Place<'a> {
    pub(super) address: &'a Address,
    pub(super) through: Option<&'a str>,
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.through {
            None => write!(f, "{}", self.address),
            Some(target) => write!(f, "{target} through proxy {}", self.address),
        }
    }
}

/// How far a round is: " (2 of 3 addresses of db.example tried)", or nothing when the target is one address.
pub(super) struct Tried<'a> {
    pub(super) host: Option<&'a str>,
    pub(super) tried: usize,
    pub(super) of: usize,
}

impl fmt::Display for Tried<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.host, self.of) {
            (None, ..=1) => Ok(()),
            (Some(host), ..=1) => write!(f, " (the address of {host})"),
            (None, of) => write!(f, " ({} of {of} addresses tried)", self.tried),
            (Some(host), of) => write!(f, " ({} of {of} addresses of {host} tried)", self.tried),
        }
    }
}

impl ConnectFailure {
    /// For a call that fails fast, when the next round begins after `next` (`None`: never again).
    pub(super) fn status(&self, next: Option<Duration>) -> Status {
        let (local, phase) = match self {
            ConnectFailure::Resolve { .. } => (Local::Resolve, phase::RESOLVING),
            ConnectFailure::Connect { .. } | ConnectFailure::Stream { .. } => (Local::Connect, phase::CONNECTING),
        };
        Status::unavailable(format!("{self}{}", NextAttempt(next)))
            .with_origin(Origin::Local(local))
            .with_phase(phase)
            .with_seen(Seen::No)
            .with_source(self.clone())
    }
}

/// "; next attempt in 1.2 s".
pub(super) struct NextAttempt(pub(super) Option<Duration>);

impl fmt::Display for NextAttempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            None => Ok(()),
            Some(Duration::ZERO) => f.write_str("; trying again now"),
            Some(wait) => write!(f, "; next attempt in {}", Rough(wait)),
        }
    }
}

/// A duration for humans: "350 ms", "1.2 s", "120 s".
pub(super) struct Rough(pub(super) Duration);

impl fmt::Display for Rough {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Rounded up, so that it is never "0 ms".
        let millis = self.0.as_nanos().div_ceil(1_000_000);
        if millis < 1_000 {
            return write!(f, "{millis} ms");
        }
        match millis.div_ceil(100) {
            tenths if tenths % 10 == 0 || tenths > 100 => write!(f, "{} s", tenths.div_ceil(10)),
            tenths => write!(f, "{}.{} s", tenths / 10, tenths % 10),
        }
    }
}

/// What was under way when a call ended before it had a connection.
pub(super) mod phase {
    pub(in crate::channel) const RESOLVING: &str = "resolving";
    pub(in crate::channel) const CONNECTING: &str = "connecting";
    pub(in crate::channel) const TUNNEL: &str = "waiting for the proxy's tunnel";
    pub(in crate::channel) const TLS: &str = "the TLS handshake";
    pub(in crate::channel) const HANDSHAKE: &str = "waiting for the peer's SETTINGS";
    pub(in crate::channel) const BACKOFF: &str = "waiting to connect again";
    pub(in crate::channel) const PICKING: &str = "waiting for a connection";
}

/// The deadline of a call passed before it had a connection. `what`: the phase, with names.
pub(super) fn deadline(phase: &'static str, what: &str, before: Option<&ConnectFailure>) -> Status {
    let mut message = format!("the deadline passed while {what}");
    if let Some(failure) = before {
        message.push_str("; before that: ");
        message.push_str(&failure.to_string());
    }
    let status = Status::deadline_exceeded(message)
        .with_origin(Origin::Local(Local::DeadlineExceeded { phase }))
        .with_phase(phase)
        .with_seen(Seen::No);
    match before {
        Some(failure) => status.with_source(failure.clone()),
        None => status,
    }
}

/// The channel was shut down.
pub(super) fn shutdown() -> Status {
    Status::unavailable("the channel has been shut down")
        .with_origin(Origin::Local(Local::Shutdown))
        .with_seen(Seen::No)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_well_and_are_never_zero() {
        let texts = [1, 999_999, 350_000_000, 999_000_001, 1_150_000_000, 1_200_000_001, 9_960_000_000, 61_300_000_000]
            .map(|nanos| Rough(Duration::from_nanos(nanos)).to_string());
        assert_eq!(texts, ["1 ms", "1 ms", "350 ms", "1 s", "1.2 s", "1.3 s", "10 s", "62 s"]);
        assert_eq!(Rough(Duration::MAX).to_string(), "18446744073709551616 s");
    }
}
