//! The rules of carrying streams, by name. Each can be switched off in a simulation (`testkit::Sim::without_rule`), and the seeds
//! of `tests` notice that it is missing.

/// What is read of a stream does not wait for room without writing what waits on the other side.
pub(crate) const FULL_INPUT_LEAVES_OUTPUT: &str = "output goes on while nobody takes the input";
/// Output ends the pause between reads that brought nothing.
pub(crate) const OUTPUT_ENDS_PAUSE: &str = "output ends the pause between reads";
/// What a write did not take is written next.
pub(crate) const REST_IS_KEPT: &str = "what a write did not take is kept";
/// Output that waits behind a read, or in a write, for too long ends the connection.
pub(crate) const STUCK_IS_NOTICED: &str = "a stream that is stuck is noticed";
/// Output wakes the watch.
pub(crate) const OUTPUT_WAKES_WATCH: &str = "output wakes the watch";
/// The thread that writes says so.
pub(crate) const WRITER_SAYS_SO: &str = "who writes says so";
/// When a write has failed, what is on its way is still read.
pub(crate) const READS_ON: &str = "reading goes on after a write has failed";
/// A stream that can only be read is given up when it has been quiet for long.
pub(crate) const QUIET_ENDS: &str = "a stream that is only read ends when it is quiet";
/// The end of a pipe wakes the watch.
pub(crate) const END_WAKES_WATCH: &str = "the end wakes the watch";

/// All of them.
#[cfg(all(test, feature = "testkit"))]
pub(crate) const ALL: &[&str] = &[
    FULL_INPUT_LEAVES_OUTPUT,
    OUTPUT_ENDS_PAUSE,
    REST_IS_KEPT,
    STUCK_IS_NOTICED,
    OUTPUT_WAKES_WATCH,
    WRITER_SAYS_SO,
    READS_ON,
    QUIET_ENDS,
    END_WAKES_WATCH,
];
