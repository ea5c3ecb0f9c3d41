//! The canonical form and the hash of one entry, which must stay the same in every version.

use audit::{Hash, Seal, StoredEntry, canonical_json, hash_entry};
use kernel::{Action, Actor, ActorKind, Change, Entry, FieldValue, Id, Origin, Reason, Subject, Timestamp};
use ulid::Ulid;

use crate::entries::minimal_entry;

/// The served form of the entry, as another implementation of RFC 8785 writes it.
const SERVED: &str = concat!(
    r#"{"action":"finding.updated","actor":{"id":"svc_00000000000000000000000001","kind":"service_account","#,
    r#""name":"scanner \"2\""},"changes":[{"after":"high","before":null,"field":"severity"},"#,
    r#"{"after":["a","b"],"before":[],"field":"ownerMemberUserIds"},"#,
    r#"{"after":true,"before":false,"field":"level2"},{"after":-7,"before":"línea\n","field":"x"}],"#,
    r#""hash":"c517c9faee68486dff07947258f07c2a245f043bae637cd9cfec5ef30071b81e","#,
    r#""id":"aud_00000000000000000000000002","method":"PATCH","occurredAt":"2023-11-14T22:13:20.000Z","#,
    r#""organizationId":"org_00000000000000000000000003","#,
    r#""previousHash":"0000000000000000000000000000000000000000000000000000000000000000","#,
    r#""reason":"quarterly review","requestId":"req_00000000000000000000000004","#,
    r#""route":"/api/v1/governance/findings/{findingId}","sequence":1,"sourceAddress":"192.0.2.1","status":200,"#,
    r#""subject":{"id":"find_00000000000000000000000005","type":"finding"},"userAgent":"curl/8"}"#,
);

/// The SHA-256 of the served form without its member `hash`, computed by another implementation.
const HASH: &str = "c517c9faee68486dff07947258f07c2a245f043bae637cd9cfec5ef30071b81e";

fn example() -> Entry {
    let text = |text: &str| FieldValue::Text(text.to_owned());
    let change = |field: &'static str, before, after| Change { field: field.into(), before, after };
    Entry {
        id: Id::new(Ulid(2)),
        organization: Id::new(Ulid(3)),
        occurred_at: Timestamp::from_millis(1_700_000_000_000),
        wall_clock: None,
        actor: Actor {
            kind: ActorKind::ServiceAccount,
            id: Some("svc_00000000000000000000000001".into()),
            name: "scanner \"2\"".into(),
        },
        action: Action::new("finding.updated"),
        subject: Some(Subject { kind: "finding".into(), id: "find_00000000000000000000000005".to_owned() }),
        reason: Reason::parse("quarterly review").ok(),
        changes: vec![
            change("severity", FieldValue::Null, text("high")),
            change(
                "owner_member_user_ids",
                FieldValue::Texts(vec![]),
                FieldValue::Texts(vec!["a".to_owned(), "b".to_owned()]),
            ),
            change("level_2", FieldValue::Bool(false), FieldValue::Bool(true)),
            change("x", text("línea\n"), FieldValue::Integer(-7)),
        ],
        origin: Origin {
            request_id: Id::new(Ulid(4)),
            method: Some("PATCH".into()),
            route: Some("/api/v1/governance/findings/{findingId}".into()),
            source_address: Some("192.0.2.1".to_owned()),
            user_agent: Some("curl/8".to_owned()),
        },
        status: Some(200),
    }
}

#[test]
fn an_entry_has_the_same_hash_in_every_version() {
    assert_eq!(hash_entry(&example(), 1, Hash::ZERO).to_string(), HASH);
}

#[test]
fn an_entry_is_served_in_the_same_form_by_every_version() {
    let seal = Seal { sequence: 1, previous_hash: Hash::ZERO, hash: HASH.parse().unwrap() };
    assert_eq!(canonical_json(&StoredEntry { entry: example(), seal: Some(seal) }), SERVED);
}

#[test]
fn an_entry_that_is_not_sealed_is_served_with_null_in_the_members_of_the_seal() {
    let sealed = SERVED.replace(&format!(r#""hash":"{HASH}""#), r#""hash":null"#);
    let expected = sealed
        .replace(&format!(r#""previousHash":"{}""#, Hash::ZERO), r#""previousHash":null"#)
        .replace(r#""sequence":1"#, r#""sequence":null"#);
    assert_eq!(canonical_json(&StoredEntry { entry: example(), seal: None }), expected);
}

#[test]
fn the_hash_of_an_entry_depends_on_its_position_in_the_chain() {
    let hash = hash_entry(&example(), 1, Hash::ZERO);
    assert_ne!(hash_entry(&example(), 2, Hash::ZERO), hash);
    assert_ne!(hash_entry(&example(), 1, Hash::digest(b"another entry")), hash);
}

/// The entries of a large export are serialized one after another, so a reallocation of each would be noticeable.
#[test]
fn the_memory_for_the_json_of_an_entry_is_allocated_once_and_little_is_left_over() {
    let long = || "x".repeat(8000);
    let with_change = |before, after| Entry {
        changes: vec![Change { field: "title".into(), before, after }; 20],
        ..minimal_entry(1)
    };
    let entries = [
        minimal_entry(1),
        example(),
        Entry { actor: Actor { name: long().into(), ..minimal_entry(1).actor }, ..minimal_entry(1) },
        Entry { reason: Reason::parse(&"x".repeat(900)).ok(), ..minimal_entry(1) },
        Entry { origin: Origin { user_agent: Some(long()), ..minimal_entry(1).origin }, ..minimal_entry(1) },
        with_change(FieldValue::Text(long()), FieldValue::Null),
        with_change(FieldValue::Null, FieldValue::Text(long())),
        with_change(FieldValue::Texts(vec![long(); 3]), FieldValue::Texts(vec![String::new(); 300])),
    ];
    for entry in entries {
        let json = canonical_json(&StoredEntry { entry, seal: None });
        let unused = json.capacity() - json.len();
        assert!(unused <= 800, "{unused} of {} bytes were not used", json.capacity());
    }
}
