//! Entries about few actors, actions and subjects.

use audit::Hash;
use kernel::{Action, Change, Entry, FieldValue, Id, OrganizationId, Subject, Timestamp, Ulid};
use store_contract::{TestEntropy, samples};

/// An entry about one of few actors, actions and subjects. Equal numbers make equal entries.
pub(crate) fn entry(organization: OrganizationId, at: i64, number: u64) -> Entry {
    let random = u128::from_be_bytes(Hash::digest(&number.to_be_bytes()).0[..16].try_into().unwrap());
    let mut entry = samples::entry(&TestEntropy::default(), organization, Timestamp::from_millis(at));
    entry.id = Id::new(Ulid::from_parts(at as u64, random & ((1 << 80) - 1)));
    entry.origin.request_id = Id::new(Ulid::from_parts(at as u64, random >> 48));
    let pick = |shift: u32, of: u64| (random >> shift) as u64 % of;
    entry.action = Action(format!("thing.done_{}", pick(0, 4)).into());
    if pick(8, 4) > 0 {
        entry.actor.id = Some(format!("svc_{}", pick(16, 5)).into());
    }
    // One subject is rare.
    let subject = if number.is_multiple_of(1_999) { 99 } else { pick(24, 6) };
    if pick(32, 5) > 0 || subject == 99 {
        entry.subject = Some(Subject { kind: "thing".into(), id: format!("thing_{subject}") });
    }
    if pick(40, 6) == 0 {
        let (before, after) = (FieldValue::Null, FieldValue::Integer(number as i64));
        entry.changes = vec![Change { field: "number".into(), before, after }];
    }
    entry
}
