//! Entries come back as they were.

use audit::{Hash, hash_entry};
use audit_runs::{Dictionary, Effort, Header, MAX_ENTRIES, decode, encode_sealed, encode_waiting};
use kernel::Entry;
use proptest::prelude::*;

use crate::{
    entries::{anchors, entries, organization},
    workload::reads,
};

fn hashes(entries: &[Entry]) -> Vec<Hash> {
    entries.iter().map(|entry| hash_entry(entry, 1, Hash::ZERO)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn sealed_entries_come_back_as_they_were(list in entries(40), first in 1_i64..600, thorough: bool) {
        let effort = if thorough { Effort::Thorough } else { Effort::Quick };
        let anchors = anchors(first, &list);
        let bytes = encode_sealed(organization(), first, &list, &anchors, effort);
        let (header, decoded) = decode(&bytes).unwrap();
        prop_assert_eq!(hashes(&decoded), hashes(&list));
        prop_assert_eq!(decoded, list);
        prop_assert_eq!((header.organization, header.first_sequence), (organization(), first));
        prop_assert_eq!(header.anchors, anchors);
    }

    #[test]
    fn waiting_entries_come_back_as_they_were(list in entries(40)) {
        let bytes = encode_waiting(organization(), &list.iter().collect::<Vec<_>>());
        let (header, decoded) = decode(&bytes).unwrap();
        prop_assert_eq!(decoded, list);
        prop_assert_eq!((header.first_sequence, header.anchors.len()), (0, 0));
    }
}

#[test]
fn a_segment_is_read_by_blocks() {
    let list = reads(MAX_ENTRIES);
    let anchors = anchors(4_097, &list);
    let bytes = encode_sealed(organization(), 4_097, &list, &anchors, Effort::Thorough);
    let header = Header::parse(&bytes[..Header::MAX_LENGTH]).unwrap();
    assert_eq!((header.blocks(), header.entries, header.length()), (16, MAX_ENTRIES, bytes.len()));
    assert_eq!(header.dictionary().start, Header::MAX_LENGTH);
    let dictionary = Dictionary::decode(&header, &bytes[header.dictionary()]).unwrap();
    for block in [15, 0, 7] {
        let decoded = dictionary.decode_block(&header, block, &bytes[header.block(block)]).unwrap();
        assert_eq!(decoded, list[block * 256..(block + 1) * 256]);
        let first = 4_097 + block as i64 * 256;
        assert_eq!(header.sequences(block), first..first + 256);
    }
    assert!(dictionary.decode_block(&header, 16, &[]).is_err());
}

#[test]
fn a_run_that_begins_within_a_block_is_divided_where_blocks_begin() {
    let list = reads(300);
    for (first, divided) in [
        (1, vec![1..257, 257..301]),
        (250, vec![250..257, 257..513, 513..550]),
        (256, vec![256..257, 257..513, 513..556]),
    ] {
        let bytes = encode_sealed(organization(), first, &list, &anchors(first, &list), Effort::Quick);
        let (header, decoded) = decode(&bytes).unwrap();
        assert_eq!(decoded, list);
        assert_eq!((0..header.blocks()).map(|block| header.sequences(block)).collect::<Vec<_>>(), divided);
    }
    let waiting = encode_waiting(organization(), &list.iter().collect::<Vec<_>>());
    let header = Header::parse(&waiting).unwrap();
    assert_eq!((0..header.blocks()).map(|block| header.sequences(block)).collect::<Vec<_>>(), [0..256, 256..300]);
}

#[test]
fn a_run_may_be_empty() {
    let (header, entries) = decode(&encode_waiting(organization(), &[])).unwrap();
    assert_eq!((header.blocks(), header.entries, entries.len()), (0, 0, 0));
    let (header, _) = decode(&encode_sealed(organization(), 1, &[], &[], Effort::Quick)).unwrap();
    assert_eq!((header.blocks(), header.first_sequence), (0, 1));
}
