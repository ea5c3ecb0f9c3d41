//! Entries whose content was removed.

use audit::Hash;
use audit_runs::{
    Effort, Fingerprint, RunEntry, SegmentTerms, TermKind, decode, decode_with_stubs, encode_sealed_with_stubs,
};
use proptest::prelude::*;

use crate::{
    entries::{anchors, entries, organization, with_stubs},
    workload::mixed,
};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn entries_and_stubs_come_back_as_they_were(list in entries(40)) {
        let anchors = anchors(1, &list);
        let items = with_stubs(list);
        let bytes = encode_sealed_with_stubs(organization(), 1, &items, &anchors, Effort::Quick);
        let (header, decoded) = decode_with_stubs(&bytes).unwrap();
        prop_assert_eq!(header.has_stubs(), items.len() > 1);
        prop_assert_eq!(decoded, items);
    }
}

#[test]
fn a_run_with_stubs_is_refused_where_only_entries_are_expected() {
    let list = mixed(300);
    let anchors = anchors(1, &list);
    let items = with_stubs(list);
    let RunEntry::Stub { id, .. } = items[1] else { panic!("the second is a stub") };
    let bytes = encode_sealed_with_stubs(organization(), 1, &items, &anchors, Effort::Quick);
    assert_eq!(decode(&bytes).unwrap_err().to_string(), format!("the content of the entry {id} was removed"));
}

fn terms(entries: &[RunEntry]) -> SegmentTerms {
    SegmentTerms::after_removed(0, entries.iter().map(RunEntry::content))
}

#[test]
fn stubs_have_no_fingerprints() {
    let list = mixed(300);
    let items: Vec<RunEntry> = list.iter().cloned().map(RunEntry::Entry).collect();
    assert_eq!(terms(&items), SegmentTerms::of(&list));
    let stubs: Vec<RunEntry> = list.iter().map(|entry| RunEntry::Stub { id: entry.id, hash: Hash::ZERO }).collect();
    assert_eq!(terms(&stubs), SegmentTerms::default());
    // Entries behind stubs keep their blocks.
    let last = list[299].clone();
    let term = Fingerprint::of(TermKind::Action, last.action.as_str());
    let of_last = terms(&[&stubs[..299], &[RunEntry::Entry(last)]].concat());
    assert_eq!(of_last.blocks(term), 2);
}
