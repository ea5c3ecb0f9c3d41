//! The schema, step by step. Statements are written by hand for each engine, with the same versions, tables and columns.

use std::fmt::Write as _;

use kernel::{StoreError, Timestamp};

use crate::{
    database::Migration,
    engine::{Script, Session, Sql, Value, corrupt},
};

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
                postgres: include_str!(concat!("../../../migrations/postgres/", $file)),
                sqlite: include_str!(concat!("../../../migrations/sqlite/", $file)),
            },
        },)*]
    };
}

const STEPS: &[Step] = steps! {
    1 "core" "0001_core.sql",
};

const LEDGER: Script = {
    const TEXT: &str = "CREATE TABLE IF NOT EXISTS schema_migrations (
        version bigint NOT NULL PRIMARY KEY, name text NOT NULL, checksum text NOT NULL, applied_at bigint NOT NULL)";
    Script { postgres: TEXT, sqlite: TEXT }
};

/// Those the database lacks, after a look at those it has.
pub(crate) async fn pending(session: &mut Session) -> Result<Vec<Migration>, StoreError> {
    let known = missing(session).await?;
    Ok(known.into_iter().map(Step::describe).collect())
}

/// Applies those the database lacks, in the transaction of the session.
pub(crate) async fn apply(session: &mut Session, now: Timestamp) -> Result<Vec<Migration>, StoreError> {
    session.lock_schema().await?;
    session.run_script(&LEDGER).await?;
    let insert = Sql::fixed("INSERT INTO schema_migrations (version, name, checksum, applied_at) VALUES (?, ?, ?, ?)");
    let mut applied = Vec::new();
    for step in missing(session).await? {
        session.run_script(&step.script).await?;
        let values = [step.version.into(), Value::text(step.name), step.checksum(session).into(), now.into()];
        session.execute(&insert, &values).await?;
        applied.push(step.describe());
    }
    Ok(applied)
}

async fn missing(session: &mut Session) -> Result<Vec<&'static Step>, StoreError> {
    let mut done = 0;
    if session.has_table("schema_migrations").await? {
        let every = Sql::fixed("SELECT version, name, checksum FROM schema_migrations ORDER BY version");
        let rows = session
            .fetch(&every, &[], |cells| Ok((cells.int()?, cells.text()?.to_owned(), cells.text()?.to_owned())))
            .await?;
        for (version, name, checksum) in rows {
            let step = STEPS.iter().find(|step| step.version == version).ok_or_else(|| {
                corrupt(format!("the database is newer than this program: it has migration {version} ({name})"))
            })?;
            if step.checksum(session) != checksum {
                return Err(corrupt(format!(
                    "migration {version} ({name}) was applied with other statements than this program's"
                )));
            }
            done = version;
        }
    }
    Ok(STEPS.iter().filter(|step| step.version > done).collect())
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
