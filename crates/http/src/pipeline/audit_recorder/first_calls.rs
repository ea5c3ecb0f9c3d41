//! The calls that have an audit entry which later ones like them are counted for (contract v1 § 8).

use std::{
    collections::{HashMap, HashSet},
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures_util::future::{BoxFuture, Shared};
use kernel::{Action, Entry, Id, StoreError, Timestamp};
use limits::Peer;
use ulid::Ulid;

use super::AuditNote;

/// The time in which calls that are alike share one audit entry, after that of the first of them.
pub(super) const REPEAT_WINDOW: Duration = Duration::from_secs(60);
/// The maximum number of kinds of calls of one account that are distinguished at a time.
const MAX_KINDS_OF_ACCOUNT: usize = 32;
/// The same for all callers without an account together. It bounds how fast strangers can fill the installation's log.
const MAX_KINDS_OF_STRANGERS: usize = 256;

/// The kind of a call. It contains the address, so that calls of a stranger, who only knows an account's client id, are
/// not mistaken for the account's own.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) enum CallKind {
    /// The calls from one address with one action and one status.
    Like { peer: Option<Peer>, action: Action, status: u16 },
    /// All further calls with this status, once there are too many kinds.
    Other { status: u16 },
}

/// The outcome of storing the first call's entry, which the calls that repeat it wait for.
pub(super) type Stored = Shared<BoxFuture<'static, Result<(), Arc<StoreError>>>>;

/// A call with an entry, which later calls repeat.
pub(super) struct FirstCall {
    pub(super) entry: Id<Entry>,
    pub(super) at: Timestamp,
    pub(super) stored: Stored,
}

impl FirstCall {
    /// Whether a call at `now` repeats this one. Not if the clock was set back since.
    fn is_repeated_at(&self, now: Timestamp) -> bool {
        self.at <= now && now < self.at + REPEAT_WINDOW
    }
}

/// The first calls of the last minute, by the account that they are recorded for.
#[derive(Default)]
pub(super) struct FirstCalls {
    calls: Mutex<HashMap<Option<Ulid>, CallsByKind>>,
}

type CallsByKind = HashMap<CallKind, Arc<FirstCall>>;

impl FirstCalls {
    /// Returns the call that one like `note` repeats and `false`, or if there is none, the one that `begin` begins and
    /// `true`.
    pub(super) fn find_or_begin(
        &self,
        account: Option<Ulid>,
        note: &AuditNote,
        now: Timestamp,
        begin: impl FnOnce(&CallKind) -> FirstCall,
    ) -> (Arc<FirstCall>, bool) {
        let address = note.origin.source_address.as_deref().and_then(|address| address.parse::<IpAddr>().ok());
        let mut kind =
            CallKind::Like { peer: address.map(Peer::from), action: note.action.clone(), status: note.status };
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        let calls = calls.entry(account).or_default();
        if !calls.get(&kind).is_some_and(|first| first.is_repeated_at(now)) {
            let max = if account.is_some() { MAX_KINDS_OF_ACCOUNT } else { MAX_KINDS_OF_STRANGERS };
            if calls.len() >= max {
                calls.retain(|_, first| first.is_repeated_at(now));
            }
            if calls.len() >= max {
                kind = CallKind::Other { status: note.status };
            }
        }
        match calls.get(&kind).filter(|first| first.is_repeated_at(now)) {
            Some(first) => (Arc::clone(first), false),
            None => {
                let first = Arc::new(begin(&kind));
                calls.insert(kind, Arc::clone(&first));
                (first, true)
            }
        }
    }

    /// Forgets a call whose entry could not be stored.
    pub(super) fn forget(&self, account: Option<Ulid>, call: &Arc<FirstCall>) {
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(calls) = calls.get_mut(&account) {
            calls.retain(|_, first| !Arc::ptr_eq(first, call));
        }
    }

    /// Removes the calls whose minute is over.
    pub(super) fn remove_past(&self, now: Timestamp) {
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        calls.retain(|_, calls| {
            calls.retain(|_, first| first.is_repeated_at(now));
            !calls.is_empty()
        });
    }

    /// Removes all calls and returns their entries.
    pub(super) fn take_all(&self) -> HashSet<Id<Entry>> {
        let mut calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        calls.drain().flat_map(|(_, calls)| calls.into_values()).map(|first| first.entry).collect()
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;
    use kernel::{Origin, Ulid};

    use super::*;

    fn note(address: &str, status: u16) -> AuditNote {
        let origin = Origin {
            request_id: Id::new(Ulid(1)),
            method: None,
            route: None,
            source_address: Some(address.to_owned()),
            user_agent: None,
        };
        AuditNote { action: Action::new("finding.listed.refused"), subject: None, origin, status, changes: Vec::new() }
    }

    fn call(entry: u128, at: Timestamp) -> FirstCall {
        FirstCall { entry: Id::new(Ulid(entry)), at, stored: async { Ok(()) }.boxed().shared() }
    }

    #[test]
    fn beyond_the_maximum_number_of_kinds_strangers_share_one_for_each_status() {
        let (calls, now) = (FirstCalls::default(), Timestamp::from_millis(1_000_000));
        let mut begun = 0;
        for address in 0..5000_u32 {
            let address = std::net::Ipv4Addr::from(0x0a00_0000 + address).to_string();
            for status in [401, 429] {
                let (_, is_first) = calls.find_or_begin(None, &note(&address, status), now, |_| call(1, now));
                begun += usize::from(is_first);
            }
        }
        assert_eq!(begun, MAX_KINDS_OF_STRANGERS + 2);
        let (_, is_first) = calls.find_or_begin(None, &note("10.0.0.1", 401), now, |_| call(1, now));
        assert!(!is_first, "a kind that was begun before the maximum was reached keeps its entry");
        let other = Some(Ulid(7));
        let (_, is_first) = calls.find_or_begin(other, &note("10.9.9.9", 401), now, |_| call(1, now));
        assert!(is_first, "strangers use up nothing of an account");
    }

    #[test]
    fn a_call_is_repeated_within_its_minute_only_even_if_the_clock_steps_back() {
        let (calls, start) = (FirstCalls::default(), Timestamp::from_millis(1_000_000_000));
        let is_first = |now| calls.find_or_begin(None, &note("10.0.0.1", 401), now, |_| call(1, now)).1;
        assert!(is_first(start));
        assert!(!is_first(start + Duration::from_millis(59_999)));
        assert!(is_first(start + REPEAT_WINDOW));
        assert!(is_first(start - Duration::from_secs(7200)));
    }
}
