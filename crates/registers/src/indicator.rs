//! Indicators: figures by which performance, risk, control and quality are followed.

use kernel::{Decimal, RecordKey, Reference, SubjectGroup, Timestamp, Title, record, string_enum};

record! {
    /// An indicator.
    #[record(kind = Indicator, prefix = "ind", plural = "indicators")]
    pub struct Indicator {
        /// The key of the indicator, unique in the organization.
        #[column(label("indicator_key"), key, example("KRI-phishing-rate"))]
        pub key: RecordKey,
        /// The title of the indicator.
        #[column(title, example("Employees who follow a simulated phishing link"))]
        pub title: Title,
        /// The kind of the indicator.
        #[column(filter(Many), example("kri"))]
        pub indicator_kind: IndicatorKind,
        /// The status of the indicator.
        #[column(filter(Many), example("active"))]
        pub status: IndicatorStatus,
        /// The thing that the indicator is about.
        #[column(examples(["risks", "risk", "risk_01KSFQEHQ80000000000000002"]))]
        pub subject: Option<SubjectGroup>,
        /// The assignment of the responsibility that owns the indicator, in another system.
        pub owner_responsibility_assignment_id: Option<Reference>,
        /// The value that is aimed at.
        #[column(example("2"))]
        pub target_value: Option<Decimal>,
        /// The value beyond which action is needed.
        #[column(example("5"))]
        pub threshold_value: Option<Decimal>,
        /// The unit of the values.
        #[column(example("%"))]
        pub unit: Option<Title>,
        /// The value of the latest measurement. Callers can't set it.
        #[column(derived, example("3.5"))]
        pub latest_measurement_value: Option<Decimal>,
        /// The time of the latest measurement. Callers can't set it.
        #[column(derived, example("2026-05-25T14:00:00.000Z"))]
        pub latest_measurement_at: Option<Timestamp>,
    }
}

string_enum! {
    /// The kind of an indicator.
    IndicatorKind {
        /// A key performance indicator.
        Kpi = "kpi",
        /// A key risk indicator.
        Kri = "kri",
        /// A key control indicator.
        Kci = "kci",
        /// A key quality indicator.
        Kqi = "kqi",
        /// A level of maturity.
        Maturity = "maturity",
        /// A figure of another kind.
        Custom = "custom",
    }
}

string_enum! {
    /// The status of an indicator.
    IndicatorStatus = Draft {
        /// It is being written.
        Draft = "draft",
        /// It is measured.
        Active = "active",
        /// It is not measured for a while.
        Paused = "paused",
        /// It is no longer measured.
        Retired = "retired",
    }
}
