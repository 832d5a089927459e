//! The bound of what a connection holds in memory.

use crate::config::Config;
use crate::h2::QueuedReplies;

impl Config {
    /// The most memory that one server connection of this configuration takes, bytes, its driver's buffers included,
    /// whatever its peer does, where replies have at most `reply` bytes.
    ///
    /// To the bound of [`h2`](crate::h2) come, for each stream, a call's own slot and its copy of the metadata
    /// (twice, since buffers grow by doubling), and a final reply, which is always accepted.
    pub fn memory_bound(&self, reply: usize) -> usize {
        const SLOTS: usize = 3 * 1024;
        const CHUNKS: usize = 4 * 66 * 1024;
        let list = self.max_header_list_size as usize;
        let stream = 4 * self.stream_window as usize + 4 * list + SLOTS + reply;
        let largest = self.max_receive_message_size.min(crate::config::MAX_MESSAGE) + 5;
        let pool = self.loan_pool.max(2 * largest);
        let tables = 4 * self.header_table_size as usize;
        // What senders may queue, and as much again in frames of other kinds before we stop reading.
        let unsent = self.max_unsent.saturating_mul(2).saturating_add(self.max_unsent_per_call).saturating_add(reply);
        let streams = (self.max_concurrent_streams as usize).saturating_mul(stream);
        let rest = [pool, pool / 2, tables, CHUNKS, unsent, QueuedReplies::HARD_CAP];
        rest.into_iter().fold(streams, usize::saturating_add)
    }
}
