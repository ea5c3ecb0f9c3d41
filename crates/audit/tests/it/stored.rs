//! Verification of a stored chain after someone tampered with the database.

use audit::{Checkpoint, Fault, Hash, Head, VerificationError, VerifiedChain, verify_stored};
use kernel::{ActorKind, Change, Entry, FieldValue, Id, Reason, Subject, Timestamp};
use proptest::{prelude::*, sample::Index};
use ulid::Ulid;

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

/// Changes of single fields, at least one for each field of an entry.
const TAMPERINGS: &[fn(&mut Entry)] = &[
    |entry| entry.id = Id::new(Ulid::from(u128::from(entry.id.ulid()) ^ 1)),
    |entry| entry.organization = Id::new(Ulid::nil()),
    |entry| entry.occurred_at = Timestamp::from_millis(entry.occurred_at.millis() ^ 1),
    |entry| entry.wall_clock = if entry.wall_clock.is_some() { None } else { Some(entry.occurred_at) },
    |entry| {
        entry.actor.kind = if entry.actor.kind == ActorKind::User { ActorKind::System } else { ActorKind::User };
    },
    |entry| entry.actor.id = if entry.actor.id.is_some() { None } else { Some("".into()) },
    |entry| entry.actor.name = format!("{}x", entry.actor.name).into(),
    |entry| entry.action = kernel::Action(format!("{}x", entry.action).into()),
    |entry| {
        entry.subject = match entry.subject.take() {
            Some(_) => None,
            None => Some(Subject { kind: "finding".into(), id: String::new() }),
        }
    },
    |entry| {
        entry.reason = match entry.reason.take() {
            Some(_) => None,
            None => Reason::parse("another reason").ok(),
        }
    },
    |entry| entry.changes.push(Change { field: "title".into(), before: FieldValue::Null, after: FieldValue::Null }),
    |entry| match entry.changes.first_mut() {
        Some(change) => change.field = format!("{}x", change.field).into(),
        None => entry.status = Some(entry.status.map_or(200, |status| status ^ 1)),
    },
    |entry| match entry.changes.first_mut() {
        Some(change) => change.before = different_value(&change.before),
        None => entry.status = Some(entry.status.map_or(200, |status| status ^ 1)),
    },
    |entry| match entry.changes.first_mut() {
        Some(change) => change.after = different_value(&change.after),
        None => entry.status = Some(entry.status.map_or(200, |status| status ^ 1)),
    },
    |entry| entry.origin.request_id = Id::new(Ulid::from(u128::from(entry.origin.request_id.ulid()) ^ 1)),
    |entry| entry.origin.method = Some(format!("{}x", entry.origin.method.take().unwrap_or_default()).into()),
    |entry| entry.origin.route = Some(format!("{}x", entry.origin.route.take().unwrap_or_default()).into()),
    |entry| entry.origin.source_address = Some(format!("{}x", entry.origin.source_address.take().unwrap_or_default())),
    |entry| entry.origin.user_agent = Some(format!("{}x", entry.origin.user_agent.take().unwrap_or_default())),
    |entry| entry.status = Some(entry.status.map_or(200, |status| status ^ 1)),
];

fn different_value(value: &FieldValue) -> FieldValue {
    if *value == FieldValue::Null { FieldValue::Text("null".into()) } else { FieldValue::Null }
}

