//! A test harness with a fixed clock and predictable identifiers.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use kernel::{
    Action, Actor, ActorKind, Attribution, Changeset, Clock, Entropy, Id, OrganizationRef, Origin, Timestamp,
    TimestampOracle, Ulid, WriteContext,
};

pub(crate) const NOW: Timestamp = Timestamp::from_millis(1_779_718_113_000);

struct FixedClock;

impl Clock for FixedClock {
    fn now(&self) -> Timestamp {
        NOW
    }
}

#[derive(Default)]
pub(crate) struct CountingEntropy(AtomicU64);

impl Entropy for CountingEntropy {
    fn fill(&self, buffer: &mut [u8]) {
        buffer.fill(0);
    }

    fn ulid(&self, at: Timestamp) -> Ulid {
        let number = self.0.fetch_add(1, Ordering::Relaxed);
        Ulid::from_parts(at.millis().unsigned_abs(), u128::from(number))
    }
}

/// A changeset of an import, with the audit entry of the call.
pub(crate) fn changeset(entropy: &CountingEntropy) -> Changeset {
    let organization = OrganizationRef { id: Id::new(Ulid::from_parts(1, 1)), slug: "acme".into() };
    let attribution = Attribution {
        actor: Actor { kind: ActorKind::System, id: None, name: "test".into() },
        origin: Origin {
            request_id: Id::new(Ulid::from_parts(1, 2)),
            method: None,
            route: None,
            source_address: None,
            user_agent: None,
        },
        actor_revision: None,
    };
    let context = WriteContext { organization: &organization, attribution: &attribution, reason: None, entropy };
    context.begin(TimestampOracle::new(Arc::new(FixedClock)).begin(), Action::new("import.applied"), None)
}
