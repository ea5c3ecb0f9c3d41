//! The Prometheus metrics of sign-ins.

use std::time::Duration;

use people::{HashingPriority, PeopleObserver, SignInStep};
use prometheus::{HistogramOpts, HistogramVec, IntCounterVec, Opts};

use super::{BUCKETS, Metrics};
use crate::failure::Failure;

/// Counts the steps of sign-ins, and measures how long passwords wait until they are hashed.
pub(crate) struct PeopleMetrics {
    steps: IntCounterVec,
    waits: HistogramVec,
    given_up: IntCounterVec,
}

impl PeopleMetrics {
    /// Creates and registers the metrics.
    ///
    /// # Errors
    /// If they are registered already.
    pub(crate) fn register(metrics: &Metrics) -> Result<Self, Failure> {
        let steps = Opts::new("novantra_sign_in_steps_total", "Steps of sign-ins to the web app.");
        let waits = HistogramOpts::new(
            "novantra_password_hashing_wait_seconds",
            "Time for which passwords waited until they were checked or hashed, in seconds.",
        );
        let given_up = Opts::new(
            "novantra_password_hashing_given_up_total",
            "Passwords that were not checked because too many others were.",
        );
        let people = Self {
            steps: IntCounterVec::new(steps, &["outcome"])?,
            waits: HistogramVec::new(waits.buckets(BUCKETS.to_vec()), &["priority"])?,
            given_up: IntCounterVec::new(given_up, &["priority"])?,
        };
        metrics.register(Box::new(people.steps.clone()))?;
        metrics.register(Box::new(people.waits.clone()))?;
        metrics.register(Box::new(people.given_up.clone()))?;
        // The series exist from the start, so that their first increase is seen.
        for step in SignInStep::ALL {
            people.steps.with_label_values(&[step.name()]);
        }
        for priority in HashingPriority::ALL {
            people.waits.with_label_values(&[priority.name()]);
            people.given_up.with_label_values(&[priority.name()]);
        }
        Ok(people)
    }
}

impl PeopleObserver for PeopleMetrics {
    fn record_step(&self, step: SignInStep) {
        self.steps.with_label_values(&[step.name()]).inc();
    }

    fn record_hashing_wait(&self, priority: HashingPriority, wait: Duration, is_hashed: bool) {
        self.waits.with_label_values(&[priority.name()]).observe(wait.as_secs_f64());
        if !is_hashed {
            self.given_up.with_label_values(&[priority.name()]).inc();
        }
    }
}
