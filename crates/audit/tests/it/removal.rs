//! Chains from whose start entries were removed.

use audit::{
    ChainVerifier, Checkpoint, ENTRIES_REMOVED, Fault, Hash, Head, Link, Removal, StoredEntry, VerificationError,
    VerifiedChain, recorded_removal, verify_stored,
};
use kernel::{Action, Entry, Timestamp};
use proptest::{prelude::*, sample::Index};

use crate::{
    entries::{minimal_entry, organization},
    log::{MemoryLog, TestKey, history, ready_result},
};

fn verify(log: &MemoryLog, trusted: &[Checkpoint]) -> Result<VerifiedChain, Fault> {
    ready_result(verify_stored(log, organization(), &TestKey(1), trusted)).map_err(|failure| match failure {
        VerificationError::Fault(fault) => fault,
        VerificationError::Store(error) => panic!("the log in memory must never fail: {error}"),
    })
}

fn last_of(log: &MemoryLog, entries: usize) -> Head {
    let seal = log.entries[entries - 1].seal.expect("all entries are sealed");
    Head { sequence: seal.sequence, hash: seal.hash }
}

fn record(last: Head) -> Entry {
    let removal = Removal {
        first_sequence: 1,
        last,
        first_at: Timestamp::from_millis(0),
        last_at: Timestamp::from_millis(1),
        tree_root: None,
        policy: "a test".to_owned(),
    };
    Entry { action: ENTRIES_REMOVED, changes: removal.changes(), ..minimal_entry(1_000) }
}

/// The log without its first entries, as a store returns it after they were removed.
fn without_first(log: &MemoryLog, last: Head) -> MemoryLog {
    let is_left = |stored: &&StoredEntry| stored.seal.is_none_or(|seal| seal.sequence > last.sequence);
    MemoryLog {
        entries: log.entries.iter().filter(is_left).cloned().collect(),
        checkpoints: log.checkpoints.iter().filter(|checkpoint| checkpoint.sequence > last.sequence).copied().collect(),
        head: log.head,
        removed: last,
    }
}

proptest! {
    #[test]
    fn a_chain_verifies_after_its_first_entries_were_removed_if_it_records_that(log in history(), cut in any::<Index>()) {
        let last = last_of(&log, 1 + cut.index(log.entries.len()));
        let mut recorded = log.clone();
        recorded.append_sealed(vec![record(last)]);
        let complete = verify(&recorded, &[]).unwrap();
        prop_assert_eq!(complete.removed_through, 0, "before the removal, all entries are verified");

        let removed = without_first(&recorded, last);
        let expected = VerifiedChain {
            entries: removed.entries.len() as u64,
            removed_through: last.sequence,
            checkpoints: removed.checkpoints.len() as u64,
            ..complete
        };
        prop_assert_eq!(verify(&removed, &[]), Ok(expected));
        let with_trusted = verify(&removed, &recorded.checkpoints);
        prop_assert_eq!(with_trusted.map(|chain| chain.removed_through), Ok(last.sequence));

        prop_assert_eq!(verify(&without_first(&log, last), &[]), Err(Fault::UnrecordedRemoval { through: last.sequence }));
    }

    #[test]
    fn a_record_of_another_removal_is_no_record(log in history(), cut in any::<Index>(), other_hash in any::<bool>()) {
        let last = last_of(&log, 1 + cut.index(log.entries.len()));
        let other =
            if other_hash { Head { hash: Hash([7; 32]), ..last } } else { Head { sequence: last.sequence + 1, ..last } };
        let mut recorded = log.clone();
        recorded.append_sealed(vec![record(other)]);
        let removed = without_first(&recorded, last);
        prop_assert_eq!(verify(&removed, &[]), Err(Fault::UnrecordedRemoval { through: last.sequence }));
    }
}

#[test]
fn further_missing_entries_and_a_changed_start_are_faults() {
    let mut log = MemoryLog { entries: Vec::new(), checkpoints: Vec::new(), head: Head::EMPTY, removed: Head::EMPTY };
    (1..=6).for_each(|id| log.append_sealed(vec![minimal_entry(id)]));
    let last = last_of(&log, 3);
    log.append_sealed(vec![record(last)]);
    let mut removed = without_first(&log, last);
    removed.entries.remove(0);
    assert!(matches!(verify(&removed, &[]), Err(Fault::Gap { expected: 4, found: 5, .. })));

    let forged = MemoryLog { removed: Head { hash: Hash([7; 32]), ..last }, ..without_first(&log, last) };
    assert!(matches!(verify(&forged, &[]), Err(Fault::Unchained { sequence: 4, .. })));
}

#[test]
fn an_export_that_begins_in_the_middle_of_a_chain_must_contain_the_record() {
    let mut log = MemoryLog { entries: Vec::new(), checkpoints: Vec::new(), head: Head::EMPTY, removed: Head::EMPTY };
    (1..=6).for_each(|id| log.append_sealed(vec![minimal_entry(id)]));
    let last = last_of(&log, 3);
    log.append_sealed(vec![record(last)]);
    let verify = |start: Head, entries: &[StoredEntry]| {
        let mut verifier = ChainVerifier::starting_after(start, organization(), &TestKey(1));
        entries.iter().filter_map(Link::from_stored).try_for_each(|link| verifier.verify_entry(&link))?;
        verifier.finish()
    };
    assert_eq!(verify(last, &log.entries[3..]).unwrap().entries, 4);
    assert_eq!(verify(last, &log.entries[3..6]), Err(Fault::UnrecordedRemoval { through: 3 }));
    assert_eq!(verify(last_of(&log, 4), &log.entries[4..]), Err(Fault::UnrecordedRemoval { through: 4 }));
}

#[test]
fn only_an_entry_with_the_action_of_a_removal_records_one() {
    let last = Head { sequence: 4, hash: Hash([9; 32]) };
    let entry = record(last);
    assert_eq!(recorded_removal(&entry), Some(last));
    assert_eq!(recorded_removal(&Entry { action: Action::new("finding.created"), ..entry.clone() }), None);
    assert_eq!(recorded_removal(&Entry { changes: Vec::new(), ..entry }), None);
}
