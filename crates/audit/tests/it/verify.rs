//! The chain verifier, with entries passed as from an export.

use audit::{ChainVerifier, Checkpoint, Fault, Hash, Head, Link, StoredEntry, VerifiedChain};
use kernel::{Id, Organization, Timestamp};
use proptest::{prelude::*, sample::Index};
use ulid::Ulid;

use crate::{
    entries::organization,
    log::{MemoryLog, TestKey, history},
};

fn verify(trusted: &[Checkpoint], entries: &[StoredEntry]) -> Result<VerifiedChain, Fault> {
    let mut verifier = ChainVerifier::new(organization(), &TestKey(1));
    trusted.iter().try_for_each(|checkpoint| verifier.verify_checkpoint(checkpoint))?;
    entries.iter().filter_map(Link::from_stored).try_for_each(|link| verifier.verify_entry(&link))?;
    verifier.finish()
}

fn forged_from(log: &MemoryLog, index: usize) -> MemoryLog {
    let last_seal = index.checked_sub(1).and_then(|last| log.entries[last].seal);
    let head = last_seal.map_or(Head::EMPTY, |seal| Head { sequence: seal.sequence, hash: seal.hash });
    let mut forged =
        MemoryLog { entries: log.entries[..index].to_vec(), checkpoints: Vec::new(), head, removed: Head::EMPTY };
    let mut tail: Vec<_> = log.entries[index..].iter().map(|stored| stored.entry.clone()).collect();
    tail[0].actor.name = format!("not {}", tail[0].actor.name).into();
    forged.append_sealed(tail);
    forged
}

proptest! {
    #[test]
    fn any_history_verifies_with_its_checkpoints_passed_early_or_merged(log in history(), early in any::<Index>()) {
        let (early, merged) = log.checkpoints.split_at(early.index(log.checkpoints.len()));
        let mut verifier = ChainVerifier::new(organization(), &TestKey(1));
        early.iter().try_for_each(|checkpoint| verifier.verify_checkpoint(checkpoint)).unwrap();
        for link in log.entries.iter().filter_map(Link::from_stored) {
            verifier.verify_entry(&link).unwrap();
            for checkpoint in merged.iter().filter(|checkpoint| checkpoint.sequence == link.sequence) {
                verifier.verify_checkpoint(checkpoint).unwrap();
            }
        }
        prop_assert_eq!(verifier.finish().unwrap(), VerifiedChain {
            entries: log.entries.len() as u64,
            removed_through: 0,
            head: log.head,
            checkpoints: log.checkpoints.len() as u64,
            signed_through: log.head.sequence,
        });
    }

    #[test]
    fn a_removed_tail_is_detected_with_the_last_checkpoint(log in history(), cut in any::<Index>()) {
        let last = log.checkpoints.last().unwrap();
        let remaining = &log.entries[..cut.index(log.entries.len())];
        prop_assert_eq!(verify(&[], remaining).unwrap().signed_through, 0);
        prop_assert_eq!(
            verify(&[*last], remaining).unwrap_err(),
            Fault::TailCut { last: remaining.len() as i64, sequence: last.sequence, signed_at: last.signed_at }
        );
    }

    #[test]
    fn a_tail_rewritten_with_matching_hashes_is_detected_with_a_trusted_checkpoint(log in history(), from in any::<Index>()) {
        let from = from.index(log.entries.len());
        let forged = forged_from(&log, from);
        prop_assert!(verify(&[], &forged.entries).is_ok());
        let broken = log.checkpoints.iter().find(|checkpoint| checkpoint.sequence > from as i64).unwrap();
        let entry = &forged.entries[usize::try_from(broken.sequence).unwrap() - 1].entry;
        prop_assert_eq!(
            verify(&log.checkpoints, &forged.entries).unwrap_err(),
            Fault::Rewritten { id: entry.id, sequence: broken.sequence, signed_at: broken.signed_at }
        );
    }

    #[test]
    fn swapped_lines_are_reported_at_the_first_of_the_two(log in history(), pair in any::<[Index; 2]>()) {
        let [one, other] = pair.map(|index| index.index(log.entries.len()));
        prop_assume!(one != other);
        let mut entries = log.entries.clone();
        entries.swap(one, other);
        let (first, second) = (one.min(other), one.max(other));
        prop_assert_eq!(verify(&[], &entries).unwrap_err(), Fault::Gap {
            id: entries[first].entry.id,
            expected: first as i64 + 1,
            found: second as i64 + 1,
        });
    }

    #[test]
    fn a_duplicated_line_is_detected(log in history(), twice in any::<Index>()) {
        let twice = twice.index(log.entries.len());
        let mut entries = log.entries.clone();
        entries.insert(twice, entries[twice].clone());
        prop_assert_eq!(verify(&[], &entries).unwrap_err(), Fault::Misplaced {
            id: entries[twice].entry.id,
            expected: twice as i64 + 2,
            found: twice as i64 + 1,
        });
    }
}

#[test]
fn a_checkpoint_of_another_key_or_another_chain_is_refused() {
    let at = Timestamp::from_millis(0);
    let mut verifier = ChainVerifier::new(organization(), &TestKey(1));
    let foreign_key = Checkpoint::sign(&TestKey(2), organization(), 3, Hash::ZERO, at);
    assert_eq!(verifier.verify_checkpoint(&foreign_key), Err(Fault::BadSignature { sequence: 3 }));
    let altered = Checkpoint { sequence: 2, ..Checkpoint::sign(&TestKey(1), organization(), 3, Hash::ZERO, at) };
    assert_eq!(verifier.verify_checkpoint(&altered), Err(Fault::BadSignature { sequence: 2 }));
    let other = Id::<Organization>::new(Ulid::nil());
    let foreign_chain = Checkpoint::sign(&TestKey(1), other, 3, Hash::ZERO, at);
    assert_eq!(
        verifier.verify_checkpoint(&foreign_chain),
        Err(Fault::ForeignCheckpoint { sequence: 3, organization: other })
    );
}

#[test]
fn the_message_of_a_fault_names_the_entry() {
    let id = "aud_01BX5ZZKBKACTAV9WEVGEMMVRZ".parse().unwrap();
    let fault = Fault::Gap { id, expected: 4, found: 6 };
    assert_eq!(
        fault.to_string(),
        "entry aud_01BX5ZZKBKACTAV9WEVGEMMVRZ has sequence 6, but 4 was expected: the entries before it were removed"
    );
    let fault = Fault::TailCut { last: 4, sequence: 9, signed_at: Timestamp::from_millis(0) };
    assert_eq!(
        fault.to_string(),
        "the chain ends at sequence 4, but a checkpoint signed at 1970-01-01T00:00:00.000Z covers it up to 9: \
         the last entries were removed"
    );
}

#[test]
fn a_checkpoint_passed_after_entries_that_follow_it_is_refused() {
    let mut log = MemoryLog { entries: Vec::new(), checkpoints: Vec::new(), head: Head::EMPTY, removed: Head::EMPTY };
    for id in 1..=2 {
        log.append_sealed(vec![crate::entries::minimal_entry(id)]);
    }
    let mut verifier = ChainVerifier::new(organization(), &TestKey(1));
    log.entries.iter().filter_map(Link::from_stored).try_for_each(|link| verifier.verify_entry(&link)).unwrap();
    assert_eq!(verifier.verify_checkpoint(&log.checkpoints[0]), Err(Fault::LateCheckpoint { sequence: 1 }));
    assert_eq!(verifier.verify_checkpoint(&log.checkpoints[1]), Ok(()));
}
