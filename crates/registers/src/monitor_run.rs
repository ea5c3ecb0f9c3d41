//! Monitor runs: the executions of monitors, with their results.

use kernel::{Id, Timestamp, record, string_enum};

use crate::monitor_definition::MonitorDefinition;

record! {
    /// A run of a monitor.
    #[record(kind = MonitorRun, prefix = "monrun", plural = "monitor_runs")]
    pub struct MonitorRun {
        /// The monitor that ran.
        #[column(identity, filter(Few), example("monit_01KSFQEHQ80000000000000002"))]
        pub monitor_definition_id: Id<MonitorDefinition>,
        /// The trigger of the run.
        #[column(example("scheduled"))]
        pub trigger_kind: MonitorTrigger,
        /// The worst result of the run's items.
        #[column(filter(Many), filter_label("result"), example("pass"))]
        pub aggregate_result: MonitorResult,
        /// The number of items that passed.
        #[column(within(0, i64::MAX), example("41"))]
        pub pass_count: i64,
        /// The number of items that failed.
        #[column(within(0, i64::MAX), example("0"))]
        pub fail_count: i64,
        /// The number of items with a warning.
        #[column(within(0, i64::MAX), example("0"))]
        pub warning_count: i64,
        /// The number of items without a result.
        #[column(within(0, i64::MAX), example("0"))]
        pub unknown_count: i64,
        /// The time at which the run started.
        #[column(identity, example("2026-05-25T14:00:00.000Z"))]
        pub started_at: Timestamp,
        /// The time at which the run finished; null while it runs.
        #[column(not_before("started_at", "the start of the run"), example("2026-05-25T14:00:12.000Z"))]
        pub finished_at: Option<Timestamp>,
    }
}

string_enum! {
    /// The trigger of a monitor run.
    MonitorTrigger {
        /// Its schedule.
        Scheduled = "scheduled",
        /// A person.
        Manual = "manual",
        /// An event in another system.
        Event = "event",
    }
}

string_enum! {
    /// The result of a check.
    MonitorResult {
        /// The condition holds.
        Pass = "pass",
        /// The condition does not hold.
        Fail = "fail",
        /// The condition holds barely.
        Warning = "warning",
        /// The condition could not be checked.
        Unknown = "unknown",
    }
}

impl MonitorRun {
    /// Returns the monitor with the start of this run as that of its last one, unless it has run since.
    #[must_use]
    pub fn applied_to(&self, monitor: MonitorDefinition) -> MonitorDefinition {
        let last = monitor.last_run_at.map_or(self.started_at, |last| last.max(self.started_at));
        MonitorDefinition { last_run_at: Some(last), ..monitor }
    }
}
