//! Entries of the old form of the audit log: statements that insert them, the same for both engines.

use std::{collections::BTreeMap, fmt::Write as _, path::PathBuf};

use async_trait::async_trait;
use audit::{Checkpoint, StoredEntry};
use kernel::{Change, FieldValue, OrganizationId};
use postgres_cluster::execute_blocking;
use serde_json::{Value, json};
use store_contract::OldEntries;

/// The schema that the entries are inserted into.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Schema {
    /// The one before migration 28.
    BeforeRuns,
    /// The current one, as migration 28 leaves it.
    Current,
}

/// The SQLite file that old entries are inserted into.
pub(crate) struct SqliteFile(pub(crate) PathBuf);

/// The URL of the PostgreSQL database that old entries are inserted into.
pub(crate) struct PostgresUrl(pub(crate) String);

#[async_trait]
impl OldEntries for SqliteFile {
    async fn insert(&self, entries: &[StoredEntry], checkpoints: &[Checkpoint]) {
        let connection = rusqlite::Connection::open(&self.0).unwrap();
        connection.execute_batch(&statements(Schema::Current, entries, checkpoints, "x'")).unwrap();
    }
}

#[async_trait]
impl OldEntries for PostgresUrl {
    async fn insert(&self, entries: &[StoredEntry], checkpoints: &[Checkpoint]) {
        let statements = statements(Schema::Current, entries, checkpoints, "'\\x");
        // The triggers of a test must not fail them.
        execute_blocking(&self.0, &format!("SET session_replication_role = replica; {statements}")).unwrap();
    }
}

/// Returns the statements that insert the entries. `bytes` begins a literal of bytes in hexadecimal digits.
pub(crate) fn statements(schema: Schema, entries: &[StoredEntry], checkpoints: &[Checkpoint], bytes: &str) -> String {
    let mut text = String::new();
    let mut heads: BTreeMap<OrganizationId, (i64, String)> = BTreeMap::new();
    let waiting = if schema == Schema::Current { "audit_old_waiting" } else { "audit_waiting" };
    for StoredEntry { entry, seal } in entries {
        let (organization, id) = (literal(entry.organization.ulid()), literal(entry.id.ulid()));
        let (subject, origin) = (entry.subject.as_ref(), &entry.origin);
        let columns = [
            organization.clone(),
            id.clone(),
            entry.occurred_at.millis().to_string(),
            literal(entry.actor.kind.name()),
            optional(entry.actor.id.as_ref()),
            literal(&entry.actor.name),
            literal(entry.action.as_str()),
            optional(subject.map(|subject| &subject.kind)),
            optional(subject.map(|subject| &subject.id)),
            optional(entry.reason.as_ref().map(|reason| reason.as_ref())),
            literal(Value::from(entry.changes.iter().map(change).collect::<Vec<_>>())),
            literal(origin.request_id.ulid()),
            optional(origin.method.as_ref()),
            optional(origin.route.as_ref()),
            optional(origin.source_address.as_ref()),
            optional(origin.user_agent.as_ref()),
            entry.status.map_or("NULL".to_owned(), |status| status.to_string()),
            entry.wall_clock.map_or("NULL".to_owned(), |time| time.millis().to_string()),
        ];
        let _ = writeln!(
            text,
            "INSERT INTO audit_entries (organization_id, id, occurred_at, actor_kind, actor_id, actor_name, action, \
             subject_kind, subject_id, reason, changes, request_id, method, route, source_address, user_agent, status, \
             wall_clock) VALUES ({});",
            columns.join(", ")
        );
        if let Some(seal) = seal {
            let _ = writeln!(
                text,
                "INSERT INTO audit_seals (organization_id, sequence, entry_id, previous_hash, hash) \
                 VALUES ({organization}, {}, {id}, '{}', '{}');",
                seal.sequence, seal.previous_hash, seal.hash
            );
            heads.insert(entry.organization, (seal.sequence, seal.hash.to_string()));
        } else {
            let _ = writeln!(text, "INSERT INTO {waiting} (organization_id, id) VALUES ({organization}, {id});");
        }
    }
    for (organization, (sequence, hash)) in heads {
        let (column, value) = match schema {
            Schema::Current => (", old_through", format!(", {sequence}")),
            Schema::BeforeRuns => ("", String::new()),
        };
        let _ = writeln!(
            text,
            "INSERT INTO audit_heads (organization_id, sequence, hash{column}) VALUES ('{}', {sequence}, '{hash}'{value});",
            organization.ulid()
        );
    }
    for checkpoint in checkpoints {
        let _ = writeln!(
            text,
            "INSERT INTO audit_checkpoints (organization_id, sequence, hash, signed_at, signature) \
             VALUES ('{}', {}, '{}', {}, {bytes}{}');",
            checkpoint.organization.ulid(),
            checkpoint.sequence,
            checkpoint.hash,
            checkpoint.signed_at.millis(),
            checkpoint.signature
        );
    }
    text
}

fn literal(value: impl ToString) -> String {
    format!("'{}'", value.to_string().replace('\'', "''"))
}

fn optional(value: Option<impl ToString>) -> String {
    value.map_or("NULL".to_owned(), literal)
}

fn change(change: &Change) -> Value {
    json!({ "field": change.field, "before": value(&change.before), "after": value(&change.after) })
}

fn value(value: &FieldValue) -> Value {
    match value {
        FieldValue::Null => Value::Null,
        FieldValue::Bool(boolean) => json!(boolean),
        FieldValue::Integer(number) => json!(number),
        FieldValue::Text(text) => json!(text),
        FieldValue::Texts(texts) => json!(texts),
    }
}
