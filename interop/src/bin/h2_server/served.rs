//! What is answered, whatever moves the bytes.

use proto_core::config::Config;
use proto_core::h2::{Connection, Event, Ready, Side, StreamKey};
use proto_core::hpack::Known;
use proto_core::{Instant, MessageBuf};

const BODY: &[u8] = b"hello from h2-server\n";

/// One connection.
pub(crate) struct Served {
    pub(crate) connection: Connection,
    /// What bodies are read into.
    body: MessageBuf,
}

impl Served {
    pub(crate) fn new(now: Instant) -> Self {
        let config = Config { max_concurrent_streams: 100, ..Config::default() };
        Served { connection: Connection::new(Side::Server, &config, now), body: MessageBuf::new() }
    }

    /// Answers what has come.
    pub(crate) fn answer(&mut self) {
        while let Some(event) = self.connection.poll_event() {
            if let Event::Stream { key, ready, .. } = event {
                self.serve(key, ready);
            }
        }
    }

    /// Reads what has come of a body; answers when it is complete.
    fn serve(&mut self, key: StreamKey, ready: Ready) {
        let Some(mut stream) = self.connection.stream(key) else { return };
        if ready.has(Ready::RESET) {
            return stream.release();
        }
        let available = stream.available();
        self.body.clear();
        stream.take(0, available, &mut self.body);
        if !stream.is_ended() {
            return;
        }
        if let Some(mut block) = stream.send_headers() {
            block.field(Known::Status, b"200");
            block.field(Known::ContentType, b"text/plain");
            block.field(Known::ContentLength, BODY.len().to_string().as_bytes());
            let _ = block.end(false);
        }
        if let Some(mut stream) = self.connection.stream(key) {
            // A fresh stream has room for a few bytes; should the connection be full, `force` takes them all the same.
            let _ = stream.send_data(&[], BODY.into(), true, true);
            stream.release();
        }
    }
}