proptest! {
    #[test]
    fn any_history_verifies(log in history()) {
        let verified = verify(&log, &log.checkpoints).unwrap();
        prop_assert_eq!(verified.entries, log.entries.len() as u64);
        prop_assert_eq!(verified.head, log.head);
        prop_assert_eq!(verified.signed_through, log.head.sequence);
    }

    #[test]
    fn a_change_of_any_field_is_reported_with_its_entry(log in history(), index in any::<Index>(), tampering in any::<Index>()) {
        let index = index.index(log.entries.len());
        let mut log = log;
        let stored = &mut log.entries[index];
        let before = stored.entry.clone();
        tampering.get(TAMPERINGS)(&mut stored.entry);
        prop_assert_ne!(&before, &stored.entry);
        let (id, sequence) = (stored.entry.id, index as i64 + 1);
        match verify(&log, &[]).unwrap_err() {
            Fault::Altered { id: reported, sequence: at, .. } => prop_assert_eq!((reported, at), (id, sequence)),
            fault => prop_assert!(false, "{fault}"),
        }
    }

    #[test]
    fn a_change_of_a_hash_is_reported_with_its_entry(log in history(), index in any::<Index>(), bytes: [u8; 32], own_hash: bool) {
        let index = index.index(log.entries.len());
        let mut log = log;
        let id = log.entries[index].entry.id;
        let seal = log.entries[index].seal.as_mut().unwrap();
        if own_hash { seal.hash = Hash(bytes) } else { seal.previous_hash = Hash(bytes) }
        match verify(&log, &[]).unwrap_err() {
            Fault::Altered { id: reported, sequence, .. } => prop_assert_eq!((reported, sequence), (id, index as i64 + 1)),
            fault => prop_assert!(false, "{fault}"),
        }
    }

    #[test]
    fn a_change_of_a_sequence_is_detected(log in history(), index in any::<Index>(), sequence in -3_i64..20) {
        let index = index.index(log.entries.len());
        prop_assume!(sequence != index as i64 + 1);
        let mut log = log;
        log.entries[index].seal.as_mut().unwrap().sequence = sequence;
        prop_assert!(verify(&log, &[]).is_err());
    }

    #[test]
    fn a_removed_entry_is_reported_at_its_sequence(log in history(), index in any::<Index>()) {
        let index = index.index(log.entries.len());
        let mut log = log;
        log.entries.remove(index);
        let fault = verify(&log, &[]).unwrap_err();
        match log.entries.get(index) {
            Some(next) => prop_assert_eq!(
                fault,
                Fault::Gap { id: next.entry.id, expected: index as i64 + 1, found: index as i64 + 2 }
            ),
            None => prop_assert!(matches!(fault, Fault::TailCut { last, .. } if last == index as i64), "{}", fault),
        }
    }

    #[test]
    fn swapped_contents_are_reported_at_the_first_of_the_two_entries(log in history(), pair in any::<[Index; 2]>()) {
        let [one, other] = pair.map(|index| index.index(log.entries.len()));
        prop_assume!(log.entries[one].entry != log.entries[other].entry);
        let mut log = log;
        let moved = log.entries[one].entry.clone();
        log.entries[one].entry = std::mem::replace(&mut log.entries[other].entry, moved);
        let first = one.min(other);
        match verify(&log, &[]).unwrap_err() {
            Fault::Altered { id, sequence, .. } => {
                prop_assert_eq!((id, sequence), (log.entries[first].entry.id, first as i64 + 1));
            }
            fault => prop_assert!(false, "{fault}"),
        }
    }

    #[test]
    fn a_tail_removed_with_its_checkpoints_and_head_is_detected_with_a_checkpoint_stored_elsewhere(log in history(), keep in any::<Index>()) {
        let trusted = log.checkpoints.last().copied().unwrap();
        let keep = keep.index(log.checkpoints.len());
        let mut log = log;
        log.checkpoints.truncate(keep);
        let head = log.checkpoints.last().map_or(Head::EMPTY, |last| Head { sequence: last.sequence, hash: last.hash });
        log.entries.truncate(usize::try_from(head.sequence).unwrap());

        let fault = Fault::HeadLost { last: head.sequence, sequence: trusted.sequence };
        prop_assert_eq!(verify(&log, &[]).unwrap_err(), fault);
        log.head = head;
        prop_assert!(verify(&log, &[]).is_ok(), "without a checkpoint stored elsewhere the cut can't be detected");
        let fault = Fault::TailCut { last: head.sequence, sequence: trusted.sequence, signed_at: trusted.signed_at };
        prop_assert_eq!(verify(&log, &[trusted]).unwrap_err(), fault);
    }
}

#[test]
fn a_chain_longer_than_a_page_is_verified_and_a_removed_checkpoint_is_detected() {
    let mut log = MemoryLog { entries: Vec::new(), checkpoints: Vec::new(), head: Head::EMPTY, removed: Head::EMPTY };
    for batch in 0..40 {
        log.append_sealed((batch * 33..(batch + 1) * 33).map(minimal_entry).collect());
    }
    let verified = verify(&log, &[]).unwrap();
    assert_eq!((verified.entries, verified.checkpoints, verified.signed_through), (1320, 40, 1320));
    log.checkpoints.pop();
    assert_eq!(verify(&log, &[]), Err(Fault::Unsigned { from: 1288 }));
}

#[test]
fn an_empty_chain_verifies() {
    let log = MemoryLog { entries: Vec::new(), checkpoints: Vec::new(), head: Head::EMPTY, removed: Head::EMPTY };
    assert_eq!(
        verify(&log, &[]).unwrap(),
        VerifiedChain { entries: 0, removed_through: 0, head: Head::EMPTY, checkpoints: 0, signed_through: 0 }
    );
}
