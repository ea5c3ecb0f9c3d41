//! The bytes that the tables of the audit log occupy, and whether the server still packs them.

use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use crate::{
    failure::{Context, Outcome},
    pause,
    servers::{DATABASE, Novantra, Postgres},
};

const COMPACTION_TIMEOUT: Duration = Duration::from_secs(600);
const POLL_INTERVAL: Duration = Duration::from_millis(200);

/// The number of blocks that become one segment. Fewer stay as they are.
const BLOCKS_OF_A_SEGMENT: i64 = 16;

/// Counts the whole blocks that are not in a segment. Servers before 0.2 have no such table.
const BLOCKS: &str = "SELECT count(*) FROM audit_runs WHERE last_sequence - first_sequence = 255";

/// Counts the logs of which entries are in the old form.
const UNCONVERTED: &str = "SELECT count(*) FROM audit_heads WHERE old_through > 0";

/// Waits until fewer blocks are left than a segment has.
pub(super) fn wait_until_compacted(mut blocks: impl FnMut() -> Outcome<i64>) -> Outcome<()> {
    pause::poll_until("the compaction of the log", COMPACTION_TIMEOUT, POLL_INTERVAL, || {
        Ok((blocks()? < BLOCKS_OF_A_SEGMENT).then_some(()))
    })
}

pub(super) fn blocks_on_postgres(postgres: &Postgres) -> Outcome<i64> {
    if postgres.query("SELECT to_regclass('audit_runs') IS NULL")? == "t" {
        return Ok(0);
    }
    Ok(postgres.query(BLOCKS)?.parse()?)
}

pub(super) fn blocks_on_sqlite(server: &Novantra) -> Outcome<i64> {
    let database = open(server)?;
    if !database.table_exists(None, "audit_runs")? {
        return Ok(0);
    }
    Ok(database.query_row(BLOCKS, [], |row| row.get(0))?)
}

pub(super) fn unconverted_on_postgres(postgres: &Postgres) -> Outcome<i64> {
    Ok(postgres.query(UNCONVERTED)?.parse()?)
}

pub(super) fn unconverted_on_sqlite(server: &Novantra) -> Outcome<i64> {
    Ok(open(server)?.query_row(UNCONVERTED, [], |row| row.get(0))?)
}

/// Returns the bytes of all tables of the log with their indexes and large values, vacuumed.
pub(super) fn bytes_on_postgres(postgres: &Postgres) -> Outcome<f64> {
    let tables = postgres
        .query("SELECT string_agg(relname, ',') FROM pg_class WHERE relkind = 'r' AND relname LIKE 'audit\\_%'")?;
    postgres.query(&format!("VACUUM FULL {tables}"))?;
    let bytes = postgres.query(
        "SELECT sum(pg_total_relation_size(oid)) FROM pg_class WHERE relkind = 'r' AND relname LIKE 'audit\\_%'",
    )?;
    Ok(bytes.parse()?)
}

/// Returns the bytes of the pages of all tables of the log and their indexes.
pub(super) fn bytes_on_sqlite(server: &Novantra) -> Outcome<f64> {
    let bytes: i64 = open(server)?.query_row(
        "SELECT sum(pgsize) FROM dbstat WHERE aggregate = true AND name IN \
         (SELECT name FROM sqlite_schema WHERE tbl_name LIKE 'audit\\_%' ESCAPE '\\')",
        [],
        |row| row.get(0),
    )?;
    Ok(bytes as f64)
}

fn open(server: &Novantra) -> Outcome<Connection> {
    let path = server.folder().join(DATABASE);
    Connection::open_with_flags(&path, OpenFlags::SQLITE_OPEN_READ_ONLY).context(|| path.display().to_string())
}
