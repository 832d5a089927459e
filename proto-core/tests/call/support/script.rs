//! What the two sides of a call do, and what they saw.

use proto_core::call::{CallOptions, Kind};
use proto_core::time::Instant;
use proto_core::{Code, Config, Metadata, Status};

/// One step of a side. A step that has to wait is tried again when something has happened.
#[derive(Clone, Debug)]
pub(crate) enum Do {
    /// Sends a message, waiting for room.
    Send(Vec<u8>),
    /// Client: sends the last one and half-closes.
    SendLast(Vec<u8>),
    /// Client: half-closes.
    Half,
    /// Waits for a message, the end, or the failure.
    Recv,
    /// The same, until the end or the failure.
    Drain,
    /// Client: waits for initial metadata.
    Headers,
    /// Server: waits until a handler may start.
    Start,
    /// Server: sends initial metadata.
    SendHeaders(Metadata),
    /// Server: a unary reply with initial and trailing metadata.
    Reply(Metadata, Vec<u8>, Metadata),
    /// Server: ends the call.
    Finish(Status, Metadata),
    /// Waits this many milliseconds.
    Sleep(u64),
    /// Cancels with this status.
    Cancel(Status),
    /// Waits until this side's verdict stands.
    Over,
    /// Client: lets go of the call, verdict or not.
    Release,
}

/// What a side saw, in order.
#[derive(Clone, Debug)]
pub(crate) enum Got {
    Message(Vec<u8>),
    End,
    Failed(Status),
    Headers(Metadata),
    /// A send or half-close was answered with `Ended`.
    SendEnded,
    /// A send was answered with `TooLarge`.
    TooLarge(Status),
    /// The server's handler was told when it started: method, and metadata as text.
    Called {
        path: String,
        metadata: Metadata,
        deadline: Option<Instant>,
        messages: bool,
    },
    /// `finish` said that the call was over already.
    FinishedTooLate,
}

/// A side's own view of the call.
#[derive(Clone, Debug, Default)]
pub(crate) struct View {
    pub(crate) got: Vec<Got>,
    /// Its verdict.
    pub(crate) outcome: Option<Status>,
    /// When that was first seen.
    pub(crate) at: Option<Instant>,
    pub(crate) headers: Option<Metadata>,
    pub(crate) trailers: Option<Metadata>,
    pub(crate) all_sent: bool,
}

impl View {
    /// The verdict's code.
    pub(crate) fn code(&self) -> Code {
        self.outcome.as_ref().expect("a verdict").code()
    }

    pub(crate) fn status(&self) -> &Status {
        self.outcome.as_ref().expect("a verdict")
    }

    /// The messages that it pulled.
    pub(crate) fn messages(&self) -> Vec<&[u8]> {
        self.got.iter().filter_map(|got| if let Got::Message(m) = got { Some(&m[..]) } else { None }).collect()
    }

    pub(crate) fn saw(&self, what: fn(&Got) -> bool) -> bool {
        self.got.iter().any(what)
    }
}

/// How a scenario ended.
#[derive(Clone, Debug)]
pub(crate) struct Ran {
    pub(crate) start: Instant,
    pub(crate) client: View,
    /// `None` if the call never reached a handler.
    pub(crate) server: Option<View>,
}

impl Ran {
    pub(crate) fn server(&self) -> &View {
        self.server.as_ref().expect("the call reached the server")
    }
}

/// A call to be played.
pub(crate) struct Scenario {
    pub(crate) kind: Kind,
    /// What the server believes the kind to be, where it differs.
    pub(crate) server_kind: Option<Kind>,
    pub(crate) path: &'static str,
    pub(crate) options: fn(Instant) -> CallOptions,
    pub(crate) client_config: fn(&mut Config),
    pub(crate) server_config: fn(&mut Config),
    pub(crate) client: Vec<Do>,
    pub(crate) server: Vec<Do>,
    pub(crate) check: fn(&Ran),
}

impl Scenario {
    /// A call of this kind whose scripts and check are still to be given.
    pub(crate) fn new(kind: Kind) -> Self {
        Scenario {
            kind,
            server_kind: None,
            path: "/test.v1.Test/Method",
            options: |_| CallOptions::default(),
            client_config: |_| {},
            server_config: |_| {},
            client: Vec::new(),
            server: Vec::new(),
            check: |_| {},
        }
    }

    pub(crate) fn client(mut self, steps: impl Into<Vec<Do>>) -> Self {
        self.client = steps.into();
        self
    }

    pub(crate) fn server(mut self, steps: impl Into<Vec<Do>>) -> Self {
        self.server = steps.into();
        self
    }

    pub(crate) fn options(mut self, options: fn(Instant) -> CallOptions) -> Self {
        self.options = options;
        self
    }

    pub(crate) fn configs(mut self, client: fn(&mut Config), server: fn(&mut Config)) -> Self {
        self.client_config = client;
        self.server_config = server;
        self
    }

    pub(crate) fn check(mut self, check: fn(&Ran)) -> Self {
        self.check = check;
        self
    }
}

/// Shorthands for scripts.
pub(crate) fn send(message: &[u8]) -> Do {
    Do::Send(message.to_vec())
}

pub(crate) fn send_last(message: &[u8]) -> Do {
    Do::SendLast(message.to_vec())
}

pub(crate) fn reply(message: &[u8]) -> Do {
    Do::Reply(Metadata::new(), message.to_vec(), Metadata::new())
}

pub(crate) fn finish(status: Status) -> Do {
    Do::Finish(status, Metadata::new())
}

pub(crate) fn ok() -> Do {
    finish(Status::OK)
}

pub(crate) fn metadata(entries: &[(&str, &str)]) -> Metadata {
    let mut metadata = Metadata::new();
    for (name, value) in entries {
        metadata.insert(name, value).expect("proper metadata");
    }
    metadata
}
