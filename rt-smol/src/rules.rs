//! The rules of waking, by name: each can be switched off, to show that a test notices.
//!
//! Client and server have them in one list. A rule that is missing (a mutant) must be noticed by what it is [held
//! by](Rule::held_by): the seeds of a simulation, a connection driven step by step, or a model in which all interleavings of a few
//! threads are run. Tests go through the whole list, so that no rule stands there unheld. Without feature `testkit` nothing
//! of this is left.

use crate::os::Os;

/// What notices that a rule is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(not(feature = "testkit"), allow(dead_code, unreachable_pub, reason = "the face is `testkit`'s"))]
pub enum HeldBy {
    /// The seeds of `tests/simulation.rs`: calls of all shapes on bad networks.
    Calls,
    /// The seeds of `tests/server_sim.rs`: servers that stop.
    Stops,
    /// This unit test, step by step.
    Script(&'static str),
    /// This model (`--cfg loom_models`).
    Model(&'static str),
}

macro_rules! rules {
    ($($(#[$doc:meta])* $rule:ident: $name:literal, [$($held:expr),+];)+) => {
        /// A rule of who is woken, when. Each has a mutant: a run without it, which what [holds](Rule::held_by) it must find
        /// to be broken.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[cfg_attr(not(feature = "testkit"), allow(dead_code, unreachable_pub, reason = "the face is `testkit`'s"))]
        pub enum Rule {
            $($(#[$doc])* #[doc = $name] $rule,)+
        }

        #[cfg(feature = "testkit")]
        impl Rule {
            /// All of them.
            pub const ALL: &[Rule] = &[$(Rule::$rule),+];

            /// In words.
            pub fn name(self) -> &'static str {
                match self {
                    $(Rule::$rule => $name,)+
                }
            }

            /// What notices that it is missing: each of these.
            pub fn held_by(self) -> &'static [HeldBy] {
                use HeldBy::{Calls, Model, Script, Stops};
                match self {
                    $(Rule::$rule => &[$($held),+],)+
                }
            }
        }
    };
}

rules! {
    ServerMessageWakes: "server: a message wakes who waits for it",
        [Calls];
    ServerRoomWakes: "server: room to send wakes who waits for it", [
        Calls,
        Model("server::models::a_window_that_opens_meets_a_sender_that_is_about_to_wait")
    ];
    ServerEndWakes: "server: the end of a call wakes who waits on it", [
        Calls,
        Model("server::models::a_connection_that_is_lost_ends_what_waits_and_what_writes"),
        Model("server::models::a_call_cut_short_meets_who_is_about_to_wait_for_its_end")
    ];
    ServerWaitLooks: "server: who is to wait looks, under the same lock, whether it has happened",
        [Model("server::models::a_message_meets_a_handler_that_is_about_to_wait")];
    ServerHandlerLooks: "server: a handler's task looks whether its call has ended before it polls",
        [Model("server::models::a_call_cut_short_meets_a_handler_that_becomes_a_task")];
    ServerSubscriberLooks: "server: who subscribes to a call that has ended is told at once",
        [Script("server::tests::ends::who_subscribes_after_the_end_is_told_at_once")];
    ServerHandlersVerdictWakes: "server: a call that its handler has ended wakes who waits on it",
        [Script("server::tests::ends::a_call_that_its_handler_ended_wakes_who_waits_on_it")];
    ServerPollFlushes: "server: what a handler has sent leaves at the end of its poll",
        [Script("server::tests::messages_of_one_poll_leave_in_few_writes_and_none_waits_for_the_next_poll")];
    ServerOneWriter: "server: one writes at a time; who finds the place taken leaves it to its holder",
        [Model("server::models::what_a_handler_leaves_to_another_writer_leaves_too")];
    ServerWriterLooksAgain: "server: a writer looks for more before it leaves its place",
        [Script("server::tests::what_is_sent_during_a_write_leaves_in_the_next_one_by_the_same_writer")];
    ServerFullPipeTells: "server: output that the pipe did not take is told to the connection's task", [
        Script("server::tests::what_the_pipe_does_not_take_is_written_by_the_connections_task"),
        Model("server::models::what_a_full_pipe_did_not_take_from_a_handler_leaves_when_there_is_room")
    ];
    ServerOutputTells: "server: output that nobody is about to write is told to the connection's task", [
        Script("server::tests::output_that_nobody_is_about_to_write_wakes_the_connections_task"),
        Model("server::models::a_window_opened_beside_a_handler_is_told_though_the_task_comes_to_rest")
    ];
    ServerFailureTells: "server: a write that failed is told to the connection's task",
        [Script("server::tests::last_words::the_reason_for_which_a_write_failed_is_told_where_the_client_had_said_nothing")];
    ServerTimerTells: "server: an earlier deadline is told to the connection's task",
        [Script("server::tests::ends::a_connection_that_a_handler_leaves_idle_is_closed_in_time")];
    ServerEvictionTells: "server: a connection that gives way to another one is told",
        [Script("server::tests::ends::a_handshake_that_gives_way_to_another_one_ends")];
    ServerFreshTells: "server: a call to begin is told to the connection's task",
        [Model("server::models::a_held_call_begins_when_another_writer_makes_room")];
    ServerEndTells: "server: the end of a connection's last call is told to its task, if that rests",
        [Model("server::models::the_last_call_of_a_connection_that_drains_ends_while_its_task_comes_to_rest")];
    ServerWorkLooksAgain: "server: what is told to a task at work makes it look again before it rests",
        [Model("server::models::a_stop_reaches_a_task_at_work")];
    ServerRestLooksAgain: "server: a task that comes to rest looks for what was left to it meanwhile", [
        Model("server::models::the_last_call_of_a_connection_that_drains_ends_while_its_task_comes_to_rest"),
        Model("server::models::a_window_opened_beside_a_handler_is_told_though_the_task_comes_to_rest")
    ];
    ServerPlaceAskedFor: "server: a call that came between two looks has a place asked for first",
        [Model("server::models::a_held_call_begins_when_another_writer_makes_room")];
    ServerHeldGoOn: "server: held calls go on when output has drained",
        [Script("server::tests::a_call_that_must_wait_for_output_to_drain_begins_when_it_has")];
    ServerHeldTasksGoOn: "server: handlers' tasks that are held go on when output has drained",
        [Script("server::tests::ends::a_task_that_must_wait_for_output_to_drain_begins_when_it_has")];
    ServerReadingGoesOn: "server: reading goes on when the output that had stopped it has drained",
        [Script("server::tests::a_peer_that_reads_nothing_is_not_read_until_it_does")];
    ServerTurnsComeAgain: "server: a connection's task that gives way to others comes again",
        [Script("server::tests::a_connection_with_much_to_do_gives_way_to_others_and_comes_back")];
    ServerGraceKept: "server: a connection's task wakes at the end of the grace",
        [Script("server::tests::ends::a_connections_task_wakes_at_the_end_of_the_grace")];
    ServerStopTells: "server: a stop is told to every connection",
        [Script("server::tests::ends::a_connections_task_wakes_at_the_end_of_the_grace")];
    ServerStopTellsAcceptor: "server: a stop is told to who accepts",
        [Stops];
    ServerConnectionTellsJoiners: "server: the end of a connection is told to who waits for the server's end",
        [Model("server::models::who_waits_for_the_servers_end_is_told_of_it")];
    ServerHandlerTellsJoiners: "server: the end of the last handler is told to who waits for the server's end",
        [Model("server::models::who_waits_for_the_servers_end_is_told_of_it")];
    ClientMessageWakes: "client: a message wakes who waits for it", [
        Calls,
        Model("client::driver::models::a_call_dropped_while_the_task_reads_its_reply_is_gone")
    ];
    ClientRoomWakes: "client: room to send wakes who waits for it",
        [Calls];
    ClientEndWakes: "client: the end of a call wakes who waits for it", [
        Script("client::driver::tests::only_the_tasks_whose_calls_moved_are_woken"),
        Model("client::driver::models::a_call_cancelled_while_the_task_reads_leaves_the_others_alone")
    ];
    ClientEndTellsOwner: "client: the end of a call is told to its owner, who may send it again",
        [Script("client::call::tests::a_call_refused_while_it_runs_is_sent_again_though_nobody_polls_it")];
    ClientWaitLooks: "client: who looks in vain registers under the same lock",
        [Model("client::driver::models::who_waits_is_woken_though_the_reply_comes_meanwhile")];
    ClientTaskRegistersFirst: "client: a connection's task registers before it looks at anything",
        [Model("client::driver::models::what_the_pipe_did_not_take_is_written_by_the_task")];
    ClientOneWriter: "client: one writes at a time",
        [Model("client::driver::models::what_is_sent_during_a_write_leaves_after_it")];
    ClientWriterLooksAgain: "client: a writer looks for more before it leaves its place",
        [Script("client::driver::tests::what_is_sent_during_a_write_leaves_in_the_next_one_by_the_same_writer")];
    ClientFullPipeTells: "client: output that the pipe did not take is told to the connection's task",
        [Model("client::driver::models::what_the_pipe_did_not_take_is_written_by_the_task")];
    ClientWritesTell: "client: a caller that has written enough for all leaves the rest to the connection's task",
        [Script("client::driver::tests::wakes::a_caller_that_has_written_enough_leaves_the_rest_to_the_task")];
    ClientRequestFollows: "client: a request that had no room follows when there is some",
        [Script("client::driver::tests::a_request_without_room_follows_by_itself")];
    ClientTimerTells: "client: an earlier deadline is told to the connection's task",
        [Script("client::driver::tests::a_deadline_wakes_the_task_only_if_it_is_the_earliest")];
    ClientEndTells: "client: the end of a connection is told to its task",
        [Script("client::driver::tests::the_end_of_a_connection_ends_its_task_and_closes_the_pipe")];
    ClientFailureTells: "client: a write that failed is told to the connection's task",
        [Script("client::driver::tests::wakes::a_write_of_a_caller_that_fails_ends_the_connection_though_nothing_is_read")];
    ClientFailureActedOn: "client: a write of the connection's task that failed makes it look again",
        [Script("client::driver::tests::last_words::a_write_of_the_task_that_fails_ends_the_connection_though_nothing_is_read")];
    ClientReadingToldOf: "client: that reading may go on is told to the connection's task",
        [Script("client::call::tests::a_caller_that_has_written_what_was_in_the_way_of_reading_tells_the_task")];
    ClientReadingGoesOn: "client: a connection's task whose own write lets reading go on reads",
        [Script("client::driver::tests::reading_goes_on_when_the_peer_has_taken_what_it_made_us_write")];
    ClientStartTells: "client: the start of a call is told to who waits for the call",
        [Script("client::call::tests::who_waits_for_a_call_that_has_not_started_or_for_its_channel_is_woken_when_it_goes_on")];
    ClientStartNoted: "client: a connection that comes while a call is being started is noted",
        [Script("client::call::tests::a_connection_that_comes_while_a_call_gets_in_line_starts_it")];
    ClientEndNoted: "client: the end of a call that is being started is noted",
        [Script("client::call::tests::a_call_refused_while_it_starts_is_sent_again_though_nobody_polls_it")];
    ClientCancelCaughtUp: "client: a call cancelled while it starts is cancelled then",
        [Script("client::call::tests::a_call_cancelled_while_it_starts_is_cancelled_then")];
    ClientFinishCaughtUp: "client: requests finished while the call starts are finished then",
        [Script("client::call::tests::requests_finished_while_the_call_starts_are_finished_then")];
    ChannelChangeTells: "channel: a change is told to the channel's task",
        [Script("client::call::tests::when_a_server_closes_in_the_handshake_the_next_address_is_tried")];
    ChannelChangeTellsWatchers: "channel: a change is told to who waits for it",
        [Script("client::call::tests::who_waits_for_a_call_that_has_not_started_or_for_its_channel_is_woken_when_it_goes_on")];
    ChannelTimerTells: "channel: an earlier deadline is told to the channel's task",
        [Script("client::call::tests::a_deadline_that_comes_to_wait_behind_later_ones_is_kept")];
    ClientDroppedTaskTells: "client: a connection's task that is dropped tells who waits",
        [Script("client::driver::tests::who_waits_learns_that_the_executor_has_dropped_the_task")];
}

/// The rules that are in force. All, but for a run that was told to do without one.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Rules {
    #[cfg(feature = "testkit")]
    without: Option<Rule>,
}

impl Rules {
    /// Those of what runs on this machine.
    #[inline]
    pub(crate) fn of(os: &dyn Os) -> Self {
        #[cfg(feature = "testkit")]
        return Rules { without: os.without_rule() };
        #[cfg(not(feature = "testkit"))]
        {
            let _ = os;
            Rules {}
        }
    }

    /// Is it switched off?
    #[inline]
    pub(crate) fn broken(self, rule: Rule) -> bool {
        #[cfg(feature = "testkit")]
        return self.without == Some(rule);
        #[cfg(not(feature = "testkit"))]
        {
            let _ = rule;
            false
        }
    }

    /// Is it in force?
    #[inline]
    pub(crate) fn hold(self, rule: Rule) -> bool {
        !self.broken(rule)
    }
}

/// The variable that names the rule that a test of a process of its own does without.
#[cfg(test)]
pub(crate) const WITHOUT: &str = "WITHOUT_RULE";

/// The rule that this process does without: it is a mutant.
#[cfg(test)]
pub(crate) fn mutant() -> Option<Rule> {
    let name = std::env::var(WITHOUT).ok()?;
    Rule::ALL.iter().copied().find(|rule| format!("{rule:?}") == name)
}

#[cfg(test)]
mod tests;
