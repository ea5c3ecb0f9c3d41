//! Measurements: the values of indicators over time.

use kernel::{Decimal, Id, Reference, Timestamp, record};

use crate::indicator::Indicator;

record! {
    /// A measurement of an indicator.
    #[record(kind = Measurement, prefix = "indm", plural = "measurements")]
    pub struct Measurement {
        /// The indicator that was measured.
        #[column(identity, filter(Few), required, example("ind_01KSFQEHQ80000000000000002"))]
        pub indicator_definition_id: Id<Indicator>,
        /// The value.
        #[column(example("3.5"))]
        pub measured_value: Decimal,
        /// The time of the measurement.
        #[column(identity, at_least("since"), example("2026-05-25T14:00:00.000Z"))]
        pub measured_at: Timestamp,
        /// The place in another system that the value comes from.
        #[column(example("phishing-campaign-2026-05"))]
        pub source_reference: Option<Reference>,
    }
}

impl Measurement {
    /// Returns the indicator with this measurement as its latest one, unless it has a later one.
    #[must_use]
    pub fn applied_to(&self, indicator: Indicator) -> Indicator {
        if indicator.latest_measurement_at.is_some_and(|latest| latest > self.measured_at) {
            return indicator;
        }
        Indicator {
            latest_measurement_value: Some(self.measured_value.clone()),
            latest_measurement_at: Some(self.measured_at),
            ..indicator
        }
    }
}
