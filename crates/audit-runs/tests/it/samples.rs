//! Files of the first version of the format, which are read for ever. Each is compared with the entries that it was
//! written from, which are stated here, and with today's encoding only where no compressor has part in it.

use audit::Hash;
use audit_runs::{
    Effort, Fingerprint, Header, RunEntry, SegmentTerms, TermKind, decode, decode_with_stubs, encode_sealed,
    encode_sealed_with_stubs, encode_waiting, merge_terms, merged_blocks,
};
use kernel::{Action, Actor, ActorKind, Change, Entry, FieldValue, Id, Origin, Reason, Subject, Timestamp};
use ulid::Ulid;

use crate::entries::{anchors, organization, with_stubs};

const WAITING: &[u8] = include_bytes!("samples/waiting.nva");
const SMALL: &[u8] = include_bytes!("samples/small.nva");
const BLOCKS: &[u8] = include_bytes!("samples/blocks.nva");
const STUBS: &[u8] = include_bytes!("samples/stubs.nva");
const TERMS: &[u8] = include_bytes!("samples/segment.terms");
const MERGED: &[u8] = include_bytes!("samples/merged.terms");

/// A time of 2023-11-14.
const MILLIS: u64 = 1_700_000_123_456;

/// The identifier with this number: three follow each other in one millisecond, then the next has begun.
fn ulid(number: u64) -> Ulid {
    let base = 0x1234_5678_9abc_def0_1357 + u128::from(number / 3) * 0x0fed_cba9_8765_4321;
    Ulid::from_parts(MILLIS + number / 3, base + u128::from(number % 3))
}

fn text(text: &str) -> FieldValue {
    FieldValue::Text(text.to_owned())
}

fn viewed(number: u64) -> Entry {
    Entry {
        id: Id::new(ulid(number)),
        organization: organization(),
        occurred_at: Timestamp::from_millis((MILLIS + number / 3) as i64),
        wall_clock: None,
        actor: Actor {
            kind: ActorKind::ServiceAccount,
            id: Some("svc_01HF7YAT003M5H9S6V067YVAC9".into()),
            name: "Scanner \"2\"".into(),
        },
        action: Action::new("finding.viewed"),
        subject: Some(Subject {
            kind: "finding".into(),
            id: format!(
                "find_{}",
                Ulid::from_parts(MILLIS / 2 + number % 9, 77_000 + u128::from(number % 90)).to_string()
            ),
        }),
        reason: None,
        changes: Vec::new(),
        origin: Origin {
            request_id: Id::new(ulid(number.saturating_sub(1))),
            method: Some("GET".into()),
            route: Some("/api/v1/findings/{finding_id}".into()),
            source_address: Some("10.0.0.1".into()),
            user_agent: Some("curl/8.5".into()),
        },
        status: Some(200),
    }
}

/// An entry with each form of each value.
fn updated(number: u64) -> Entry {
    let change = |field: &'static str, before, after| Change { field: field.into(), before, after };
    Entry {
        wall_clock: Some(Timestamp::from_millis(MILLIS as i64 - 3_600_000)),
        actor: Actor { kind: ActorKind::User, id: Some("no identifier".into()), name: "Ana Líbano".into() },
        action: Action::new("finding.updated"),
        subject: Some(Subject { kind: "finding".into(), id: "find_1".to_owned() }),
        reason: Some(Reason::trusted("quarterly review")),
        changes: vec![
            change("due_at", FieldValue::Null, text("2026-05-25T14:08:33.000Z")),
            change("owner_id", text("usr_01HF7YAT003M5H9S6V067YVAC9"), text("usr_01hf7yat003m5h9s6v067yvac9")),
            change("is_open", FieldValue::Bool(true), FieldValue::Bool(false)),
            change("score", FieldValue::Integer(-3), FieldValue::Integer(i64::MAX)),
            change("tags", FieldValue::Texts(Vec::new()), FieldValue::Texts(vec!["tls".to_owned(), String::new()])),
        ],
        status: None,
        ..viewed(number)
    }
}

fn removed(number: u64) -> Entry {
    Entry {
        occurred_at: Timestamp::MIN,
        actor: Actor { kind: ActorKind::System, id: None, name: "novantra".into() },
        action: Action::new("audit.entries_removed"),
        subject: None,
        origin: Origin {
            request_id: Id::new(Ulid::nil()),
            method: None,
            route: None,
            source_address: None,
            user_agent: None,
        },
        status: Some(0),
        ..viewed(number)
    }
}

pub(crate) fn stated(count: u64) -> Vec<Entry> {
    let entry = |number| match number % 20 {
        1 => updated(number),
        2 => removed(number),
        _ => viewed(number),
    };
    (0..count).map(entry).collect()
}

#[test]
fn a_waiting_run_of_the_first_version_is_read_and_written() {
    let entries = stated(5);
    let (header, read) = decode(WAITING).unwrap();
    assert_eq!(read, entries);
    assert_eq!((header.organization, header.first_sequence), (organization(), 0));
    assert_eq!(encode_waiting(organization(), &entries.iter().collect::<Vec<_>>()), WAITING);
}

#[test]
fn sealed_runs_of_the_first_version_are_read() {
    for (file, first, count) in [(SMALL, 255, 4), (BLOCKS, 257, 300)] {
        let entries = stated(count);
        let (header, read) = decode(file).unwrap();
        assert_eq!(read, entries);
        assert_eq!((header.organization, header.first_sequence), (organization(), first));
        assert_eq!(header.anchors, anchors(first, &entries));
        // The header has no compressed part, but for the offsets.
        let encoded = encode_sealed(organization(), first, &entries, &header.anchors, Effort::Quick);
        assert_eq!(Header::parse(&encoded).unwrap().dictionary().start, header.dictionary().start);
        assert_eq!(encoded[..36], file[..36]);
    }
}

#[test]
fn a_run_with_stubs_of_the_first_version_is_read() {
    let items = with_stubs(stated(5));
    let (header, read) = decode_with_stubs(STUBS).unwrap();
    assert_eq!(read, items);
    assert!(header.has_stubs());
    let RunEntry::Stub { hash, .. } = read[1] else { panic!("the second is a stub") };
    assert_ne!(hash, Hash::ZERO);
    let _ = encode_sealed_with_stubs(organization(), 1, &items, &header.anchors, Effort::Quick);
}

#[test]
fn the_index_of_the_first_version_is_read_and_written() {
    let terms = SegmentTerms::of(&stated(600));
    assert_eq!(SegmentTerms::decode(TERMS).unwrap(), terms);
    assert_eq!(terms.encode(), TERMS);
    let viewed = Fingerprint::of(TermKind::Action, "finding.viewed");
    assert_eq!(terms.blocks(viewed), 0b111);
    let rows = merge_terms(&[terms.clone(), SegmentTerms::default(), terms]);
    let (_, row) = rows.iter().find(|(bucket, _)| *bucket == viewed.bucket()).unwrap();
    assert_eq!(row, MERGED);
    assert_eq!(merged_blocks(MERGED, viewed).unwrap(), [0, 1, 2, 32, 33, 34]);
}
