//! The entries that the sealer itself adds to the installation's log.

use std::{ops::RangeInclusive, time::Duration};

use audit::tables::{StoredHead, WaitingKey};
use kernel::{
    Action, Actor, ActorKind, Change, Entropy, Entry, FieldValue, Id, OrganizationId, Origin, Timestamp, Ulid,
    WriteTimestamp,
};

use super::round::{MissingRows, RefusedRow};

/// The action of the entries about rows that went missing before they were sealed.
pub const ROWS_MISSING: Action = Action::new("audit.rows_missing");

/// The action of the entries about rows that are not sealed, because this installation has not written them as they are.
pub const ROW_REFUSED: Action = Action::new("audit.row_refused");

/// The action of the entries about the state of a writer that this installation has not written as it is.
pub const WRITER_STATE_ALTERED: Action = Action::new("audit.writer_state_altered");

/// The action of the entries that name the heads of all chains.
pub const HEADS: Action = Action::new("audit.heads");

/// Number of heads that one entry names.
const HEADS_PER_ENTRY: usize = 64;

/// Interval at which heads are named.
pub(super) const HEADS_INTERVAL: Duration = Duration::from_secs(24 * 3600);

/// Difference of the clocks of two sealers with which no head is left out. Some are named twice.
const MAX_CLOCK_DIFFERENCE: Duration = Duration::from_secs(600);

/// Maximum number of ranges of numbers that an entry lists.
const MAX_LISTED: usize = 100;

pub(super) fn entry(entropy: &dyn Entropy, timestamp: &WriteTimestamp, action: Action, changes: Vec<Change>) -> Entry {
    let at = timestamp.at();
    Entry {
        id: Id::new(entropy.ulid(at)),
        organization: OrganizationId::INSTALLATION,
        occurred_at: at,
        wall_clock: timestamp.differing_clock(),
        actor: Actor { kind: ActorKind::System, id: None, name: "novantra".into() },
        action,
        subject: None,
        reason: None,
        changes,
        origin: Origin {
            request_id: Id::new(entropy.ulid(at)),
            method: None,
            route: Some("audit sealer".into()),
            source_address: None,
            user_agent: None,
        },
        status: None,
    }
}

fn change(field: &'static str, after: FieldValue) -> Change {
    Change { field: field.into(), before: FieldValue::Null, after }
}

fn text(value: impl ToString) -> FieldValue {
    FieldValue::Text(value.to_string())
}

pub(super) fn missing(rows: &MissingRows) -> (Action, Vec<Change>) {
    let mut ranges: Vec<String> = rows.numbers.iter().take(MAX_LISTED).map(range_text).collect();
    if rows.numbers.len() > MAX_LISTED {
        ranges.push("…".to_owned());
    }
    let changes = vec![
        change("writer", text(rows.writer)),
        change("numbers", FieldValue::Texts(ranges)),
        change("rows", FieldValue::Integer(i64::try_from(rows.count()).unwrap_or(i64::MAX))),
        change("noticed_at", text(rows.noticed_at)),
        change("following_row_at", text(rows.following_row_at)),
        change("ended", FieldValue::Bool(rows.has_ended)),
    ];
    (ROWS_MISSING, changes)
}

fn range_text(range: &RangeInclusive<u64>) -> String {
    if range.start() == range.end() { range.start().to_string() } else { format!("{}-{}", range.start(), range.end()) }
}

pub(super) fn refused(row: &RefusedRow) -> (Action, Vec<Change>) {
    let WaitingKey { organization, id } = row.key;
    let changes = vec![
        change("organization_id", text(organization)),
        change("row", text(id)),
        change("cause", text(&row.reason)),
    ];
    (ROW_REFUSED, changes)
}

pub(super) fn altered(writer: Ulid) -> (Action, Vec<Change>) {
    (WRITER_STATE_ALTERED, vec![change("writer", text(writer))])
}

/// The entries that name the heads that were signed since then, and at first also those without a signature of their own.
pub(super) fn heads(heads: &[StoredHead], since: Option<Timestamp>) -> Vec<(Action, Vec<Change>)> {
    let since = since.map(|since| since - MAX_CLOCK_DIFFERENCE);
    let is_new = |head: &&StoredHead| match (head.signed, since) {
        (Some(signed), Some(since)) => signed.signed_at >= since,
        (None, Some(_)) => false,
        (_, None) => true,
    };
    let changed: Vec<&StoredHead> = heads.iter().filter(is_new).collect();
    let of_head = |head: &&StoredHead| {
        let root = head.tree.as_ref().map(|tree| format!(" {}", tree.root())).unwrap_or_default();
        change("head", text(format!("{} {} {}{root}", head.organization, head.head.sequence, head.head.hash)))
    };
    changed.chunks(HEADS_PER_ENTRY).map(|heads| (HEADS, heads.iter().map(of_head).collect())).collect()
}
