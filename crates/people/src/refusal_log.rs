//! The failed attempts that have an audit entry, which later ones like them are counted for.

use std::{collections::HashMap, time::Duration};

use auth::UserId;
use kernel::{Entry, Id, OrganizationId, Timestamp};
use limits::Peer;

/// The time in which attempts that are alike share an entry, after that of the first of them.
pub(crate) const REPEAT_WINDOW: Duration = Duration::from_secs(60);
/// The maximum number of kinds of attempts that are distinguished at a time. Those beyond share an entry for each
/// organization.
const MAX_KINDS: usize = 1024;

/// The attempts that share an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct RefusalKind {
    pub(crate) organization: OrganizationId,
    /// The user, and the network; neither if there are too many kinds.
    pub(crate) from: Option<(Option<UserId>, Option<Peer>)>,
}

/// The first attempts of the last minute, with their entries.
#[derive(Default)]
pub(crate) struct RefusalLog(HashMap<RefusalKind, (Id<Entry>, Timestamp)>);

/// Whether an attempt at `now` repeats the one at `at`. Not if the clock was set back since.
fn is_repeated(at: Timestamp, now: Timestamp) -> bool {
    at <= now && now < at + REPEAT_WINDOW
}

impl RefusalLog {
    /// Returns the kind that the attempt is recorded as.
    pub(crate) fn distinguished(&mut self, kind: RefusalKind, now: Timestamp) -> RefusalKind {
        if self.0.contains_key(&kind) || self.0.len() < MAX_KINDS {
            return kind;
        }
        self.0.retain(|_, (_, at)| is_repeated(*at, now));
        if self.0.len() < MAX_KINDS { kind } else { RefusalKind { from: None, ..kind } }
    }

    /// Returns the entry and the time of the attempt that one of this kind repeats, if there is one.
    pub(crate) fn repeated(&self, kind: RefusalKind, now: Timestamp) -> Option<(Id<Entry>, Timestamp)> {
        self.0.get(&kind).copied().filter(|(_, at)| is_repeated(*at, now))
    }

    /// Adds an attempt with its entry.
    pub(crate) fn insert(&mut self, kind: RefusalKind, entry: Id<Entry>, at: Timestamp) {
        self.0.insert(kind, (entry, at));
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use kernel::Ulid;

    use super::*;

    fn kind(number: u32) -> RefusalKind {
        let network = Peer::from(IpAddr::V4(Ipv4Addr::from(number)));
        RefusalKind { organization: Id::new(Ulid(1)), from: Some((None, Some(network))) }
    }

    #[test]
    fn the_number_of_kinds_is_bounded_and_those_beyond_share_one_of_their_organization() {
        let (mut log, now) = (RefusalLog::default(), Timestamp::from_millis(1_000_000));
        for number in 0..10_000 {
            let distinguished = log.distinguished(kind(number), now);
            assert_eq!(distinguished.from.is_none(), number >= 1024, "{number}");
            log.insert(distinguished, Id::new(Ulid(number.into())), now);
        }
        assert!(log.0.len() <= MAX_KINDS + 1);
        assert_eq!(log.distinguished(kind(5), now), kind(5));
        let later = now + REPEAT_WINDOW;
        assert_eq!(log.distinguished(kind(20_000), later), kind(20_000));
        assert_eq!((log.0.len(), log.repeated(kind(5), later)), (0, None));
    }

    #[test]
    fn an_attempt_before_the_first_one_repeats_nothing() {
        let (mut log, now) = (RefusalLog::default(), Timestamp::from_millis(1_000_000));
        log.insert(kind(1), Id::new(Ulid(1)), now);
        assert_eq!(log.repeated(kind(1), now), Some((Id::new(Ulid(1)), now)));
        assert_eq!(log.repeated(kind(1), now - Duration::from_millis(1)), None);
    }
}
