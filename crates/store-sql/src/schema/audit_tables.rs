//! The tables of the audit log, like [`tables`](super::tables).

use super::tables::TableDefinition;
use crate::engine::Column;

/// Entries of the old form, a row each.
pub(crate) const AUDIT_ENTRIES: TableDefinition<18> = TableDefinition {
    name: "audit_entries",
    columns: [
        Column::text("organization_id"),
        Column::text("id"),
        Column::int("occurred_at"),
        Column::text("actor_kind"),
        Column::text("actor_id"),
        Column::text("actor_name"),
        Column::text("action"),
        Column::text("subject_kind"),
        Column::text("subject_id"),
        Column::text("reason"),
        Column::text("changes"),
        Column::text("request_id"),
        Column::text("method"),
        Column::text("route"),
        Column::text("source_address"),
        Column::text("user_agent"),
        Column::int("status"),
        Column::int("wall_clock"),
    ],
    key_columns: 2,
};

/// The keys of the entries of [`AUDIT_ENTRIES`] that wait for their seal.
pub(crate) const AUDIT_OLD_WAITING: TableDefinition<2> = TableDefinition {
    name: "audit_old_waiting",
    columns: [Column::text("organization_id"), Column::text("id")],
    key_columns: 2,
};

/// The rows of entries that wait for their seal.
pub(crate) const AUDIT_WAITING: TableDefinition<4> = TableDefinition {
    name: "audit_waiting",
    columns: [Column::text("organization_id"), Column::text("id"), Column::int("entries"), Column::blob("body")],
    key_columns: 2,
};

/// The counts of repeated calls. The identifier is that of the first call's entry.
pub(crate) const AUDIT_REPEATS: TableDefinition<4> = TableDefinition {
    name: "audit_repeats",
    columns: [Column::text("organization_id"), Column::text("id"), Column::int("due_at"), Column::int("calls")],
    key_columns: 2,
};

/// The seals of [`AUDIT_ENTRIES`].
pub(crate) const AUDIT_SEALS: TableDefinition<5> = TableDefinition {
    name: "audit_seals",
    columns: [
        Column::text("organization_id"),
        Column::int("sequence"),
        Column::text("entry_id"),
        Column::text("previous_hash"),
        Column::text("hash"),
    ],
    key_columns: 2,
};

/// The heads of chains.
pub(crate) const AUDIT_HEADS: TableDefinition<14> = TableDefinition {
    name: "audit_heads",
    columns: [
        Column::text("organization_id"),
        Column::int("sequence"),
        Column::text("hash"),
        Column::int("removed_through"),
        Column::text("removed_hash"),
        Column::blob("edge"),
        Column::text("high_id"),
        Column::int("late_ms"),
        Column::int("signed_at"),
        Column::blob("signature"),
        Column::blob("note_signature"),
        Column::int("old_through"),
        Column::blob("tag"),
        Column::int("redacted"),
    ],
    key_columns: 1,
};

/// The checkpoints that are kept.
pub(crate) const AUDIT_CHECKPOINTS: TableDefinition<5> = TableDefinition {
    name: "audit_checkpoints",
    columns: [
        Column::text("organization_id"),
        Column::int("sequence"),
        Column::text("hash"),
        Column::int("signed_at"),
        Column::blob("signature"),
    ],
    key_columns: 2,
};

/// Runs of fewer entries than a segment has.
pub(crate) const AUDIT_RUNS: TableDefinition<6> = TableDefinition {
    name: "audit_runs",
    columns: [
        Column::text("organization_id"),
        Column::int("first_sequence"),
        Column::int("last_sequence"),
        Column::text("first_id"),
        Column::text("high_id"),
        Column::blob("body"),
    ],
    key_columns: 2,
};

/// Segments.
pub(crate) const AUDIT_SEGMENTS: TableDefinition<9> = TableDefinition {
    name: "audit_segments",
    columns: [
        Column::text("organization_id"),
        Column::int("first_sequence"),
        Column::int("last_sequence"),
        Column::text("first_id"),
        Column::text("high_id"),
        Column::blob("digest"),
        Column::text("object"),
        Column::int("object_offset"),
        Column::blob("body"),
    ],
    key_columns: 2,
};

/// The index of actions, actors and subjects.
pub(crate) const AUDIT_TERMS: TableDefinition<4> = TableDefinition {
    name: "audit_terms",
    columns: [
        Column::text("organization_id"),
        Column::int("bucket"),
        Column::int("first_sequence"),
        Column::blob("body"),
    ],
    key_columns: 3,
};

/// The nodes of trees.
pub(crate) const AUDIT_TILES: TableDefinition<4> = TableDefinition {
    name: "audit_tiles",
    columns: [Column::text("organization_id"), Column::int("level"), Column::int("tile"), Column::blob("hashes")],
    key_columns: 3,
};

/// The heads that witnesses have cosigned.
pub(crate) const AUDIT_COSIGNATURES: TableDefinition<4> = TableDefinition {
    name: "audit_cosignatures",
    columns: [Column::text("organization_id"), Column::text("origin"), Column::text("witness"), Column::blob("note")],
    key_columns: 3,
};

/// The states of the processes that write rows of entries.
pub(crate) const AUDIT_WRITERS: TableDefinition<2> =
    TableDefinition { name: "audit_writers", columns: [Column::text("writer"), Column::blob("state")], key_columns: 1 };
