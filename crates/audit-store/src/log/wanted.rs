//! The entries that a list or search is for.

use audit::AuditFilter;
use audit_runs::{Fingerprint, TermKind};
use kernel::Entry;

/// The entries that a list or search is for.
#[derive(Clone, Debug)]
pub(crate) enum Wanted {
    /// Those that match the filter.
    Matching(AuditFilter),
    /// Those that changed the subject with this identifier.
    ChangesOf(String),
}

impl Wanted {
    pub(crate) fn matches(&self, entry: &Entry) -> bool {
        match self {
            Self::Matching(filter) => filter.matches(entry),
            Self::ChangesOf(subject) => {
                !entry.changes.is_empty() && entry.subject.as_ref().is_some_and(|about| about.id == *subject)
            }
        }
    }

    /// The filter of a list that has all these entries, and others perhaps.
    pub(crate) fn filter(&self) -> AuditFilter {
        match self {
            Self::Matching(filter) => filter.clone(),
            Self::ChangesOf(subject) => AuditFilter { subjects: [subject.clone()].into(), ..AuditFilter::default() },
        }
    }

    /// The fingerprints by which the index finds them: an entry has one of each set.
    pub(crate) fn terms(&self) -> Vec<Vec<Fingerprint>> {
        match self {
            Self::Matching(AuditFilter { actions, actors, subjects }) => {
                let sets = [(TermKind::Subject, subjects), (TermKind::Actor, actors), (TermKind::Action, actions)];
                let sets = sets.into_iter().filter(|(_, terms)| !terms.is_empty());
                sets.map(|(kind, terms)| terms.iter().map(|term| Fingerprint::of(kind, term)).collect()).collect()
            }
            Self::ChangesOf(subject) => vec![vec![Fingerprint::of(TermKind::ChangedSubject, subject)]],
        }
    }
}
