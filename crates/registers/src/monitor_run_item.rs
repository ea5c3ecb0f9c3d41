//! The items of monitor runs: the result for each thing that was checked.

use kernel::{Description, Id, SubjectGroup, Timestamp, record};

use crate::monitor_run::{MonitorResult, MonitorRun};

record! {
    /// An item of a monitor run.
    #[record(kind = MonitorRunItem, prefix = "monitem", plural = "monitor_run_items")]
    pub struct MonitorRunItem {
        /// The run that the item belongs to.
        #[column(identity, filter(Many), example("monrun_01KSFQEHQ80000000000000002"))]
        pub monitor_run_id: Id<MonitorRun>,
        /// The result of the check.
        #[column(filter(Unindexed), example("pass"))]
        pub result: MonitorResult,
        /// The thing that was checked.
        #[column(identity, examples(["assets", "asset", "asset_01KSFQEHQ80000000000000002"]))]
        pub subject: Option<SubjectGroup>,
        /// The message of the check.
        #[column(example("The newest backup is 3 hours old."))]
        pub message: Option<Description>,
        /// The time at which the check was made.
        #[column(identity, example("2026-05-25T14:00:00.000Z"))]
        pub observed_at: Timestamp,
    }
}
