//! The migrations of the schema. Statements are written by hand for each engine, with the same versions, tables and
//! columns on both.
//!
//! Servers of neighbouring versions share a database: a migration that only adds something leaves older programs
//! running, and one that removes something records, in `installation`, the migration that a program must have from then
//! on.

use std::{collections::BTreeSet, fmt::Write as _};

use kernel::{StoreError, Timestamp};

use crate::engine::{Script, Session, Sql, Value, corrupt, unavailable};

/// A migration: one step of the schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Migration {
    /// Its number: 1 for the first migration, without gaps.
    pub version: i64,
    /// A short name of the change, for instance `webhooks`.
    pub name: String,
}

struct Step {
    version: i64,
    name: &'static str,
    script: Script,
}

macro_rules! steps {
    ($($version:literal $name:literal $file:literal,)*) => {
        &[$(Step {
            version: $version,
            name: $name,
            script: Script {
                postgres: include_str!(concat!("../../../../migrations/postgres/", $file)),
                sqlite: include_str!(concat!("../../../../migrations/sqlite/", $file)),
            },
        },)*]
    };
}

const STEPS: &[Step] = steps! {
    1 "core" "0001_core.sql",
    2 "installation" "0002_installation.sql",
    3 "signing_keys" "0003_signing_keys.sql",
    4 "sealing" "0004_sealing.sql",
    5 "rate_limits" "0005_rate_limits.sql",
    6 "webhooks" "0006_webhooks.sql",
    7 "seals" "0007_seals.sql",
    8 "delivery_key" "0008_delivery_key.sql",
    9 "clock" "0009_clock.sql",
    10 "bounded_log" "0010_bounded_log.sql",
    11 "finding_scope" "0011_finding_scope.sql",
    12 "finding_owners" "0012_finding_owners.sql",
    13 "registers" "0013_registers.sql",
    14 "submissions" "0014_submissions.sql",
    15 "evidence" "0015_evidence.sql",
    16 "record_identities" "0016_record_identities.sql",
    17 "storage_usage" "0017_storage_usage.sql",
    18 "people" "0018_people.sql",
    19 "rollups" "0019_rollups.sql",
    20 "passkeys" "0020_passkeys.sql",
    21 "identities" "0021_identities.sql",
    22 "saved_views" "0022_saved_views.sql",
    23 "table_imports" "0023_table_imports.sql",
    24 "changes_of_subjects" "0024_changes_of_subjects.sql",
    25 "search" "0025_search.sql",
    26 "submission_due_dates" "0026_submission_due_dates.sql",
    27 "delivery_queue" "0027_delivery_queue.sql",
    28 "audit_runs" "0028_audit_runs.sql",
    29 "audit_redactions" "0029_audit_redactions.sql",
    31 "audit_cosignatures" "0031_audit_cosignatures.sql",
};

/// The migration that creates the table `installation`, with a row that stays.
const INSTALLATION: i64 = 2;

const HISTORY_TABLE: Script = {
    const TEXT: &str = "CREATE TABLE IF NOT EXISTS schema_migrations (
        version bigint NOT NULL PRIMARY KEY, name text NOT NULL, checksum text NOT NULL, applied_at bigint NOT NULL)";
    Script { postgres: TEXT, sqlite: TEXT }
};

/// Returns the migrations the database lacks, after verifying those it has.
pub(crate) async fn pending(session: &Session) -> Result<Vec<Migration>, StoreError> {
    let missing = missing(session).await?;
    Ok(missing.into_iter().map(Step::describe).collect())
}

/// Applies the migrations the database lacks, in the transaction of the session.
pub(crate) async fn apply(session: &Session, now: Timestamp) -> Result<Vec<Migration>, StoreError> {
    session.lock_schema(&HISTORY_TABLE).await?;
    let insert =
        Sql::from_text("INSERT INTO schema_migrations (version, name, checksum, applied_at) VALUES (?, ?, ?, ?)");
    let mut applied = Vec::new();
    for step in missing(session).await? {
        session.run_script(&step.script).await?;
        let values = [step.version.into(), Value::text(step.name), step.checksum(session).into(), now.into()];
        session.execute(&insert, &values).await?;
        applied.push(step.describe());
    }
    Ok(applied)
}

/// Creates all tables in an empty schema, to compare them with those of a database.
pub(super) async fn create_schema(session: &Session) -> Result<(), StoreError> {
    session.run_script(&HISTORY_TABLE).await?;
    for step in STEPS {
        session.run_script(&step.script).await?;
    }
    Ok(())
}

/// Returns the newest version that the database has, or 0 if it has none.
pub(crate) async fn newest_applied(session: &Session) -> Result<i64, StoreError> {
    if !session.has_table("schema_migrations").await? {
        return Ok(0);
    }
    let newest = Sql::from_text("SELECT max(version) FROM schema_migrations");
    Ok(session.fetch_one(&newest, &[], |cells| cells.opt_int()).await?.flatten().unwrap_or(0))
}

/// Returns the newest version that this program has.
pub(crate) fn newest() -> i64 {
    STEPS.last().map_or(0, |step| step.version)
}

/// Returns the migrations the database lacks. A database that a newer program has migrated is accepted as long as it
/// supports this program.
async fn missing(session: &Session) -> Result<Vec<&'static Step>, StoreError> {
    let newest = newest();
    let mut done = BTreeSet::new();
    if session.has_table("schema_migrations").await? {
        let every = Sql::from_text("SELECT version, name, checksum FROM schema_migrations ORDER BY version");
        let rows = session
            .fetch(&every, &[], |cells| Ok((cells.int()?, cells.text()?.to_owned(), cells.text()?.to_owned())))
            .await?;
        for (version, name, checksum) in rows {
            match STEPS.iter().find(|step| step.version == version) {
                Some(step) if step.checksum(session) != checksum => {
                    return Err(corrupt(format!(
                        "migration {version} ({name}) was applied with statements that differ from this program's"
                    )));
                }
                None if version <= newest => {
                    return Err(corrupt(format!("migration {version} ({name}) is unknown to this program")));
                }
                _ => done.insert(version),
            };
        }
    }
    let oldest = oldest_schema(session).await?;
    if oldest.is_none() && done.contains(&INSTALLATION) {
        return Err(corrupt(
            "the table \"installation\" has lost its rows, with the identity of the installation and the times that were \
             returned to clients: restore a backup",
        ));
    }
    if let Some(oldest) = oldest
        && newest < oldest
    {
        return Err(unavailable(format!(
            "the database is newer than this program: it requires programs that have migration {oldest}, and this one \
             has only {newest}; use a newer version of the program"
        )));
    }
    Ok(STEPS.iter().filter(|step| !done.contains(&step.version)).collect())
}

/// Returns the migration that a program must have to use this database.
async fn oldest_schema(session: &Session) -> Result<Option<i64>, StoreError> {
    if !session.has_table("installation").await? {
        return Ok(None);
    }
    let oldest = Sql::from_text("SELECT value FROM installation WHERE key = 'oldest_schema'");
    session.fetch_one(&oldest, &[], |cells| cells.parsed(str::parse)).await
}

impl Step {
    fn describe(&self) -> Migration {
        Migration { version: self.version, name: self.name.to_owned() }
    }

    fn checksum(&self, session: &Session) -> String {
        use sha2::Digest as _;
        let digest = sha2::Sha256::digest(session.dialect(&self.script));
        digest.iter().fold(String::with_capacity(64), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        })
    }
}
