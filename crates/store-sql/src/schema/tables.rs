//! The tables that hold no records, except those of the audit log: their names, columns and primary keys. Those of records
//! are described by [`Table`](crate::records::table::Table).

use crate::engine::Column;

/// The description of a table.
pub(crate) struct TableDefinition<const N: usize> {
    pub(crate) name: &'static str,
    pub(crate) columns: [Column; N],
    /// The number of columns in the primary key, which come first.
    pub(super) key_columns: usize,
}

pub(crate) const SERVICE_ACCOUNT_USES: TableDefinition<3> = TableDefinition {
    name: "service_account_uses",
    columns: [Column::text("organization_id"), Column::text("account_id"), Column::int("last_used_at")],
    key_columns: 2,
};

/// Credentials of users, whose records have none of it.
pub(crate) const USER_CREDENTIALS: TableDefinition<10> = TableDefinition {
    name: "user_credentials",
    columns: [
        Column::text("organization_id"),
        Column::text("user_id"),
        Column::int("version"),
        Column::text("password"),
        Column::int("password_set_at"),
        Column::blob("second_factor"),
        Column::int("second_factor_enrolled_at"),
        Column::int("second_factor_last_step"),
        Column::text("recovery_codes"),
        Column::text("passkeys"),
    ],
    key_columns: 2,
};

pub(crate) const USER_SESSIONS: TableDefinition<11> = TableDefinition {
    name: "user_sessions",
    columns: [
        Column::text("organization_id"),
        Column::text("id"),
        Column::text("user_id"),
        Column::text("token"),
        Column::text("level"),
        Column::int("created_at"),
        Column::int("authenticated_at"),
        Column::int("last_used_at"),
        Column::int("expires_at"),
        Column::text("source_address"),
        Column::text("user_agent"),
    ],
    key_columns: 2,
};

/// Links that work once.
pub(crate) const USER_LINKS: TableDefinition<6> = TableDefinition {
    name: "user_links",
    columns: [
        Column::text("organization_id"),
        Column::text("token"),
        Column::text("purpose"),
        Column::text("user_id"),
        Column::int("created_at"),
        Column::int("expires_at"),
    ],
    key_columns: 2,
};

/// Identities of a provider by which users sign in.
pub(crate) const USER_IDENTITIES: TableDefinition<6> = TableDefinition {
    name: "user_identities",
    columns: [
        Column::text("organization_id"),
        Column::text("issuer"),
        Column::text("subject"),
        Column::text("user_id"),
        Column::int("linked_at"),
        Column::int("last_used_at"),
    ],
    key_columns: 3,
};

/// Names for the filters of lists.
pub(crate) const SAVED_VIEWS: TableDefinition<11> = TableDefinition {
    name: "saved_views",
    columns: [
        Column::text("organization_id"),
        Column::text("id"),
        Column::text("user_id"),
        Column::int("slot"),
        Column::int("shared_slot"),
        Column::text("list"),
        Column::text("name"),
        Column::text("query"),
        Column::int("version"),
        Column::int("created_at"),
        Column::int("updated_at"),
    ],
    key_columns: 2,
};

/// Imports of uploaded tables.
pub(crate) const TABLE_IMPORTS: TableDefinition<8> = TableDefinition {
    name: "table_imports",
    columns: [
        Column::text("organization_id"),
        Column::text("id"),
        Column::text("user_id"),
        Column::int("version"),
        Column::text("document"),
        Column::int("created_at"),
        Column::int("updated_at"),
        Column::int("expires_at"),
    ],
    key_columns: 2,
};

pub(super) const SIGNING_KEYS: TableDefinition<5> = TableDefinition {
    name: "signing_keys",
    columns: [
        Column::text("id"),
        Column::text("algorithm"),
        Column::blob("sealed"),
        Column::int("created_at"),
        Column::int("signs_from"),
    ],
    key_columns: 1,
};

pub(crate) const IDEMPOTENCY: TableDefinition<9> = TableDefinition {
    name: "idempotency",
    columns: [
        Column::text("organization_id"),
        Column::text("account_id"),
        Column::text("operation"),
        Column::text("key"),
        Column::text("fingerprint"),
        Column::int("status"),
        Column::text("headers"),
        Column::blob("body"),
        Column::int("expires_at"),
    ],
    key_columns: 4,
};

/// The bytes that organizations and accounts have stored outside of the database.
pub(super) const STORAGE_USAGE: TableDefinition<3> = TableDefinition {
    name: "storage_usage",
    columns: [Column::text("organization_id"), Column::text("holder_id"), Column::int("bytes")],
    key_columns: 2,
};

