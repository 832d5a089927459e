//! SETTINGS (RFC 9113 section 6.5): ours, from the announcement to the acknowledgement; the peer's, as they take effect.

use super::timeouts::Kind;
use super::window::{DEFAULT_WINDOW, MAX_WINDOW, overflow};
use super::{Connection, Side};
use crate::config::Config;
use crate::error::ErrorCode::{FlowControlError, ProtocolError};
use crate::frame::{self, DEFAULT_MAX_FRAME_SIZE, FrameError, MAX_MAX_FRAME_SIZE, setting};
use core::time::Duration;

/// Streams that we open before the peer's SETTINGS say how many it wants: RFC 9113 section 6.5.2 asks everybody to allow 100.
const STREAMS_BEFORE_SETTINGS: u32 = 100;

/// What we announce and hold to.
#[derive(Debug)]
pub(super) struct Local {
    /// The peer has acknowledged: the windows and the table have our sizes.
    pub(super) acked: bool,
    pub(super) stream_window: u32,
    pub(super) connection_window: u32,
    pub(super) max_frame_size: u32,
    pub(super) header_table_size: u32,
    pub(super) max_unsent_per_call: usize,
    pub(super) max_unsent: usize,
    pub(super) settings_ack_timeout: Duration,
    pub(super) keepalive_interval: Option<Duration>,
    pub(super) keepalive_timeout: Duration,
    pub(super) keepalive_without_calls: bool,
    pub(super) idle_timeout: Option<Duration>,
    pub(super) max_age_grace: Option<Duration>,
    pub(super) stall_timeout: Option<Duration>,
}

impl Local {
    pub(super) fn new(config: &Config) -> Self {
        Local {
            acked: false,
            // A loan comes on top, and both together are a window.
            stream_window: config.stream_window.clamp(1, MAX_WINDOW / 2 - 5),
            connection_window: config.connection_window.clamp(DEFAULT_WINDOW, MAX_WINDOW),
            max_frame_size: config.max_frame_size.clamp(DEFAULT_MAX_FRAME_SIZE, MAX_MAX_FRAME_SIZE),
            header_table_size: config.header_table_size,
            max_unsent_per_call: config.max_unsent_per_call.max(1),
            max_unsent: config.max_unsent.max(1),
            settings_ack_timeout: config.settings_ack_timeout,
            keepalive_interval: config.keepalive_interval,
            keepalive_timeout: config.keepalive_timeout,
            keepalive_without_calls: config.keepalive_without_calls,
            idle_timeout: config.idle_timeout,
            max_age_grace: config.max_age_grace,
            stall_timeout: config.stall_timeout,
        }
    }

    /// What a new stream's peer may send. Our size counts once the peer has acknowledged it (RFC 9113 section 6.9.2); a larger one
    /// than the default may be in use a little before its acknowledgement is here.
    pub(super) fn window_in_force(&self) -> u32 {
        if self.acked { self.stream_window } else { self.stream_window.max(DEFAULT_WINDOW) }
    }

    /// By how much the peer's acknowledgement, which is to come, will reduce the window of every stream.
    pub(super) fn unacked_reduction(&self) -> u32 {
        self.window_in_force().saturating_sub(self.stream_window)
    }
}

/// What the peer has announced, or the defaults of RFC 9113 section 6.5.2.
#[derive(Debug)]
pub(super) struct Remote {
    pub(super) max_concurrent_streams: u32,
    pub(super) initial_window: u32,
    pub(super) max_frame_size: u32,
}

impl Remote {
    pub(super) fn new() -> Self {
        Remote {
            max_concurrent_streams: STREAMS_BEFORE_SETTINGS,
            initial_window: DEFAULT_WINDOW,
            max_frame_size: DEFAULT_MAX_FRAME_SIZE,
        }
    }
}

impl Connection {
    /// The preface (client), SETTINGS, and the connection's window.
    pub(super) fn announce(&mut self, config: &Config) {
        let buf = self.output.buf_mut();
        let push = match self.side {
            Side::Client => {
                buf.extend_from_slice(frame::PREFACE);
                (setting::ENABLE_PUSH, 0)
            }
            // A server announces its stream limit in that place; a client's would be about pushed streams, and there are none.
            Side::Server => (setting::MAX_CONCURRENT_STREAMS, config.max_concurrent_streams),
        };
        frame::settings(
            buf,
            &[
                (setting::HEADER_TABLE_SIZE, self.local.header_table_size),
                push,
                (setting::INITIAL_WINDOW_SIZE, self.local.stream_window),
                (setting::MAX_FRAME_SIZE, self.local.max_frame_size),
                (setting::MAX_HEADER_LIST_SIZE, config.max_header_list_size),
            ],
        );
        let more = self.local.connection_window - DEFAULT_WINDOW;
        if more > 0 {
            frame::window_update(buf, 0, more);
            self.recv_window.grow(i64::from(more));
        }
    }

