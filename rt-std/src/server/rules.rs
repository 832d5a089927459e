//! The hand-off rules that the simulation can switch off one at a time, to show that its seeds notice.

/// A rule of the server's scheduling. Each has a mutant: a run without it ([`Sim::without_rule`] with its
/// [`name`](Rule::name)), which the seeds must find to be broken.
///
/// [`Sim::without_rule`]: crate::testkit::Sim::without_rule
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(not(feature = "testkit"), allow(dead_code, rustdoc::broken_intra_doc_links))]
pub enum Rule {
    /// An edge for a connection that is being visited is noted.
    EdgeDuringVisit,
    /// A writable edge during a write is noted.
    EdgeDuringWrite,
    /// The last free worker never runs a handler.
    LastFreeWorker,
    /// The poller's place is given away before what may be slow.
    PlaceBeforeSlow,
    /// The watch ticks.
    WatchTicks,
    /// The watch flushes.
    WatchFlushes,
    /// The watch takes the rest of the bite.
    WatchTakesBite,
    /// The watch takes the poller's place.
    WatchTakesPlace,
    /// Flush when the first unflushed reply of a bite is older than 50 us.
    FlushOldReplies,
    /// Senders go on when output has drained.
    SendersGoOn,
    /// A failed call wakes its handler.
    EndWakesHandler,
    /// Held calls go on when output has drained.
    HeldGoOn,
    /// Calls are held while too much is unsent.
    HoldCalls,
    /// The poller is notified.
    Notify,
    /// A panic ends its call only.
    PanicEndsCall,
    /// The queue is bounded.
    QueueBounded,
    /// The one who arrives wakes the next.
    WakeNext,
    /// A free place wakes somebody.
    FreePlaceWakes,
    /// Stop nudges the poller.
    StopNudges,
    /// A lost connection ends its calls.
    LostEndsCalls,
    /// A visit out of budget queues the connection again.
    BudgetRequeues,
    /// A new thread a tick while the queue is stuck.
    GrowWhileStuck,
    /// A robbed bite's control output is flushed too.
    RobbedControl,
    /// The watch flushes what a stream's sender has corked.
    WatchFlushesCorks,
    /// Reading goes on when the control output that had stopped it has drained.
    ReadingGoesOn,
    /// What the peer said before a write failed is heard.
    LastWordsHeard,
}

#[cfg(feature = "testkit")]
impl Rule {
    /// All of them.
    pub const ALL: [Rule; 26] = [
        Rule::EdgeDuringVisit,
        Rule::EdgeDuringWrite,
        Rule::LastFreeWorker,
        Rule::PlaceBeforeSlow,
        Rule::WatchTicks,
        Rule::WatchFlushes,
        Rule::WatchTakesBite,
        Rule::WatchTakesPlace,
        Rule::FlushOldReplies,
        Rule::SendersGoOn,
        Rule::EndWakesHandler,
        Rule::HeldGoOn,
        Rule::HoldCalls,
        Rule::Notify,
        Rule::PanicEndsCall,
        Rule::QueueBounded,
        Rule::WakeNext,
        Rule::FreePlaceWakes,
        Rule::StopNudges,
        Rule::LostEndsCalls,
        Rule::BudgetRequeues,
        Rule::GrowWhileStuck,
        Rule::RobbedControl,
        Rule::WatchFlushesCorks,
        Rule::ReadingGoesOn,
        Rule::LastWordsHeard,
    ];

    /// As `Sim::without_rule` takes it.
    pub fn name(self) -> &'static str {
        match self {
            Rule::EdgeDuringVisit => "server: an edge for a connection that is being visited is noted",
            Rule::EdgeDuringWrite => "server: a writable edge during a write is noted",
            Rule::LastFreeWorker => "server: the last free worker never runs a handler",
            Rule::PlaceBeforeSlow => "server: the poller's place is given away before what may be slow",
            Rule::WatchTicks => "server: the watch ticks",
            Rule::WatchFlushes => "server: the watch flushes",
            Rule::WatchTakesBite => "server: the watch takes the rest of the bite",
            Rule::WatchTakesPlace => "server: the watch takes the poller's place",
            Rule::FlushOldReplies => "server: flush when the first unflushed reply of a bite is older than 50 us",
            Rule::SendersGoOn => "server: senders go on when output has drained",
            Rule::EndWakesHandler => "server: a failed call wakes its handler",
            Rule::HeldGoOn => "server: held calls go on when output has drained",
            Rule::HoldCalls => "server: calls are held while too much is unsent",
            Rule::Notify => "server: the poller is notified",
            Rule::PanicEndsCall => "server: a panic ends its call only",
            Rule::QueueBounded => "server: the queue is bounded",
            Rule::WakeNext => "server: the one who arrives wakes the next",
            Rule::FreePlaceWakes => "server: a free place wakes somebody",
            Rule::StopNudges => "server: stop nudges the poller",
            Rule::LostEndsCalls => "server: a lost connection ends its calls",
            Rule::BudgetRequeues => "server: a visit out of budget queues the connection again",
            Rule::GrowWhileStuck => "server: a new thread a tick while the queue is stuck",
            Rule::RobbedControl => "server: a robbed bite's control output is flushed too",
            Rule::WatchFlushesCorks => "server: the watch flushes what a stream's sender has corked",
            Rule::ReadingGoesOn => "server: reading goes on when the control output that had stopped it has drained",
            Rule::LastWordsHeard => "server: what the peer said before a write failed is heard",
        }
    }

    /// The rule of this name, if it is one of the server's.
    pub(super) fn named(name: &str) -> Option<Rule> {
        Self::ALL.into_iter().find(|rule| rule.name() == name)
    }
}
