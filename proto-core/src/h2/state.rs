//! The life of a stream (RFC 9113 section 5.1) in one table, the same for both ends.
//!
//! ```text
//!                              +--------+
//!            send HEADERS, or  |  Idle  |  receive HEADERS
//!                     +--------|        |--------+
//!                     |        +--------+        |
//!                     v                          v
//!                  +--------------------------------+
//!                  |              Open              |---- either side: RST_STREAM ---+
//!                  +--------------------------------+                                |
//!      send END_STREAM |                        | receive END_STREAM                 |
//!                      v                        v                                    |
//!        +-----------------+                +------------------+                     |
//!        | HalfClosedLocal |                | HalfClosedRemote |--- RST_STREAM ------+
//!        +-----------------+                +------------------+                     |
//!   receive END_STREAM |      |                 | send END_STREAM                    |
//!                      v      |                 v                                    v
//!                  +-----------------------------+                  +---------------------------+
//!                  |            Ended            |   RST_STREAM --->| ResetHere  |  ResetByPeer |
//!                  +-----------------------------+                  +---------------------------+
//! ```
//!
//! "closed" of the RFC is three states here, because what a late frame means depends on how the stream was closed.
//! The reserved states are missing: we announce SETTINGS_ENABLE_PUSH = 0 and refuse PUSH_PROMISE.

use crate::error::ErrorCode;
use crate::error::ErrorCode::{ProtocolError, StreamClosed};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum State {
    Idle,
    Open,
    HalfClosedLocal,
    HalfClosedRemote,
    /// Both sides sent END_STREAM.
    Ended,
    /// We sent RST_STREAM: the peer may not know yet.
    ResetHere,
    /// The peer sent RST_STREAM: it must send nothing more.
    ResetByPeer,
}

/// What happens to a stream. END_STREAM on HEADERS or DATA is two inputs, the frame and then its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Input {
    SendHeaders,
    SendData,
    SendEnd,
    SendReset,
    RecvHeaders,
    RecvData,
    RecvEnd,
    RecvReset,
    RecvWindowUpdate,
}

/// What comes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// The next state.
    To(State),
    /// We must not send that now.
    Refused,
    /// A late frame: nothing comes of it.
    Ignored,
    /// The peer's fault, which costs it the stream.
    StreamError(ErrorCode, &'static str),
    /// The peer's fault, which costs it the connection.
    ConnectionError(ErrorCode, &'static str),
}

impl State {
    pub(super) fn step(self, input: Input) -> Step {
        TABLE[self as usize][input as usize]
    }

    pub(super) fn is_closed(self) -> bool {
        matches!(self, State::Ended | State::ResetHere | State::ResetByPeer)
    }

    /// We may send DATA, or trailers.
    pub(super) fn can_send(self) -> bool {
        matches!(self.step(Input::SendData), Step::To(_))
    }

    /// The peer may still send.
    pub(super) fn can_receive(self) -> bool {
        matches!(self.step(Input::RecvData), Step::To(_))
    }
}

/// Rows: the state. Columns: the input.
#[rustfmt::skip]
static TABLE: [[Step; 9]; 7] = {
    use Step::{Ignored, Refused, To};
    const OPN: Step = To(State::Open);
    const HCL: Step = To(State::HalfClosedLocal);
    const HCR: Step = To(State::HalfClosedRemote);
    const END: Step = To(State::Ended);
    const RSH: Step = To(State::ResetHere);
    const RSP: Step = To(State::ResetByPeer);
    const NOT: Step = Refused;
    const IGN: Step = Ignored;
    const IDL: Step = Step::ConnectionError(ProtocolError, "a frame on an idle stream (RFC 9113 section 5.1)");
    const LAT: Step = Step::StreamError(StreamClosed, "a frame after END_STREAM (RFC 9113 section 5.1)");
    const CLO: Step = Step::ConnectionError(StreamClosed, "a frame on a closed stream (RFC 9113 section 5.1)");
    const RST: Step = Step::StreamError(StreamClosed, "a frame after RST_STREAM (RFC 9113 section 5.1)");
    [
        //                      Send                    Recv
        //                      HEADERS DATA END  RST   HEADERS DATA END  RST  WINDOW_UPDATE
        /* Idle             */ [OPN,    NOT, NOT, NOT,  OPN,    IDL, IDL, IDL, IDL],
        /* Open             */ [OPN,    OPN, HCL, RSH,  OPN,    OPN, HCR, RSP, OPN],
        /* HalfClosedLocal  */ [NOT,    NOT, NOT, RSH,  HCL,    HCL, END, RSP, HCL],
        /* HalfClosedRemote */ [HCR,    HCR, END, RSH,  LAT,    LAT, LAT, RSP, HCR],
        /* Ended            */ [NOT,    NOT, NOT, NOT,  CLO,    CLO, CLO, IGN, IGN],
        /* ResetHere        */ [NOT,    NOT, NOT, NOT,  IGN,    IGN, IGN, IGN, IGN],
        /* ResetByPeer      */ [NOT,    NOT, NOT, NOT,  RST,    RST, RST, IGN, IGN],
    ]
};

#[cfg(test)]
mod tests {
    use super::*;
    use Input::*;
    use State::*;

    const STATES: [State; 7] = [Idle, Open, HalfClosedLocal, HalfClosedRemote, Ended, ResetHere, ResetByPeer];
    const INPUTS: [Input; 9] =
        [SendHeaders, SendData, SendEnd, SendReset, RecvHeaders, RecvData, RecvEnd, RecvReset, RecvWindowUpdate];

    /// The same life seen from the other end: what one sends the other receives.
    fn mirror(state: State) -> State {
        match state {
            HalfClosedLocal => HalfClosedRemote,
            HalfClosedRemote => HalfClosedLocal,
            ResetHere => ResetByPeer,
            ResetByPeer => ResetHere,
            same => same,
        }
    }

    #[test]
    fn whatever_one_end_may_send_the_other_end_accepts() {
        let pairs = [(SendHeaders, RecvHeaders), (SendData, RecvData), (SendEnd, RecvEnd), (SendReset, RecvReset)];
        for state in STATES {
            for (send, receive) in pairs {
                if let Step::To(next) = state.step(send) {
                    assert_eq!(mirror(state).step(receive), Step::To(mirror(next)), "{state:?} {send:?}");
                }
            }
        }
    }

    #[test]
    fn nothing_leads_out_of_a_closed_state() {
        for state in STATES.into_iter().filter(|s| s.is_closed()) {
            for input in INPUTS {
                assert!(!matches!(state.step(input), Step::To(_)), "{state:?} {input:?}");
            }
        }
    }

    #[test]
    fn a_stream_we_reset_forgives_everything_that_was_under_way() {
        for input in [RecvHeaders, RecvData, RecvEnd, RecvReset, RecvWindowUpdate] {
            assert_eq!(ResetHere.step(input), Step::Ignored);
        }
    }

    #[test]
    fn sending_and_receiving_end_are_independent() {
        let step = |state: State, input| match state.step(input) {
            Step::To(next) => next,
            other => panic!("{state:?} {input:?}: {other:?}"),
        };
        assert_eq!(step(step(Open, SendEnd), RecvEnd), Ended);
        assert_eq!(step(step(Open, RecvEnd), SendEnd), Ended);
        assert!(HalfClosedRemote.can_send() && !HalfClosedRemote.can_receive());
        assert!(HalfClosedLocal.can_receive() && !HalfClosedLocal.can_send());
    }
}
