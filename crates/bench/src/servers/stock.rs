//! Data sets: created once through the API, and copied for every server that needs one.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use rusqlite::Connection;
use tempfile::TempDir;

use crate::{
    failure::{Context, Outcome},
    http::{Request, call},
    sample,
    servers::{
        MeasuredProgram,
        finished::Finished,
        novantra::{Account, DATABASE, Novantra, Setting},
    },
};

/// The data folder of a stopped server, with findings and an account that may read and write them.
pub(crate) struct DataSet {
    binary: PathBuf,
    /// The folder for copies.
    parent_folder: PathBuf,
    folder: TempDir,
    pub(crate) account: Account,
    findings: usize,
}

impl DataSet {
    /// Creates a workspace with an account and no findings.
    pub(crate) fn empty(binary: &Path, beside: &Path) -> Outcome<Self> {
        let server = Novantra::start(binary, create_folder(beside)?, &[])?;
        let account = server.create_account("bench")?;
        server.wait_until_idle()?;
        let folder = server.stop()?;
        Ok(Self { binary: binary.to_owned(), parent_folder: beside.to_owned(), folder, account, findings: 0 })
    }

    /// Returns a copy with more findings, `findings` in all, created through the API.
    pub(crate) fn with_findings(&self, findings: usize) -> Outcome<Self> {
        let server = self.serve(&[])?;
        let (host, token) = (server.host()?, server.issue_token(&self.account)?);
        for first in (self.findings..findings).step_by(sample::MAX_BATCH) {
            let body = sample::batch(first, sample::MAX_BATCH.min(findings - first));
            call(host, &Request::post("/api/v1/governance/findings/batch", body).bearer(&token))?.expect_status(200)?;
        }
        server.wait_until_idle()?;
        let folder = server.stop()?;
        let Self { binary, parent_folder: beside, account, .. } = self;
        Ok(Self { binary: binary.clone(), parent_folder: beside.clone(), folder, account: account.clone(), findings })
    }

    /// Returns a copy with copies of its findings, `findings` in all, made in the file, since the API would take
    /// minutes.
    ///
    /// Each copy follows its original in the order of creation, and in the file it follows the previous copy.
    pub(crate) fn with_copied_findings(&self, findings: usize) -> Outcome<Self> {
        let folder = create_folder(&self.parent_folder)?;
        copy_files(self.folder.path(), folder.path())?;
        let database = Connection::open(folder.path().join(DATABASE))?;
        let copies = findings / self.findings - 1;
        multiply(&database, "findings", copies)?;
        database.close().map_err(|(_, error)| error)?;
        let Self { binary, parent_folder: beside, account, .. } = self;
        let findings = self.findings * (copies + 1);
        Ok(Self { binary: binary.clone(), parent_folder: beside.clone(), folder, account: account.clone(), findings })
    }

    /// Returns a copy into which a command has imported a file, and what the command took.
    pub(crate) fn with_import(&self, format: &str, file: &Path) -> Outcome<(Self, Finished)> {
        let folder = create_folder(&self.parent_folder)?;
        copy_files(self.folder.path(), folder.path())?;
        let mut command = Command::new(&self.binary);
        command.args(["import", format]).arg(file).args(["--workspace", "default"]);
        let finished = Finished::of(command.arg("--data-dir").arg(folder.path()), folder.path())?;
        Ok((self.with_folder(folder), finished))
    }

    /// Returns a copy with copies of the first row of a register, `rows` in all, made in the file.
    pub(crate) fn with_copied_rows(&self, table: &str, rows: usize) -> Outcome<Self> {
        let folder = create_folder(&self.parent_folder)?;
        copy_files(self.folder.path(), folder.path())?;
        let database = Connection::open(folder.path().join(DATABASE))?;
        multiply(&database, table, rows - 1)?;
        database.close().map_err(|(_, error)| error)?;
        Ok(self.with_folder(folder))
    }

