//! Monitor definitions: checks that run by themselves.

use kernel::{Description, RecordKey, Reference, SubjectGroup, Timestamp, Title, record, string_enum};

record! {
    /// A monitor definition.
    #[record(kind = MonitorDefinition, prefix = "monit", plural = "monitor_definitions")]
    pub struct MonitorDefinition {
        /// The key of the monitor, unique in the organization.
        #[column(label("monitor_key"), key, example("MON-backup-age"))]
        pub key: RecordKey,
        /// The title of the monitor.
        #[column(title, example("Backups are younger than a day"))]
        pub title: Title,
        /// The condition that is checked and how.
        #[column(example("The newest backup of each core system, every hour."))]
        pub description: Description,
        /// The status of the monitor.
        #[column(filter(Many), example("active"))]
        pub status: MonitorStatus,
        /// The thing that the monitor is about.
        #[column(examples(["controls", "control", "ctrl_01KSFQEHQ80000000000000002"]))]
        pub subject: Option<SubjectGroup>,
        /// The assignment of the responsibility that owns the monitor, in another system.
        pub owner_responsibility_assignment_id: Option<Reference>,
        /// The time at which the last run started. Callers can't set it.
        #[column(derived, example("2026-05-25T14:00:00.000Z"))]
        pub last_run_at: Option<Timestamp>,
    }
}

string_enum! {
    /// The status of a monitor.
    MonitorStatus = Draft {
        /// It is being written.
        Draft = "draft",
        /// It runs.
        Active = "active",
        /// It does not run for a while.
        Paused = "paused",
        /// It no longer runs.
        Retired = "retired",
    }
}