pub(crate) const OUTBOX: TableDefinition<8> = TableDefinition {
    name: "outbox",
    columns: [
        Column::text("organization_id"),
        Column::text("id"),
        Column::text("name"),
        Column::text("subject_kind"),
        Column::text("subject_id"),
        Column::int("subject_revision"),
        Column::int("created_at"),
        Column::blob("body"),
    ],
    key_columns: 2,
};

/// The events that are not fanned out yet. `attempted` is 1 once some of their deliveries may exist.
pub(crate) const PENDING_EVENTS: TableDefinition<7> = TableDefinition {
    name: "pending_events",
    columns: [
        Column::text("organization_id"),
        Column::int("created_at"),
        Column::int("subject_revision"),
        Column::text("id"),
        Column::text("name"),
        Column::text("subject_id"),
        Column::int("attempted"),
    ],
    key_columns: 4,
};

/// The deliveries that have not changed since they were fanned out.
pub(crate) const WEBHOOK_QUEUE: TableDefinition<10> = TableDefinition {
    name: "webhook_queue",
    columns: [
        Column::text("organization_id"),
        Column::text("subscription_id"),
        Column::text("id"),
        Column::text("event_id"),
        Column::text("event_type"),
        Column::text("subject_id"),
        Column::int("subject_revision"),
        Column::int("created_at"),
        Column::int("updated_at"),
        Column::int("next_attempt_at"),
    ],
    key_columns: 3,
};

/// The partitions of the delivery queue.
pub(crate) const WEBHOOK_LANES: TableDefinition<8> = TableDefinition {
    name: "webhook_lanes",
    columns: [
        Column::text("organization_id"),
        Column::text("subscription_id"),
        Column::int("due_at"),
        Column::int("arrived"),
        Column::text("holder"),
        Column::int("held_until"),
        Column::int("last_delivery_at"),
        Column::int("failing_since"),
    ],
    key_columns: 2,
};

/// The counts of records that were made, by their parts.
pub(crate) const ROLLUPS: TableDefinition<5> = TableDefinition {
    name: "rollups",
    columns: [
        Column::text("organization_id"),
        Column::text("part"),
        Column::int("as_of"),
        Column::int("counted_at"),
        Column::int("due_at"),
    ],
    key_columns: 2,
};

pub(crate) const ROLLUP_COUNTS: TableDefinition<4> = TableDefinition {
    name: "rollup_counts",
    columns: [Column::text("organization_id"), Column::text("part"), Column::text("name"), Column::int("number")],
    key_columns: 3,
};

/// The open findings at the ends of days, with a column for each severity in the order of [`kernel::Severity::ALL`].
pub(crate) const ROLLUP_DAYS: TableDefinition<7> = TableDefinition {
    name: "rollup_days",
    columns: [
        Column::text("organization_id"),
        Column::int("day"),
        Column::int("info"),
        Column::int("low"),
        Column::int("medium"),
        Column::int("high"),
        Column::int("critical"),
    ],
    key_columns: 2,
};

pub(crate) const ACCOUNT_CALLS: TableDefinition<8> = TableDefinition {
    name: "account_calls",
    columns: [
        Column::text("organization_id"),
        Column::text("account_id"),
        Column::text("span"),
        Column::int("starts_at"),
        Column::int("answered"),
        Column::int("refused"),
        Column::int("limited"),
        Column::int("failed"),
    ],
    key_columns: 4,
};

/// The words of records, by which they are searched.
pub(crate) const SEARCH_WORDS: TableDefinition<4> = TableDefinition {
    name: "search_words",
    columns: [Column::text("organization_id"), Column::text("kind"), Column::text("word"), Column::text("record_id")],
    key_columns: 4,
};

/// The words of each record, as they are in [`SEARCH_WORDS`].
pub(crate) const SEARCH_RECORDS: TableDefinition<4> = TableDefinition {
    name: "search_records",
    columns: [Column::text("organization_id"), Column::text("kind"), Column::text("record_id"), Column::text("words")],
    key_columns: 3,
};

/// The times up to which the changes of each kind are in [`SEARCH_WORDS`].
pub(crate) const SEARCH_PROGRESS: TableDefinition<3> = TableDefinition {
    name: "search_progress",
    columns: [Column::text("organization_id"), Column::text("kind"), Column::int("as_of")],
    key_columns: 2,
};

/// Values of the whole installation, by their names.
pub(super) const INSTALLATION: TableDefinition<2> =
    TableDefinition { name: "installation", columns: [Column::text("key"), Column::text("value")], key_columns: 1 };
