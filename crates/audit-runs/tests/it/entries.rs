//! Strategies that generate entries.

use std::borrow::Cow;

use audit::{Hash, Tree, hash_entry};
use audit_runs::{BLOCK_ENTRIES, BlockAnchor, RunEntry};
use kernel::{
    Action, Actor, ActorKind, Change, Entry, FieldValue, Id, OrganizationId, Origin, Reason, Subject, Timestamp,
};
use proptest::{collection::vec, option, prelude::*, sample::select};
use ulid::Ulid;

pub(crate) fn organization() -> OrganizationId {
    Id::new(Ulid::from_parts(1_700_000_000_000, 7))
}

/// ULIDs that are near to each other in time and in their random parts, or anywhere.
fn ulid() -> impl Strategy<Value = Ulid> + Clone {
    let millis = prop_oneof![0_u64..3, 1_700_000_000_000..1_700_000_000_004_u64, 0..1_u64 << 48];
    let near = select(vec![0_u128, 1 << 22, 1 << 50, (1 << 80) - 300]);
    let random = prop_oneof![(near, 0_u128..300).prop_map(|(near, step)| near + step), 0..1_u128 << 80];
    (millis, random).prop_map(|(millis, random)| Ulid::from_parts(millis, random))
}

/// Identifiers, texts that only look like them, times, and any texts.
fn text() -> impl Strategy<Value = String> + Clone {
    let identifier = (select(vec!["find", "svc", "", "a_b", "é"]), ulid())
        .prop_map(|(prefix, ulid)| format!("{prefix}_{}", ulid.to_string()));
    let time = (Timestamp::MIN.millis()..=Timestamp::MAX.millis())
        .prop_map(|millis| Timestamp::from_millis(millis).to_string());
    prop_oneof![
        identifier.clone(),
        identifier.prop_map(|text| text.to_lowercase()),
        time.clone(),
        time.prop_map(|text| text.replace('Z', "z")),
        select(vec!["", "GET", "finding", "2026-05-25T14:08:33.000+", "find_80000000000000000000000000"])
            .prop_map(str::to_owned),
        ".{0,30}",
        "x{150,300}",
    ]
}

fn value() -> impl Strategy<Value = FieldValue> {
    prop_oneof![
        Just(FieldValue::Null),
        any::<bool>().prop_map(FieldValue::Bool),
        any::<i64>().prop_map(FieldValue::Integer),
        text().prop_map(FieldValue::Text),
        vec(text(), 0..3).prop_map(FieldValue::Texts),
    ]
}

fn change() -> impl Strategy<Value = Change> {
    let field =
        prop_oneof![select(vec!["title", "due_at", "level_2"]).prop_map(Cow::Borrowed), text().prop_map(Cow::Owned)];
    (field, value(), value()).prop_map(|(field, before, after)| Change { field, before, after })
}

fn time() -> impl Strategy<Value = Timestamp> {
    prop_oneof![1_700_000_000_000..1_700_000_000_004_i64, Timestamp::MIN.millis()..=Timestamp::MAX.millis()]
        .prop_map(Timestamp::from_millis)
}

fn actor() -> impl Strategy<Value = Actor> {
    let kind = select(vec![ActorKind::ServiceAccount, ActorKind::User, ActorKind::System]);
    (kind, option::of(text()), text()).prop_map(|(kind, id, name)| Actor {
        kind,
        id: id.map(Into::into),
        name: name.into(),
    })
}

fn origin() -> impl Strategy<Value = Origin> {
    (ulid(), option::of(text()), option::of(text()), option::of(text()), option::of(text())).prop_map(
        |(request, method, route, source_address, user_agent)| Origin {
            request_id: Id::new(request),
            method: method.map(Cow::Owned),
            route: route.map(Cow::Owned),
            source_address,
            user_agent,
        },
    )
}

pub(crate) fn entry() -> impl Strategy<Value = Entry> {
    let subject = option::of((text(), text()).prop_map(|(kind, id)| Subject { kind: Cow::Owned(kind), id }));
    let reason = option::of(prop_oneof![text(), Just("quarterly review".to_owned())]);
    let action = text().prop_map(|action| Action(Cow::Owned(action)));
    let times = (time(), option::of(time()));
    let status = option::of(any::<u16>());
    (ulid(), times, actor(), action, subject, reason, vec(change(), 0..4), origin(), status).prop_map(
        |(id, (occurred_at, wall_clock), actor, action, subject, reason, changes, origin, status)| Entry {
            id: Id::new(id),
            organization: organization(),
            occurred_at,
            wall_clock,
            actor,
            action,
            subject,
            reason: reason.as_deref().map(Reason::trusted),
            changes,
            origin,
            status,
        },
    )
}

/// Entries of which some are alike but for their identifiers.
pub(crate) fn entries(max: usize) -> impl Strategy<Value = Vec<Entry>> {
    (vec(entry(), 1..8), vec((any::<prop::sample::Index>(), ulid(), ulid()), 0..max)).prop_map(|(models, picks)| {
        let pick = |(index, id, request): (prop::sample::Index, Ulid, Ulid)| {
            let mut entry = index.get(&models).clone();
            (entry.id, entry.origin.request_id) = (Id::new(id), Id::new(request));
            entry
        };
        picks.into_iter().map(pick).collect()
    })
}

/// The anchors of the blocks of a run, as the sealer makes them, for a chain whose hash before the run is all zeros.
pub(crate) fn anchors(first_sequence: i64, entries: &[Entry]) -> Vec<BlockAnchor> {
    let (mut anchors, mut before, mut hash) = (Vec::new(), Hash::ZERO, Hash::ZERO);
    let mut tree = Tree::default();
    for (sequence, entry) in (first_sequence..).zip(entries) {
        hash = hash_entry(entry, sequence, hash);
        tree.push(hash);
        let is_last = sequence == first_sequence + entries.len() as i64 - 1;
        if sequence % BLOCK_ENTRIES as i64 == 0 || is_last {
            anchors.push(BlockAnchor { before, root: std::mem::take(&mut tree).root() });
            before = hash;
        }
    }
    anchors
}

/// The entries with some replaced by stubs.
pub(crate) fn with_stubs(entries: Vec<Entry>) -> Vec<RunEntry> {
    let item = |(index, entry): (usize, Entry)| match index % 3 {
        1 => RunEntry::Stub { id: entry.id, hash: hash_entry(&entry, 1, Hash::ZERO) },
        _ => RunEntry::Entry(entry),
    };
    entries.into_iter().enumerate().map(item).collect()
}