    /// The path of the database.
    pub(crate) fn database(&self) -> PathBuf {
        self.folder.path().join(DATABASE)
    }

    fn with_folder(&self, folder: TempDir) -> Self {
        let Self { binary, parent_folder, account, findings, .. } = self;
        let (binary, parent_folder, account) = (binary.clone(), parent_folder.clone(), account.clone());
        Self { binary, parent_folder, folder, account, findings: *findings }
    }

    /// Starts a server on a copy of this data set.
    pub(crate) fn serve(&self, settings: &[Setting<'_>]) -> Outcome<Novantra> {
        let copy = create_folder(&self.parent_folder)?;
        copy_files(self.folder.path(), copy.path())?;
        Novantra::start(&self.binary, copy, settings)
    }
}

/// Adds `copies` copies of each row, with identifiers and keys of their own.
fn multiply(database: &Connection, table: &str, copies: usize) -> Outcome<()> {
    let columns: Vec<String> = database
        .prepare(&format!("SELECT name FROM pragma_table_info('{table}')"))?
        .query_map([], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    let copied = columns.iter().map(|column| match column.as_str() {
        // The time of creation stays; the rest is a number in the alphabet of identifiers.
        "id" => "substr(f.id, 1, 10) || printf('%08d', f.rowid) || printf('%08d', n.i)".to_owned(),
        "key" | "target_resource_id" => format!("f.{column} || ':' || n.i"),
        // With the parents, these times identify records without a key.
        "started_at" | "observed_at" | "measured_at" => format!("f.{column} + n.i"),
        column => format!("f.{column}"),
    });
    let copied: Vec<String> = copied.collect();
    database.execute_batch("PRAGMA synchronous = OFF; PRAGMA cache_size = -200000;")?;
    database.execute(
        &format!(
            "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1) \
             INSERT INTO {table} ({}) SELECT {} FROM {table} AS f CROSS JOIN n ORDER BY f.id, n.i",
            columns.join(", "),
            copied.join(", ")
        ),
        [copies as i64],
    )?;
    database.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
    Ok(())
}

/// Creates a folder for a server's data.
pub(crate) fn create_folder(beside: &Path) -> Outcome<TempDir> {
    let created = tempfile::Builder::new().prefix("novantra-bench-").tempdir_in(beside);
    created.context(|| format!("can't create a folder in {}", beside.display()))
}

fn copy_files(from: &Path, to: &Path) -> Outcome<()> {
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            fs::create_dir(&target)?;
            copy_files(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_have_unique_keys_and_follow_their_originals() {
        let database = Connection::open_in_memory().unwrap();
        let table = "CREATE TABLE findings (id text PRIMARY KEY, key text UNIQUE, title text)";
        database.execute_batch(table).unwrap();
        for (id, key) in [("01KSFQX5Y8AAAAAAAAAAAAAAAA", "a"), ("01KSFQX5Y9AAAAAAAAAAAAAAAA", "b")] {
            database.execute("INSERT INTO findings VALUES (?1, ?2, 'x')", [id, key]).unwrap();
        }
        multiply(&database, "findings", 3).unwrap();
        let keys: Vec<String> = database
            .prepare("SELECT key FROM findings WHERE length(id) = 26 ORDER BY substr(id, 1, 10), rowid")
            .unwrap()
            .query_map([], |row| row.get(0))
            .unwrap()
            .collect::<Result<_, _>>()
            .unwrap();
        assert_eq!(keys, ["a", "a:1", "a:2", "a:3", "b", "b:1", "b:2", "b:3"]);
    }

    #[test]
    fn subfolders_are_copied() {
        let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        fs::create_dir(from.path().join("keys")).unwrap();
        fs::write(from.path().join("keys/one"), "1").unwrap();
        copy_files(from.path(), to.path()).unwrap();
        assert_eq!(fs::read_to_string(to.path().join("keys/one")).unwrap(), "1");
    }
}
