//! The rules of handing places on, by name.
//!
//! Each can be switched off in a simulation (`testkit::Sim::without_rule`), and the seeds of `tests/client_rules.rs`
//! notice for each that it is missing; two are noticed inside (`tests`, `models`).

/// Who leaves the reader's place free wakes somebody who waits.
pub(crate) const READER_HANDED_ON: &str = "the reader's place is handed on";
/// Who leaves the reader's place free, with nobody parked, tells the writer that waits for room.
pub(crate) const BLOCKED_WRITER_TOLD: &str = "a blocked writer is told that nobody reads";
/// Output that the socket did not take is handed to somebody who waits.
pub(crate) const OUTPUT_HANDED_ON: &str = "left-over output is handed on";
/// With nobody parked, the leader is told of output that the socket did not take.
pub(crate) const LEADER_TOLD_OF_OUTPUT: &str = "the leader is told of left-over output";
/// A writer that waits for room reads if nobody else does.
pub(crate) const BLOCKED_WRITER_READS: &str = "a blocked writer reads";
/// What ends the leader's call, or a blocked writer's, wakes it.
pub(crate) const LEADER_TOLD_OF_ITS_CALL: &str = "the leader is told what happens to its call";
/// The leader blocks in one plain read only if no output is pending and no writer waits.
pub(crate) const PLAIN_ONLY_WHEN_QUIET: &str = "a plain read only when nothing is pending";
/// A call that another thread may end is never led by a plain read.
pub(crate) const PLAIN_ONLY_ALONE: &str = "a plain read only for a call that nobody else can end";
/// A thread that parks serves a timer that is earlier than the leader's.
pub(crate) const PARKED_SERVE_TIMERS: &str = "parked threads serve earlier timers";
/// A writer that waited for room looks at its own call before it goes on.
pub(crate) const WRITER_GIVES_UP: &str = "a writer whose call is over gives its place up";
/// A writer that finds no room looks at its own call, if that moved during the write, before it waits.
pub(crate) const WRITER_LOOKS_FIRST: &str = "a writer whose call moved does not wait for room";
/// Of two threads at one wake handle, the one that took a signal meant for the other passes it on.
pub(crate) const SIGNAL_PASSED_ON: &str = "a signal for the other thread is passed on";
/// After a wait the socket is read before timers are served.
pub(crate) const INPUT_BEFORE_TIME: &str = "input before time";
/// A connection that nobody has read for a while is drained before it takes a call.
pub(crate) const IDLE_DRAINED: &str = "an idle connection is drained before a call";
/// The end of a connection wakes who waits for it, and closes the pipe below a plain read.
pub(crate) const END_CLOSES_PIPE: &str = "the end of a connection closes its pipe";

/// When a write fails, what the peer said before is read first, whoever holds the reader's place.
pub(crate) const LAST_WORDS_HEARD: &str = "what the peer said before a write failed is heard";

/// All of them.
#[cfg(any(test, feature = "testkit"))]
pub(crate) const ALL: &[&str] = &[
    READER_HANDED_ON,
    BLOCKED_WRITER_TOLD,
    OUTPUT_HANDED_ON,
    LEADER_TOLD_OF_OUTPUT,
    BLOCKED_WRITER_READS,
    LEADER_TOLD_OF_ITS_CALL,
    PLAIN_ONLY_WHEN_QUIET,
    PLAIN_ONLY_ALONE,
    PARKED_SERVE_TIMERS,
    WRITER_GIVES_UP,
    WRITER_LOOKS_FIRST,
    SIGNAL_PASSED_ON,
    INPUT_BEFORE_TIME,
    IDLE_DRAINED,
    END_CLOSES_PIPE,
    LAST_WORDS_HEARD,
];
