//! The filter of a list of entries.

use audit::AuditFilter;
use kernel::{Action, Actor, Entry, Subject};

use crate::entries::minimal_entry;

/// An entry with this action, actor and subject.
fn entry(action: &'static str, actor: Option<&'static str>, subject: Option<&'static str>) -> Entry {
    let entry = minimal_entry(1);
    Entry {
        action: Action::new(action),
        actor: Actor { id: actor.map(Into::into), ..entry.actor },
        subject: subject.map(|id| Subject { kind: "finding".into(), id: id.to_owned() }),
        ..entry
    }
}

fn filter(actions: &[&str], actors: &[&str], subjects: &[&str]) -> AuditFilter {
    let set = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
    AuditFilter { actions: set(actions), actors: set(actors), subjects: set(subjects) }
}

#[test]
fn an_empty_filter_matches_every_entry() {
    for entry in [entry("finding.created", Some("svc_1"), Some("find_1")), entry("audit.exported", None, None)] {
        assert!(AuditFilter::default().matches(&entry));
    }
}

#[test]
fn a_filter_matches_an_entry_with_any_one_of_its_values() {
    let entry = entry("finding.created", Some("svc_1"), Some("find_1"));
    for filter in [
        filter(&["finding.created", "finding.updated"], &[], &[]),
        filter(&[], &["svc_0", "svc_1"], &[]),
        filter(&[], &[], &["find_1", "find_2"]),
    ] {
        assert!(filter.matches(&entry), "{filter:?}");
    }
    for filter in
        [filter(&["finding.updated"], &[], &[]), filter(&[], &["svc_0"], &[]), filter(&[], &[], &["find_2", "find_3"])]
    {
        assert!(!filter.matches(&entry), "{filter:?}");
    }
}

#[test]
fn a_filter_with_several_criteria_matches_only_entries_that_meet_all_of_them() {
    let filter = filter(&["finding.created"], &["svc_1"], &["find_1"]);
    assert!(filter.matches(&entry("finding.created", Some("svc_1"), Some("find_1"))));
    assert!(!filter.matches(&entry("finding.updated", Some("svc_1"), Some("find_1"))));
    assert!(!filter.matches(&entry("finding.created", Some("svc_2"), Some("find_1"))));
    assert!(!filter.matches(&entry("finding.created", Some("svc_1"), Some("find_2"))));
}

#[test]
fn an_entry_without_an_actor_or_a_subject_matches_no_filter_by_them() {
    let entry = entry("finding.listed", None, None);
    assert!(!filter(&[], &["svc_1"], &[]).matches(&entry));
    assert!(!filter(&[], &[""], &[]).matches(&entry));
    assert!(!filter(&[], &[], &["find_1"]).matches(&entry));
    assert!(!filter(&[], &[], &[""]).matches(&entry));
}