    pub(super) fn on_settings(&mut self, settings: frame::Settings<'_>) -> Result<(), FrameError> {
        if settings.ack {
            return self.on_settings_ack();
        }
        self.guards.settings.check(settings.len())?;
        let was_full = !self.can_open();
        if !self.is_ready() {
            // The peer's own limit counts from here on; without one there is none.
            self.remote.max_concurrent_streams = u32::MAX;
        }
        for (id, value) in settings.iter() {
            self.apply_setting(id, value)?;
        }
        self.reply(frame::settings_ack);
        if !self.is_ready() {
            self.on_ready();
            self.events.may_open = true;
        } else if was_full && self.can_open() {
            self.events.may_open = true;
        }
        Ok(())
    }

    fn apply_setting(&mut self, id: u16, value: u32) -> Result<(), FrameError> {
        let wrong = |code, what| Err(FrameError::connection(code, what));
        match id {
            setting::HEADER_TABLE_SIZE => self.encoder.set_max_table_size(value as usize),
            setting::ENABLE_PUSH if value > 1 => {
                return wrong(ProtocolError, "SETTINGS_ENABLE_PUSH is neither 0 nor 1 (RFC 9113 section 6.5.2)");
            }
            setting::ENABLE_PUSH if value == 1 && self.side == Side::Client => {
                return wrong(ProtocolError, "SETTINGS_ENABLE_PUSH = 1 from a server (RFC 9113 section 6.5.2)");
            }
            setting::MAX_CONCURRENT_STREAMS => self.remote.max_concurrent_streams = value,
            setting::INITIAL_WINDOW_SIZE if value > MAX_WINDOW => {
                return wrong(FlowControlError, "SETTINGS_INITIAL_WINDOW_SIZE above 2^31-1 (RFC 9113 section 6.5.2)");
            }
            setting::INITIAL_WINDOW_SIZE => return self.resize_send_windows(value),
            setting::MAX_FRAME_SIZE if !(DEFAULT_MAX_FRAME_SIZE..=MAX_MAX_FRAME_SIZE).contains(&value) => {
                return wrong(ProtocolError, "SETTINGS_MAX_FRAME_SIZE out of its range (RFC 9113 section 6.5.2)");
            }
            setting::MAX_FRAME_SIZE => self.remote.max_frame_size = value,
            // RFC 9113 section 6.5.2: unknown settings are ignored. MAX_HEADER_LIST_SIZE is advisory: who refuses a longer list says so.
            _ => {}
        }
        Ok(())
    }

    /// A new initial size moves the windows of all open streams by the difference (RFC 9113 section 6.9.2).
    fn resize_send_windows(&mut self, size: u32) -> Result<(), FrameError> {
        let difference = i64::from(size) - i64::from(self.remote.initial_window);
        self.remote.initial_window = size;
        if difference == 0 {
            return Ok(());
        }
        for slot in self.streams.slots() {
            // A closed stream is ours alone: the peer does not count it any more.
            if self.streams.in_use(slot) && !self.streams[slot].state.is_closed() {
                if !self.streams[slot].send.window.grow(difference) {
                    return Err(overflow(0));
                }
                self.streams.update_sendable(slot);
            }
        }
        Ok(())
    }

    /// Our sizes are in force from here on.
    fn on_settings_ack(&mut self) -> Result<(), FrameError> {
        if self.local.acked {
            // Ours are sent once: there is nothing left to acknowledge.
            return self.guards.glitches.charge(self.now);
        }
        self.disarm(Kind::SettingsAck);
        let difference = i64::from(self.local.stream_window) - i64::from(self.local.window_in_force());
        self.local.acked = true;
        for slot in self.streams.slots() {
            if self.streams.in_use(slot) {
                self.streams[slot].recv.window.grow(difference);
            }
        }
        self.decoder.set_max_table_size(self.local.header_table_size as usize);
        Ok(())
    }
}
