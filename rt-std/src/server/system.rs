//! System calls that a server has made, for those who measure (`probe`); what its users see is counted in `rt_common::stats`.

use rt_common::stats::Counter;

#[derive(Debug, Default)]
pub(super) struct SystemCalls {
    pub(super) reads: Counter,
    pub(super) writes: Counter,
    pub(super) waits: Counter,
    pub(super) unparks: Counter,
}
