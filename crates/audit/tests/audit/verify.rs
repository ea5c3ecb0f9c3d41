//! The chain verifier, with entries passed as from an export.

use audit::{Checkpoint, Fault, Hash, Head, Link, Recorded, Verdict, Verification};
use kernel::{Id, Organization, Timestamp};
use proptest::{prelude::*, sample::Index};
use ulid::Ulid;

use crate::{
    entries::organization,
    log::{Key, Log, history},
};

fn walk(trusted: &[Checkpoint], entries: &[Recorded]) -> Result<Verdict, Fault> {
    let mut verifier = Verification::new(organization(), &Key(1));
    trusted.iter().try_for_each(|checkpoint| verifier.checkpoint(checkpoint))?;
    entries.iter().filter_map(Link::of).try_for_each(|link| verifier.entry(&link))?;
    verifier.finish()
}

fn resealed_from(log: &Log, index: usize) -> Log {
    let last_seal = index.checked_sub(1).and_then(|last| log.entries[last].seal);
    let head = last_seal.map_or(Head::EMPTY, |seal| Head { sequence: seal.sequence, hash: seal.hash });
    let mut forged = Log { entries: log.entries[..index].to_vec(), checkpoints: Vec::new(), head };
    let mut tail: Vec<_> = log.entries[index..].iter().map(|stored| stored.entry.clone()).collect();
    tail[0].actor.name = format!("not {}", tail[0].actor.name).into();
    forged.grow(tail);
    forged
}

proptest! {
    #[test]
    fn any_history_verifies_with_its_checkpoints_in_any_place(log in history(), early in any::<Index>()) {
        let (early, merged) = log.checkpoints.split_at(early.index(log.checkpoints.len()));
        let mut verifier = Verification::new(organization(), &Key(1));
        early.iter().try_for_each(|checkpoint| verifier.checkpoint(checkpoint)).unwrap();
        for link in log.entries.iter().filter_map(Link::of) {
            verifier.entry(&link).unwrap();
            for checkpoint in merged.iter().filter(|checkpoint| checkpoint.sequence == link.sequence) {
                verifier.checkpoint(checkpoint).unwrap();
            }
        }
        prop_assert_eq!(verifier.finish().unwrap(), Verdict {
            entries: log.entries.len() as u64,
            head: log.head,
            checkpoints: log.checkpoints.len() as u64,
            signed_through: log.head.sequence,
        });
    }

    #[test]
    fn a_cut_tail_is_found_with_the_last_checkpoint(log in history(), cut in any::<Index>()) {
        let last = log.checkpoints.last().unwrap();
        let remaining = &log.entries[..cut.index(log.entries.len())];
        prop_assert_eq!(walk(&[], remaining).unwrap().signed_through, 0);
        prop_assert_eq!(
            walk(&[*last], remaining).unwrap_err(),
            Fault::TailCut { last: remaining.len() as i64, sequence: last.sequence, signed_at: last.signed_at }
        );
    }

    #[test]
    fn a_tail_rewritten_with_hashes_that_fit_is_found_with_a_trusted_checkpoint(log in history(), from in any::<Index>()) {
        let from = from.index(log.entries.len());
        let forged = resealed_from(&log, from);
        prop_assert!(walk(&[], &forged.entries).is_ok());
        let broken = log.checkpoints.iter().find(|checkpoint| checkpoint.sequence > from as i64).unwrap();
        let entry = &forged.entries[usize::try_from(broken.sequence).unwrap() - 1].entry;
        prop_assert_eq!(
            walk(&log.checkpoints, &forged.entries).unwrap_err(),
            Fault::Rewritten { id: entry.id, sequence: broken.sequence, signed_at: broken.signed_at }
        );
    }

    #[test]
    fn two_lines_that_changed_places_are_found_at_the_first(log in history(), pair in any::<[Index; 2]>()) {
        let [one, other] = pair.map(|index| index.index(log.entries.len()));
        prop_assume!(one != other);
        let mut entries = log.entries.clone();
        entries.swap(one, other);
        let (first, second) = (one.min(other), one.max(other));
        prop_assert_eq!(walk(&[], &entries).unwrap_err(), Fault::Gap {
            id: entries[first].entry.id,
            expected: first as i64 + 1,
            found: second as i64 + 1,
        });
    }

    #[test]
    fn a_line_that_stands_twice_is_found(log in history(), twice in any::<Index>()) {
        let twice = twice.index(log.entries.len());
        let mut entries = log.entries.clone();
        entries.insert(twice, entries[twice].clone());
        prop_assert_eq!(walk(&[], &entries).unwrap_err(), Fault::Misplaced {
            id: entries[twice].entry.id,
            expected: twice as i64 + 2,
            found: twice as i64 + 1,
        });
    }
}

#[test]
fn a_checkpoint_is_refused_that_another_key_signed_or_another_chain_has() {
    let at = Timestamp::from_millis(0);
    let mut verifier = Verification::new(organization(), &Key(1));
    let foreign_key = Checkpoint::sign(&Key(2), organization(), 3, Hash::NONE, at);
    assert_eq!(verifier.checkpoint(&foreign_key), Err(Fault::BadSignature { sequence: 3 }));
    let altered = Checkpoint { sequence: 2, ..Checkpoint::sign(&Key(1), organization(), 3, Hash::NONE, at) };
    assert_eq!(verifier.checkpoint(&altered), Err(Fault::BadSignature { sequence: 2 }));
    let other = Id::<Organization>::new(Ulid::nil());
    let foreign_chain = Checkpoint::sign(&Key(1), other, 3, Hash::NONE, at);
    assert_eq!(verifier.checkpoint(&foreign_chain), Err(Fault::ForeignCheckpoint { sequence: 3, organization: other }));
}

#[test]
fn a_fault_is_told_in_words_that_name_the_entry() {
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
fn a_checkpoint_after_entries_that_follow_its_place_is_refused() {
    let mut log = Log { entries: Vec::new(), checkpoints: Vec::new(), head: Head::EMPTY };
    for id in 1..=2 {
        log.grow(vec![crate::entries::plain(id)]);
    }
    let mut verifier = Verification::new(organization(), &Key(1));
    log.entries.iter().filter_map(Link::of).try_for_each(|link| verifier.entry(&link)).unwrap();
    assert_eq!(verifier.checkpoint(&log.checkpoints[0]), Err(Fault::LateCheckpoint { sequence: 1 }));
    assert_eq!(verifier.checkpoint(&log.checkpoints[1]), Ok(()));
}
