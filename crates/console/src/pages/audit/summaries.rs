//! Entries that stand for several calls which were alike: the first of them has an entry of its own, and those that
//! followed within a minute share another one, which has the request id of the first.

use std::time::Duration;

use kernel::{Change, Entry, FieldValue, Timestamp};
use maud::{Markup, html};

use super::LIST;
use crate::{viewer::Viewer, words::counted};

/// The time within which calls that are alike share an entry.
const WINDOW: Duration = Duration::from_secs(60);

/// The fields in which such an entry has the number of calls.
const COUNTS: [&str; 2] = ["calls", "refused_calls"];

/// The calls that an entry stands for, none of which has an entry of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SummarizedCalls {
    calls: usize,
    from: Timestamp,
    until: Timestamp,
}

/// The number of calls, if the entry has one.
fn count(entry: &Entry) -> Option<usize> {
    match &*entry.changes {
        [Change { field, before: FieldValue::Null, after: FieldValue::Integer(calls) }]
            if COUNTS.contains(&&**field) =>
        {
            usize::try_from(*calls).ok()
        }
        _ => None,
    }
}

/// Whether the entry counts calls: as their first one, or as those that followed.
pub(super) fn counts_calls(entry: &Entry) -> bool {
    count(entry).is_some()
}

/// The fields that the call has changed. A number of calls is none.
pub(super) fn changes(entry: &Entry) -> &[Change] {
    if counts_calls(entry) { &[] } else { &entry.changes }
}

/// The time of the call whose request id the entry has.
pub(super) fn requested_at(entry: &Entry) -> Timestamp {
    let millis = entry.origin.request_id.ulid().timestamp_ms();
    Timestamp::from_millis(i64::try_from(millis).unwrap_or(i64::MAX))
}

impl SummarizedCalls {
    /// The calls that the entry stands for, if it is that of calls that followed. An entry for only one of them that a
    /// server has stored when it stopped looks like that of a first call.
    pub(super) fn of(entry: &Entry) -> Option<Self> {
        let is_late = entry.occurred_at >= requested_at(entry) + WINDOW;
        Self::after_first(entry).filter(|summarized| summarized.calls > 1 || is_late)
    }

    /// The calls that the entry stands for, if another entry is that of the first one.
    pub(super) fn after_first(entry: &Entry) -> Option<Self> {
        let from = requested_at(entry);
        Some(Self { calls: count(entry)?, from, until: entry.occurred_at.min(from + WINDOW) })
    }

    /// The number of calls and their time, in words.
    pub(super) fn in_words(&self, viewer: &Viewer) -> Markup {
        let calls = counted(self.calls, "more call", "more calls");
        html! { (calls) " between " (viewer.zone.second(self.from)) " and " (viewer.zone.second(self.until)) }
    }
}

/// A line about the calls that an entry of a list stands for, with a link to the first of them.
pub(super) fn line(viewer: &Viewer, entry: &Entry) -> Markup {
    let Some(summarized) = SummarizedCalls::of(entry) else { return html! {} };
    html! {
        span.also {
            (summarized.in_words(viewer)) ", like "
            a href={ (LIST) "?requestId=" (entry.origin.request_id) } { "the first" }
        }
    }
}

#[cfg(test)]
mod tests {
    use kernel::{Action, Actor, ActorKind, Id, OrganizationId, Origin};

    use super::*;

    const FIRST: Timestamp = Timestamp::from_millis(1_795_535_000_000);

    fn entry(after: Duration, changes: Vec<Change>) -> Entry {
        Entry {
            id: Id::new((FIRST + after).first_ulid()),
            organization: OrganizationId::INSTALLATION,
            occurred_at: FIRST + after,
            wall_clock: None,
            actor: Actor { kind: ActorKind::System, id: None, name: "unknown caller".into() },
            action: Action::new("token.issued.refused"),
            subject: None,
            reason: None,
            changes,
            origin: Origin {
                request_id: Id::new(FIRST.first_ulid()),
                method: None,
                route: None,
                source_address: None,
                user_agent: None,
            },
            status: Some(401),
        }
    }

    fn calls(number: i64) -> Vec<Change> {
        vec![Change { field: "refused_calls".into(), before: FieldValue::Null, after: FieldValue::Integer(number) }]
    }

    #[test]
    fn calls_that_followed_are_distinguished_from_the_first_by_their_number_or_their_time() {
        let of = |seconds, number| SummarizedCalls::of(&entry(Duration::from_secs(seconds), calls(number)));
        let until = |seconds| FIRST + Duration::from_secs(seconds);
        assert_eq!(of(0, 1), None, "the first call");
        assert_eq!(of(65, 1), Some(SummarizedCalls { calls: 1, from: FIRST, until: until(60) }));
        assert_eq!(of(20, 7), Some(SummarizedCalls { calls: 7, from: FIRST, until: until(20) }));
    }

    #[test]
    fn a_number_of_calls_is_no_change() {
        assert!(changes(&entry(WINDOW, calls(3))).is_empty());
        let name = |name: &str| FieldValue::Text(name.to_owned());
        let renamed = vec![Change { field: "name".into(), before: name("a"), after: name("b") }];
        let entry = entry(WINDOW, renamed);
        assert_eq!((changes(&entry).len(), SummarizedCalls::of(&entry)), (1, None));
    }
}
