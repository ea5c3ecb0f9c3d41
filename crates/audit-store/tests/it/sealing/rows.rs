//! Rows and their numbers.

use std::{sync::Arc, time::Duration};

use kernel::{Entry, StoreError, Timestamp, Ulid};
use novantra_audit_store::{RowWriter, read_row};
use proptest::prelude::*;
use store_contract::{TestEntropy, samples};

use super::world::organization;
use crate::made_log::TestKey;

fn writer() -> RowWriter {
    let writer = RowWriter::new(Ulid::from_parts(1_779_718_113_000, 7));
    writer.set_key(Arc::new(TestKey));
    writer
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(1_779_718_113_000 + seconds * 1000)
}

fn entries(organizations: &[u128]) -> Vec<Entry> {
    let entropy = TestEntropy::default();
    let entry = |(index, number): (usize, &u128)| match index % 3 {
        0 => samples::full_entry(&entropy, organization(*number), at(index as i64)),
        _ => samples::entry(&entropy, organization(*number), at(index as i64)),
    };
    organizations.iter().enumerate().map(entry).collect()
}

fn refs(entries: &[Entry]) -> Vec<&Entry> {
    entries.iter().collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_row_reads_back_as_the_entries_that_were_written_and_no_changed_bit_is_accepted(
        organizations in prop::collection::vec(1_u128..5, 1..12), given_up in 0_usize..3, bit in any::<prop::sample::Index>()
    ) {
        let (writer, entries) = (writer(), entries(&organizations));
        for _ in 0..given_up {
            drop(writer.prepare(&refs(&entries)).unwrap());
        }
        let mut rows = writer.prepare(&refs(&entries)).unwrap();
        prop_assert_eq!(rows.len(), 1);
        let row = rows.remove(0).row.clone();
        let read = read_row(&row, Some(&TestKey)).unwrap();
        prop_assert_eq!(read.number, given_up as u64 + 1);
        prop_assert_eq!(read.given_up.iter().cloned().flatten().count(), given_up);
        let mut sorted = entries.clone();
        sorted.sort_by_key(|entry| entry.organization);
        let parts: Vec<Entry> = read.parts.into_iter().flat_map(|(_, entries)| entries).collect();
        prop_assert_eq!(parts, sorted);
        let mut changed = row.clone();
        let bit = bit.index(row.body.len() * 8);
        changed.body[bit / 8] ^= 1 << (bit % 8);
        prop_assert!(read_row(&changed, Some(&TestKey)).is_err());
        let mut moved = row.clone();
        moved.key.id = Ulid(moved.key.id.0 ^ 1);
        prop_assert!(read_row(&moved, Some(&TestKey)).is_err());
        moved = row;
        moved.entries += 1;
        prop_assert!(read_row(&moved, Some(&TestKey)).is_err());
    }

    #[test]
    fn every_number_is_that_of_a_stored_row_or_given_up_in_a_later_stored_row(
        outcomes in prop::collection::vec(any::<bool>(), 1..60)
    ) {
        let (writer, entries) = (writer(), entries(&[1]));
        let mut found = Vec::new();
        for is_stored in outcomes {
            for prepared in writer.prepare(&refs(&entries)).unwrap() {
                if is_stored {
                    found.push(read_row(&prepared.row, Some(&TestKey)).unwrap());
                    prepared.stored();
                }
            }
        }
        let last = writer.prepare_empty(at(1), true).unwrap().unwrap();
        found.push(read_row(&last.row, Some(&TestKey)).unwrap());
        last.stored();
        let mut numbers: Vec<u64> = found.iter().map(|row| row.number).collect();
        numbers.extend(found.iter().flat_map(|row| row.given_up.iter().cloned().flatten()));
        numbers.sort_unstable();
        numbers.dedup();
        let end = found.last().unwrap().number;
        prop_assert_eq!(numbers, (1..=end).collect::<Vec<_>>());
        prop_assert!(found.last().unwrap().is_last);
    }
}

