//! The objects that a sweeper is to remove, and the times of the attempts.

use std::{collections::BTreeMap, time::Duration};

use evidence::{ContentError, ContentKey, ObjectName};
use kernel::{OrganizationId, Timestamp};

/// Maximum number of objects that are remembered. What is not is found by a later listing.
const MAX_PENDING: usize = 10_000;

/// The time from the first failed attempt to the next one. It doubles with each failure.
const FIRST_RETRY: Duration = Duration::from_secs(60);

/// The longest time between two attempts.
const MAX_RETRY: Duration = Duration::from_secs(24 * 60 * 60);

/// The objects that are to be removed, in the order of their names.
#[derive(Default)]
pub(super) struct PendingRemovals {
    objects: BTreeMap<String, Pending>,
}

struct Pending {
    name: ObjectName,
    state: State,
}

#[derive(Clone, Copy)]
enum State {
    /// It is to be removed from this time on, after this number of failures.
    Due(Timestamp, u32),
    /// It was removed, and the audit log has no entry of that yet.
    Removed,
}

impl PendingRemovals {
    pub(super) fn contains(&self, name: &ObjectName) -> bool {
        self.objects.contains_key(&name.to_string())
    }

    /// Adds an object that is to be removed now.
    pub(super) fn add(&mut self, name: ObjectName, now: Timestamp) {
        if self.objects.len() >= MAX_PENDING {
            self.objects.retain(|_, pending| !matches!(pending.state, State::Due(_, 1..)));
        }
        if self.objects.len() < MAX_PENDING {
            self.objects.insert(name.to_string(), Pending { name, state: State::Due(now, 0) });
        }
    }

    /// The objects of which the next attempt is due.
    pub(super) fn due(&self, now: Timestamp) -> Vec<ObjectName> {
        let is_due = |pending: &&Pending| match pending.state {
            // A clock that was ahead must not delay an attempt for long.
            State::Due(at, _) => at <= now || at > now + MAX_RETRY,
            State::Removed => false,
        };
        self.objects.values().filter(is_due).map(|pending| pending.name).collect()
    }

    /// Forgets an object.
    pub(super) fn forget(&mut self, name: &ObjectName) {
        self.objects.remove(&name.to_string());
    }

    /// Forgets the objects that are not removed, because another process has taken over.
    pub(super) fn forget_due(&mut self) {
        self.objects.retain(|_, pending| matches!(pending.state, State::Removed));
    }

    /// Notes that an object was removed, until that is recorded.
    pub(super) fn removed(&mut self, name: &ObjectName) {
        if let Some(pending) = self.objects.get_mut(&name.to_string()) {
            pending.state = State::Removed;
        }
    }

    /// Notes that an attempt has failed, and logs it.
    pub(super) fn failed(&mut self, name: &ObjectName, now: Timestamp, error: &ContentError) {
        let Some(pending) = self.objects.get_mut(&name.to_string()) else { return };
        let State::Due(_, failures) = pending.state else { return };
        let retry = FIRST_RETRY.saturating_mul(2_u32.saturating_pow(failures)).min(MAX_RETRY);
        pending.state = State::Due(now + retry, failures.saturating_add(1));
        tracing::warn!(
            %error,
            object = %name,
            attempt = failures + 1,
            retry_after_seconds = retry.as_secs(),
            "can't remove an object that no record names: the credentials must allow to delete it, and no lock or attribute may protect it"
        );
    }

    /// The objects whose removal is not recorded yet, by their organizations.
    pub(super) fn unrecorded(&self) -> BTreeMap<OrganizationId, Vec<ContentKey>> {
        let mut removed: BTreeMap<OrganizationId, Vec<ContentKey>> = BTreeMap::new();
        for pending in self.objects.values() {
            if let (State::Removed, ObjectName::Content(key)) = (pending.state, pending.name) {
                removed.entry(key.organization).or_default().push(key);
            }
        }
        removed
    }
}

/// The keys of the contents among the objects, by their organizations.
pub(super) fn content_keys(names: &[ObjectName]) -> BTreeMap<OrganizationId, Vec<ContentKey>> {
    let mut keys: BTreeMap<OrganizationId, Vec<ContentKey>> = BTreeMap::new();
    for name in names {
        if let ObjectName::Content(key) = name {
            keys.entry(key.organization).or_default().push(*key);
        }
    }
    keys
}

#[cfg(test)]
mod tests {
    use kernel::Ulid;

    use super::*;

    fn upload(number: u128) -> ObjectName {
        ObjectName::Upload(OrganizationId::new(Ulid(1)), Ulid(number))
    }

    #[test]
    fn attempts_are_made_at_growing_intervals_up_to_a_day() {
        let (mut pending, mut now) = (PendingRemovals::default(), Timestamp::from_millis(0));
        pending.add(upload(1), now);
        let mut waited = Vec::new();
        for _ in 0..14 {
            assert_eq!(pending.due(now), [upload(1)]);
            pending.failed(&upload(1), now, &ContentError::Unavailable("refused".into()));
            let mut minutes = 0;
            while pending.due(now).is_empty() {
                now = now + FIRST_RETRY;
                minutes += 1;
            }
            waited.push(minutes);
        }
        assert_eq!(waited, [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 1440, 1440, 1440]);
    }

    #[test]
    fn objects_that_fail_make_room_for_others() {
        let (mut pending, now) = (PendingRemovals::default(), Timestamp::from_millis(0));
        for number in 0..MAX_PENDING as u128 {
            pending.add(upload(number), now);
        }
        pending.add(upload(20_000), now);
        assert!(!pending.contains(&upload(20_000)), "it is found by the next listing");
        pending.failed(&upload(7), now, &ContentError::Unavailable("refused".into()));
        pending.add(upload(20_000), now);
        assert!(pending.contains(&upload(20_000)) && !pending.contains(&upload(7)));
    }
}
