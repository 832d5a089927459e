//! Settings of one connection: what it announces, what it enforces, how long it waits.

use alloc::string::String;
use core::time::Duration;

/// The largest message that can be received, bytes: 1 GiB, whatever `max_receive_message_size` says (windows of HTTP/2 end at 2 GiB).
pub const MAX_MESSAGE: usize = 1 << 30;

/// Settings of one connection, for both roles. Each limit names its unit and default.
#[derive(Clone, Debug)]
pub struct Config {
    /// Seed of the connection's only randomness. The driver chooses it (default 0).
    pub seed: u64,
    /// Stream window announced to the peer, bytes (default 64 KiB; a gRPC connection takes 5 for anything less, the prefix of a message).
    pub stream_window: u32,
    /// Connection window, bytes (default 1 MiB), opened with the preface.
    pub connection_window: u32,
    /// Pool from which messages beyond the stream window borrow, bytes (default 16 MiB; at least twice the largest message).
    pub loan_pool: usize,
    /// Largest frame payload that we accept, bytes (default 16,384; RFC 9113 section 4.2).
    pub max_frame_size: u32,
    /// Largest header list that we accept, bytes as RFC 9113 section 6.5.2 counts them (default 16 KiB).
    pub max_header_list_size: u32,
    /// HPACK dynamic table offered to the peer's encoder, bytes (default 4,096).
    pub header_table_size: u32,
    /// Streams that the peer may have open at once (default 100). Enforced before the SETTINGS ack as well.
    pub max_concurrent_streams: u32,
    /// Client: calls that may wait for a stream when the server's limit is reached (default 32,768). More fail with
    /// RESOURCE_EXHAUSTED.
    pub max_pending_calls: usize,
    /// The codec that content-types must name, `application/grpc+CODEC` or none for "proto" (default `Some("proto")`;
    /// `None` accepts all, for proxies).
    pub codec: Option<&'static str>,
    /// Largest message that we accept, bytes, inclusive (default 4 MiB; at most [`MAX_MESSAGE`]).
    pub max_receive_message_size: usize,
    /// Largest message that we send, bytes, inclusive (default: no limit but the format's 4 GiB).
    pub max_send_message_size: usize,
    /// A call accepts messages to send while it has less than this unsent, bytes (default 64 KiB).
    pub max_unsent_per_call: usize,
    /// A connection accepts messages to send while it has less than this unsent, bytes (default 1 MiB).
    pub max_unsent: usize,
    /// From the start to the end of the handshake: TLS, preface and the first SETTINGS (default 20 s).
    pub handshake_timeout: Duration,
    /// How long the peer may take to acknowledge our SETTINGS (default 10 s).
    pub settings_ack_timeout: Duration,
    /// Client keepalive: a PING after this much silence (default: none).
    pub keepalive_interval: Option<Duration>,
    /// How long a keepalive PING may stay unanswered (default 20 s).
    pub keepalive_timeout: Duration,
    /// Keepalive PINGs also while no call is open (default false).
    pub keepalive_without_calls: bool,
    /// Server: the least interval between a client's PINGs while calls are open (default 5 min; gRFC A8).
    /// Zero: any number of PINGs is welcome, without calls too (otherwise one in 2 h then).
    pub min_ping_interval: Duration,
    /// How long nothing may move where a peer does not read: a stream whose handler has ended is reset then, a
    /// connection whose buffers are full is closed (default 5 min; `None`: never).
    pub stall_timeout: Option<Duration>,
    /// Close a connection that had no call for this long (default: never).
    pub idle_timeout: Option<Duration>,
    /// Server: drain a connection after this age (default: never).
    pub max_age: Option<Duration>,
    /// Server: from the drain at `max_age` to the forced end (default: never).
    pub max_age_grace: Option<Duration>,
    /// `:authority` of a client's requests.
    pub authority: String,
    /// `:scheme` of a client's requests: "http" or "https" (default "http").
    pub scheme: &'static str,
    /// What stands in front of our own product token in `user-agent` (default empty).
    pub user_agent_prefix: String,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            seed: 0,
            stream_window: 64 * 1024,
            connection_window: 1024 * 1024,
            loan_pool: 16 * 1024 * 1024,
            max_frame_size: 16_384,
            max_header_list_size: 16 * 1024,
            header_table_size: 4_096,
            max_concurrent_streams: 100,
            max_pending_calls: 32_768,
            codec: Some("proto"),
            max_receive_message_size: 4 * 1024 * 1024,
            max_send_message_size: u32::MAX as usize,
            max_unsent_per_call: 64 * 1024,
            max_unsent: 1024 * 1024,
            handshake_timeout: Duration::from_secs(20),
            settings_ack_timeout: Duration::from_secs(10),
            keepalive_interval: None,
            keepalive_timeout: Duration::from_secs(20),
            keepalive_without_calls: false,
            min_ping_interval: Duration::from_secs(300),
            stall_timeout: Some(Duration::from_secs(300)),
            idle_timeout: None,
            max_age: None,
            max_age_grace: None,
            authority: String::new(),
            scheme: "http",
            user_agent_prefix: String::new(),
        }
    }
}