#[test]
fn given_up_numbers_are_named_until_a_row_that_names_them_is_stored() {
    let (writer, entries) = (writer(), entries(&[1]));
    let named = |row: &audit::tables::WaitingRow| read_row(row, Some(&TestKey)).unwrap().given_up;
    drop(writer.prepare(&refs(&entries)).unwrap());
    let second = writer.prepare(&refs(&entries)).unwrap().remove(0);
    assert_eq!(named(&second.row), [1..=1]);
    drop(second);
    let third = writer.prepare(&refs(&entries)).unwrap().remove(0);
    let fourth = writer.prepare(&refs(&entries)).unwrap().remove(0);
    assert_eq!((named(&third.row), named(&fourth.row)), (vec![1..=2], vec![1..=2]));
    third.stored();
    drop(fourth);
    assert_eq!(named(&writer.prepare(&refs(&entries)).unwrap()[0].row), [4..=4]);
}

#[test]
fn an_empty_row_follows_rows_once_and_a_process_that_wrote_nothing_has_none() {
    let (writer, entries) = (writer(), entries(&[1, 2]));
    assert!(writer.prepare_empty(at(0), true).unwrap().is_none());
    let store = |prepared: Vec<novantra_audit_store::PreparedRow>| prepared.into_iter().for_each(|row| row.stored());
    store(writer.prepare(&refs(&entries)).unwrap());
    let first = writer.prepare_empty(at(5), false).unwrap().unwrap();
    store(writer.prepare(&refs(&entries)).unwrap());
    first.stored();
    let second = writer.prepare_empty(at(10), false).unwrap().expect("a row was stored after the first one was made");
    drop(second);
    writer.prepare_empty(at(15), false).unwrap().expect("the second was given up").stored();
    assert!(writer.prepare_empty(at(20), false).unwrap().is_none());
}

#[test]
fn an_idle_process_continues_under_another_identity() {
    let (writer, entries) = (writer(), entries(&[1]));
    let before = writer.prepare(&refs(&entries)).unwrap().remove(0);
    let first = read_row(&before.row, Some(&TestKey)).unwrap().writer;
    before.stored();
    writer.prepare_empty(at(5), false).unwrap().unwrap().stored();
    assert!(writer.prepare_empty(at(24 * 3600), false).unwrap().is_none());
    let last = writer.prepare_empty(at(25 * 3600), false).unwrap().unwrap();
    let read = read_row(&last.row, Some(&TestKey)).unwrap();
    assert_eq!((read.writer, read.number, read.is_last), (first, 3, true));
    let next = writer.prepare(&refs(&entries)).unwrap().remove(0);
    last.stored();
    let read = read_row(&next.row, Some(&TestKey)).unwrap();
    assert_eq!((read.writer == first, read.number, read.given_up.len()), (false, 1, 0));
    next.stored();
    assert!(writer.prepare_empty(at(25 * 3600), false).unwrap().is_some());
}

#[test]
fn entries_that_are_too_large_for_a_row_are_split_and_rows_need_the_key() {
    let mut large = entries(&[1; 40]);
    for (number, entry) in large.iter_mut().enumerate() {
        // What compresses badly: each entry has about 100 KB.
        let text: String = (0..1600)
            .map(|line| audit::Hash::digest(&[number.to_le_bytes(), usize::to_le_bytes(line)].concat()).to_string())
            .collect();
        entry.origin.user_agent = Some(text);
    }
    let rows = writer().prepare(&refs(&large)).unwrap();
    assert!(rows.len() > 1 && rows.iter().all(|row| row.row.body.len() < (1 << 20) + 200));
    let read: Vec<_> = rows.iter().map(|row| read_row(&row.row, Some(&TestKey)).unwrap()).collect();
    let found: Vec<Entry> = read.iter().flat_map(|row| row.parts[0].1.clone()).collect();
    assert_eq!(found, large);
    assert_eq!(read.iter().map(|row| row.number).collect::<Vec<_>>(), (1..=rows.len() as u64).collect::<Vec<_>>());
    let without_key = RowWriter::new(Ulid(1));
    assert!(matches!(without_key.prepare(&refs(&large)), Err(StoreError::Unavailable(_))));
    assert!(without_key.prepare_empty(at(0) + Duration::from_secs(1), true).unwrap().is_none());
}
