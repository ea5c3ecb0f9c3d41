//! When a witness is sent the next head.

use std::time::Duration;

use audit::TreeHead;
use audit_store::CosignedHead;
use kernel::Timestamp;

use super::conflicts::{ConflictKind, WitnessConflict};

/// Maximum delay after failures, and the delay after a conflict.
const MAX_DELAY: Duration = Duration::from_secs(60 * 60);

/// Time after which the same head is sent again, which shows that the witness still follows the log.
const RENEWAL: Duration = Duration::from_secs(24 * 60 * 60);

/// The memory of the attempts with a witness.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Schedule {
    /// The number of failures in a row.
    failures: u32,
    /// The time before which nothing is sent.
    next_attempt: Option<Timestamp>,
    /// The time of the last success.
    succeeded_at: Option<Timestamp>,
    /// The size of the larger tree that the witness has seen. Nothing smaller is sent.
    larger: Option<u64>,
}

impl Schedule {
    /// The schedule of a witness with which the log has these conflicts.
    pub(super) fn after_conflicts<'a>(conflicts: impl Iterator<Item = &'a WitnessConflict>) -> Self {
        let larger = conflicts.filter(|conflict| conflict.kind == ConflictKind::LargerTree);
        Self { larger: larger.map(|conflict| conflict.witnessed_size).max(), ..Self::default() }
    }

    /// Whether this head is to be sent to the witness, which has cosigned `stored` last.
    pub(super) fn is_due(&self, now: Timestamp, head: &TreeHead, stored: Option<&CosignedHead>) -> bool {
        // A time that is further ahead is one from before the clock was set back.
        if self.next_attempt.is_some_and(|next| now < next && next <= now + MAX_DELAY)
            || self.larger.is_some_and(|larger| head.size < larger)
        {
            return false;
        }
        // A server asks at least once: the stored cosignature may be as old as the database, if that was set back.
        let is_confirmed = self.succeeded_at.is_some_and(|succeeded| now.since(succeeded) < RENEWAL);
        !is_confirmed || stored.is_none_or(|stored| stored.head != *head)
    }

    pub(super) fn succeed(&mut self, now: Timestamp) {
        *self = Self { succeeded_at: Some(now), ..Self::default() };
    }

    /// Notes a failure. Returns the delay until the next attempt.
    pub(super) fn fail(&mut self, now: Timestamp, interval: Duration) -> Duration {
        let delay = interval.saturating_mul(1 << self.failures.min(16)).min(MAX_DELAY);
        self.failures = self.failures.saturating_add(1);
        self.next_attempt = Some(now + delay);
        delay
    }

    /// Notes that the witness has seen another tree.
    pub(super) fn conflict(&mut self, now: Timestamp, kind: ConflictKind, witnessed_size: u64) {
        self.next_attempt = Some(now + MAX_DELAY);
        if kind == ConflictKind::LargerTree {
            self.larger = self.larger.max(Some(witnessed_size));
        }
    }
}

#[cfg(test)]
mod tests {
    use audit::{Hash, KeyName, SignatureKind, SignedNote, VerifierKey};

    use super::*;

    const START: Timestamp = Timestamp::from_millis(1_800_000_000_000);
    const MINUTE: Duration = Duration::from_secs(60);

    fn head(size: u64) -> TreeHead {
        TreeHead { origin: KeyName::parse("log").unwrap(), size, root: Hash::digest(b"root") }
    }

    fn cosigned(size: u64) -> CosignedHead {
        let name = KeyName::parse("witness").unwrap();
        CosignedHead {
            witness: VerifierKey { name, kind: SignatureKind::Cosignature, public_key: [1; 32] },
            head: head(size),
            note: SignedNote::new("text\n".to_owned()).unwrap(),
            signed_at: START,
        }
    }

    #[test]
    fn a_head_is_sent_once_and_again_after_a_day() {
        let mut schedule = Schedule::default();
        let stored = cosigned(5);
        assert!(schedule.is_due(START, &head(5), None));
        assert!(schedule.is_due(START, &head(5), Some(&stored)), "it was stored before this server started");
        schedule.succeed(START);
        assert!(!schedule.is_due(START + MINUTE, &head(5), Some(&stored)));
        assert!(schedule.is_due(START + MINUTE, &head(6), Some(&stored)));
        assert!(!schedule.is_due(START + RENEWAL - MINUTE, &head(5), Some(&stored)));
        assert!(schedule.is_due(START + RENEWAL, &head(5), Some(&stored)));
    }

    #[test]
    fn each_failure_doubles_the_delay_up_to_an_hour() {
        let mut schedule = Schedule::default();
        let delays: Vec<u64> = (0..8).map(|_| schedule.fail(START, MINUTE).as_secs() / 60).collect();
        assert_eq!(delays, [1, 2, 4, 8, 16, 32, 60, 60]);
        assert!(!schedule.is_due(START + MAX_DELAY - MINUTE, &head(5), None));
        assert!(schedule.is_due(START + MAX_DELAY, &head(5), None));
        assert!(schedule.is_due(START - Duration::from_secs(7200), &head(5), None), "the clock was set back");
        schedule.succeed(START);
        assert_eq!(schedule.fail(START, MINUTE), MINUTE);
    }

    #[test]
    fn a_witness_that_has_seen_a_larger_tree_is_asked_again_when_the_log_has_it() {
        let conflict = |witnessed_size, kind| WitnessConflict {
            witness: "witness".to_owned(),
            origin: "log".to_owned(),
            kind,
            witnessed_size,
        };
        let conflicts = [conflict(9, ConflictKind::LargerTree), conflict(50, ConflictKind::OtherTree)];
        let mut schedule = Schedule::after_conflicts(conflicts.iter());
        assert!(!schedule.is_due(START, &head(8), None));
        assert!(schedule.is_due(START, &head(9), None));
        schedule.conflict(START, ConflictKind::LargerTree, 12);
        assert!(!schedule.is_due(START + MAX_DELAY, &head(11), None));
        assert!(!schedule.is_due(START + MINUTE, &head(12), None));
        assert!(schedule.is_due(START + MAX_DELAY, &head(12), None));
    }
}
