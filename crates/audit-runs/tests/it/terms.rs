//! The index: the blocks that may have a term.

use std::collections::{BTreeMap, BTreeSet};

use audit_runs::{BLOCK_ENTRIES, Fingerprint, SegmentTerms, TermKind, merge_terms, merged_blocks, merged_row_contains};
use kernel::Entry;
use proptest::{collection::vec, prelude::*};

use crate::workload::{mixed, reads};

fn terms_of(entry: &Entry) -> Vec<Fingerprint> {
    let mut terms = vec![Fingerprint::of(TermKind::Action, entry.action.as_str())];
    terms.extend(entry.actor.id.iter().map(|id| Fingerprint::of(TermKind::Actor, id)));
    if let Some(subject) = &entry.subject {
        terms.push(Fingerprint::of(TermKind::Subject, &subject.id));
        if !entry.changes.is_empty() {
            terms.push(Fingerprint::of(TermKind::ChangedSubject, &subject.id));
        }
    }
    terms
}

#[test]
fn each_block_is_found_by_the_terms_of_its_entries_and_by_no_others() {
    let list = mixed(1_000);
    let terms = SegmentTerms::decode(&SegmentTerms::of(&list).encode()).unwrap();
    let mut blocks = BTreeMap::<Fingerprint, u16>::new();
    for (index, entry) in list.iter().enumerate() {
        for term in terms_of(entry) {
            *blocks.entry(term).or_default() |= 1 << (index / BLOCK_ENTRIES);
        }
    }
    for (term, expected) in blocks {
        assert_eq!(terms.blocks(term), expected);
    }
    assert_eq!(terms.blocks(Fingerprint::of(TermKind::Actor, "nobody")), 0);
    assert_eq!(terms.blocks(Fingerprint::of(TermKind::Subject, list[0].action.as_str())), 0);
}

#[test]
fn a_fingerprint_is_the_start_of_a_hash_of_kind_and_term() {
    // Computed by `printf '\x02find_1' | sha256sum`.
    assert_eq!(Fingerprint::of(TermKind::Subject, "find_1"), Fingerprint(FIND_1));
    assert_eq!(Fingerprint(u32::MAX).bucket(), 2_047);
    assert_eq!(Fingerprint((1 << 21) - 1).bucket(), 0);
}

const FIND_1: u32 = 0x4fbe_0dcb;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn merged_rows_find_the_blocks_of_all_segments(sizes in vec(0_usize..700, 0..6)) {
        let list = mixed(4_096);
        let mut rest = list.as_slice();
        let segments: Vec<&[Entry]> = sizes.iter().filter_map(|size| rest.split_off(..*size)).collect();
        let terms: Vec<SegmentTerms> = segments.iter().map(|entries| SegmentTerms::of(entries)).collect();
        let rows = merge_terms(&terms);
        prop_assert!(rows.is_sorted_by(|(a, _), (b, _)| a < b));
        let find = |term: Fingerprint| match rows.iter().find(|(bucket, _)| *bucket == term.bucket()) {
            Some((_, row)) => merged_blocks(row, term).unwrap(),
            None => Vec::new(),
        };
        let blocks_of: BTreeSet<(u32, u16)> = segments
            .iter()
            .enumerate()
            .flat_map(|(segment, entries)| entries.iter().enumerate().map(move |(index, entry)| (segment * 16 + index / 256, entry)))
            .flat_map(|(block, entry)| terms_of(entry).into_iter().map(move |term| (term.0 >> 4, block as u16)))
            .collect();
        for term in segments.iter().copied().flatten().step_by(7).flat_map(terms_of).chain([Fingerprint(0), Fingerprint(u32::MAX)]) {
            // A merged row has 28 bits of each fingerprint.
            let expected: Vec<u16> = blocks_of.iter().filter(|(kept, _)| *kept == term.0 >> 4).map(|(_, block)| *block).collect();
            prop_assert_eq!(find(term), expected);
        }
    }
}

#[test]
fn segments_and_merged_rows_contain_what_has_no_other_term_or_block() {
    let list = mixed(1_000);
    let (all, start, none) = (SegmentTerms::of(&list), SegmentTerms::of(&list[..700]), SegmentTerms::default());
    let end = SegmentTerms::after_removed(700, list[700..].iter().map(Some));
    for part in [&start, &end, &none, &all] {
        assert!(all.contains_all(part) && (part == &all || !part.contains_all(&all)));
        let rows = merge_terms(std::slice::from_ref(&all));
        for (bucket, expected) in merge_terms(std::slice::from_ref(part)) {
            let (_, row) = rows.iter().find(|(found, _)| *found == bucket).unwrap();
            assert!(merged_row_contains(row, &expected).unwrap());
            assert_eq!(merged_row_contains(&expected, row).unwrap(), &expected == row);
        }
    }
    // The same terms in another block.
    let moved = SegmentTerms::after_removed(256, list[..700].iter().map(Some));
    assert!(!moved.contains_all(&start) && !start.contains_all(&moved));
}

#[test]
fn a_term_of_all_blocks_of_256_segments_takes_a_bit_for_each() {
    let entries = reads(4_096);
    let segment = SegmentTerms::of(&entries);
    let term = Fingerprint::of(TermKind::Action, entries[0].action.as_str());
    assert_eq!(segment.blocks(term), u16::MAX);
    let rows = merge_terms(&vec![segment; 256]);
    let (_, row) = rows.iter().find(|(bucket, _)| *bucket == term.bucket()).unwrap();
    assert_eq!(merged_blocks(row, term).unwrap(), (0..4_096).collect::<Vec<u16>>());
}
