//! Whose verdict a status is ([`Origin`], [`Local`]), and whether the server may have seen the call ([`Seen`]).

use core::fmt;

/// Did the server see the call? Decides whether a retry is safe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Seen {
    /// Certainly not: it can be sent again.
    No,
    /// It may have.
    Maybe,
    /// It answered.
    Yes,
}

impl fmt::Display for Seen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Seen::No => "no",
            Seen::Maybe => "maybe",
            Seen::Yes => "yes",
        })
    }
}

/// Whose verdict a status is.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Origin {
    /// The peer sent it.
    Peer,
    /// This side made it, for this reason.
    Local(Local),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Origin::Peer => f.write_str("the peer"),
            Origin::Local(local) => write!(f, "this side ({local})"),
        }
    }
}

/// Why this side ended a call by itself.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Local {
    /// The application (a handler, or a status made with `Status::new`).
    Application,
    /// The deadline passed, in this phase ("resolving", "connecting", "waiting for a stream", "the call" ...).
    DeadlineExceeded {
        /// What was under way.
        phase: &'static str,
    },
    /// This side cancelled the call.
    Cancelled,
    /// Names could not be resolved.
    Resolve,
    /// No connection could be made.
    Connect,
    /// The connection ended under the call.
    ConnectionLost,
    /// The peer went away (GOAWAY) before it processed the call.
    GoneAway,
    /// The peer cut the call short with RST_STREAM.
    Reset {
        /// The code of HTTP/2, as sent (RFC 9113 section 7).
        code: u32,
    },
    /// The peer broke gRPC or HTTP/2 on this call.
    PeerMisbehaved,
    /// A limit of ours, by its setting's name.
    Limit {
        /// The setting.
        setting: &'static str,
    },
    /// The request could not be sent as it is (metadata, size, encoding).
    BadRequest,
    /// The channel or server is being shut down.
    Shutdown,
}

impl Local {
    /// Could the same call, sent again elsewhere, end otherwise? (Whether it is safe is another question: [`Seen`].)
    pub(crate) fn may_end_otherwise(&self) -> bool {
        matches!(
            self,
            Local::Resolve
                | Local::Connect
                | Local::ConnectionLost
                | Local::GoneAway
                | Local::Reset { .. }
                | Local::PeerMisbehaved
        )
    }
}

impl fmt::Display for Local {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Local::Application => f.write_str("application"),
            Local::DeadlineExceeded { phase } => write!(f, "deadline passed in phase: {phase}"),
            Local::Cancelled => f.write_str("cancelled"),
            Local::Resolve => f.write_str("resolving"),
            Local::Connect => f.write_str("connecting"),
            Local::ConnectionLost => f.write_str("connection lost"),
            Local::GoneAway => f.write_str("peer went away"),
            Local::Reset { code } => write!(f, "reset by the peer with code {code}"),
            Local::PeerMisbehaved => f.write_str("peer misbehaved"),
            Local::Limit { setting } => write!(f, "limit {setting}"),
            Local::BadRequest => f.write_str("request cannot be sent"),
            Local::Shutdown => f.write_str("shutdown"),
        }
    }
}
