//! A harness for the tests of domain crates: the context of a write, with a fixed clock and predictable identifiers.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use kernel::{
    Actor, ActorKind, Attribution, Changeset, Clock, Entropy, Id, OrganizationRef, Origin, OutboxEvent, Reason,
    Timestamp, TimestampOracle, Ulid, WriteContext, WriteTimestamp,
};

/// The time of every write.
pub const NOW: Timestamp = Timestamp::from_millis(1_779_718_113_000);

struct FixedClock;

impl Clock for FixedClock {
    fn now(&self) -> Timestamp {
        NOW
    }
}

/// Entropy whose identifiers are numbered and whose bytes are zero.
#[derive(Debug, Default)]
pub struct CountingEntropy(AtomicU64);

impl Entropy for CountingEntropy {
    fn fill(&self, buffer: &mut [u8]) {
        buffer.fill(0);
    }

    fn ulid(&self, at: Timestamp) -> Ulid {
        let number = self.0.fetch_add(1, Ordering::Relaxed);
        Ulid::from_parts(at.millis().unsigned_abs(), u128::from(number))
    }
}

/// The context of writes to one organization.
pub struct WriteHarness {
    /// The source of identifiers.
    pub entropy: CountingEntropy,
    /// The organization that is written to.
    pub organization: OrganizationRef,
    attribution: Attribution,
    reason: Reason,
    timestamps: TimestampOracle,
}

impl Default for WriteHarness {
    fn default() -> Self {
        let origin = Origin {
            request_id: Id::new(Ulid::from_parts(1, 2)),
            method: None,
            route: None,
            source_address: None,
            user_agent: None,
        };
        let actor = Actor { kind: ActorKind::System, id: None, name: "test".into() };
        Self {
            entropy: CountingEntropy::default(),
            organization: OrganizationRef { id: Id::new(Ulid::from_parts(1, 1)), slug: "acme".into() },
            attribution: Attribution { actor, origin, actor_revision: None },
            reason: Reason::parse("a reason that is long enough").unwrap_or_else(|error| panic!("{error}")),
            timestamps: TimestampOracle::new(Arc::new(FixedClock)),
        }
    }
}

impl WriteHarness {
    /// The context of a write.
    #[must_use]
    pub fn context(&self) -> WriteContext<'_> {
        WriteContext {
            organization: &self.organization,
            attribution: &self.attribution,
            reason: Some(&self.reason),
            entropy: &self.entropy,
        }
    }

    /// The timestamp of a new write.
    #[must_use]
    pub fn write_timestamp(&self) -> WriteTimestamp {
        self.timestamps.begin()
    }
}

/// The events of a changeset, as name and rendered payload.
///
/// # Panics
/// If a payload is not UTF-8.
#[must_use]
pub fn published(changeset: &Changeset) -> Vec<String> {
    let body = |event: &OutboxEvent| str::from_utf8(&event.body).unwrap_or_else(|error| panic!("{error}")).to_owned();
    changeset.events().iter().map(|event| format!("{} {}", event.name, body(event))).collect()
}

/// The actions of a changeset's audit entries.
#[must_use]
pub fn audit_actions(changeset: &Changeset) -> Vec<String> {
    changeset.entries().iter().map(|entry| entry.action.to_string()).collect()
}
