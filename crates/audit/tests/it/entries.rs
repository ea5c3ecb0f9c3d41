//! Strategies that generate entries.

use std::borrow::Cow;

use kernel::{
    Action, Actor, ActorKind, Change, Entry, FieldValue, Id, Organization, OrganizationId, Origin, Reason, Subject,
    Timestamp,
};
use proptest::{char, collection::vec, option, prelude::*, sample::select};
use ulid::Ulid;

pub(crate) fn organization() -> OrganizationId {
    Id::<Organization>::new(Ulid::from_parts(1_700_000_000_000, 7))
}

/// Texts with characters that JSON writers often get wrong: quotes, control characters, surrogate pairs, separators.
pub(crate) fn text() -> impl Strategy<Value = String> + Clone {
    let character = prop_oneof![
        Just('"'),
        Just('\\'),
        Just('/'),
        Just('\u{7f}'),
        Just('\u{2028}'),
        Just('\u{feff}'),
        Just('𝄞'),
        char::range('\0', '\u{1f}'),
        char::any(),
        char::range('a', 'z'),
    ];
    vec(character, 0..24).prop_map(String::from_iter)
}

/// Texts that are generated faster, for tests that do not depend on their content.
pub(crate) fn simple_text() -> impl Strategy<Value = String> + Clone {
    select(vec!["", "finding", "scanner \"2\"", "línea\n", "10.0.0.1"]).prop_map(str::to_owned)
}

fn value(text: impl Strategy<Value = String> + Clone + 'static) -> impl Strategy<Value = FieldValue> {
    prop_oneof![
        Just(FieldValue::Null),
        any::<bool>().prop_map(FieldValue::Bool),
        (-(1_i64 << 53)..=1 << 53).prop_map(FieldValue::Integer),
        text.clone().prop_map(FieldValue::Text),
        vec(text, 0..3).prop_map(FieldValue::Texts),
    ]
}

fn change(text: impl Strategy<Value = String> + Clone + 'static) -> impl Strategy<Value = Change> {
    let field = select(vec!["title", "due_at", "owner_member_user_id", "level_2", "x"]);
    (field, value(text.clone()), value(text)).prop_map(|(field, before, after)| Change {
        field: Cow::Borrowed(field),
        before,
        after,
    })
}

fn actor(text: impl Strategy<Value = String> + Clone) -> impl Strategy<Value = Actor> {
    let kind = select(vec![ActorKind::ServiceAccount, ActorKind::User, ActorKind::System]);
    (kind, option::of(text.clone()), text).prop_map(|(kind, id, name)| Actor {
        kind,
        id: id.map(Into::into),
        name: name.into(),
    })
}

fn origin(text: impl Strategy<Value = String> + Clone) -> impl Strategy<Value = Origin> {
    (any::<u128>(), [(); 4].map(|()| option::of(text.clone()))).prop_map(|(request, texts)| {
        let [method, route, source_address, user_agent] = texts;
        Origin {
            request_id: Id::new(Ulid::from(request)),
            method: method.map(Cow::Owned),
            route: route.map(Cow::Owned),
            source_address,
            user_agent,
        }
    })
}

/// Arbitrary entries with these texts.
pub(crate) fn entry(text: impl Strategy<Value = String> + Clone + 'static) -> impl Strategy<Value = Entry> {
    let subject =
        option::of((text.clone(), text.clone()).prop_map(|(kind, id)| Subject { kind: Cow::Owned(kind), id }));
    let reason = select(vec!["", "quarterly review", "say \"why\" in\ntwo lines", "vérifié 𝄞𝄞"]);
    let occurred_at = (Timestamp::MIN.millis()..=Timestamp::MAX.millis()).prop_map(Timestamp::from_millis);
    let action = text.clone().prop_map(|action| Action(Cow::Owned(action)));
    let status = option::of(100_u16..600);
    let changes = vec(change(text.clone()), 0..4);
    let wall_clock = option::of(occurred_at.clone());
    let times = (occurred_at, wall_clock);
    (any::<u128>(), times, actor(text.clone()), action, subject, reason, changes, origin(text), status).prop_map(
        |(id, (occurred_at, wall_clock), actor, action, subject, reason, changes, origin, status)| Entry {
            id: Id::new(Ulid::from(id)),
            organization: organization(),
            occurred_at,
            wall_clock,
            actor,
            action,
            subject,
            reason: Reason::parse(reason).ok(),
            changes,
            origin,
            status,
        },
    )
}

/// A minimal entry.
pub(crate) fn minimal_entry(id: u128) -> Entry {
    Entry {
        id: Id::new(Ulid::from(id)),
        organization: organization(),
        occurred_at: Timestamp::from_millis(0),
        wall_clock: None,
        actor: Actor { kind: ActorKind::System, id: None, name: "novantra".into() },
        action: Action::new("finding.listed"),
        subject: None,
        reason: None,
        changes: Vec::new(),
        origin: Origin {
            request_id: Id::new(Ulid::nil()),
            method: None,
            route: None,
            source_address: None,
            user_agent: None,
        },
        status: None,
    }
}
