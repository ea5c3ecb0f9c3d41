//! The objects that a database names, to find out which of them a backup or a copy of the attachments lacks.

use std::{collections::HashSet, path::Path};

use evidence::ContentKey;
use store_sql::{Database as SqlDatabase, DatabaseOptions, DatabaseUrl, PostgresKind};

use super::database::url;
use crate::{
    failure::{Failure, ResultExt as _},
    settings::Database,
};

/// Maximum number of objects that a message names.
const MAX_NAMED: usize = 10;

/// The objects that a database named at one time. Each takes 70 to 140 bytes of memory.
#[derive(Debug, Default)]
pub(crate) struct NamedContents {
    keys: HashSet<ContentKey>,
    /// Keys that no object can have, because someone has changed them.
    malformed: Vec<String>,
}

impl NamedContents {
    /// Reads the names in the copy of a SQLite database.
    ///
    /// # Errors
    /// If the file can't be read.
    pub(crate) async fn of_file(file: &Path) -> Result<Self, Failure> {
        let doing = || format!("can't read {}", file.display());
        let url = DatabaseUrl::Sqlite(file.to_owned());
        let sql = SqlDatabase::open_existing(&url, &DatabaseOptions::default()).await.context(doing)?;
        let named = Self::read(&sql).await;
        sql.close().await;
        named
    }

    /// Reads the names in a database. `kind` is that of the database, if it is no SQLite file.
    ///
    /// # Errors
    /// If the database can't be read.
    pub(crate) async fn of_database(database: &Database, kind: PostgresKind) -> Result<Self, Failure> {
        let sql = open(database, kind).await?;
        let named = Self::read(&sql).await;
        sql.close().await;
        named
    }

    async fn read(sql: &SqlDatabase) -> Result<Self, Failure> {
        let mut named = Self::default();
        let read = sql.for_each_object_key(|key| match key.parse() {
            Ok(key) => {
                named.keys.insert(key);
            }
            Err(_) => named.malformed.push(key.to_owned()),
        });
        read.await.context(|| "can't read which attachments the database names".to_owned())?;
        Ok(named)
    }

    /// Whether the database named no object.
    pub(crate) fn is_empty(&self) -> bool {
        self.keys.is_empty() && self.malformed.is_empty()
    }

    /// Notes that this object is not missing.
    pub(super) fn found(&mut self, key: &ContentKey) {
        self.keys.remove(key);
    }

    /// Fails if an object was not found. One that the database does not name any more was removed meanwhile, because
    /// nobody had linked its attachment. `location` is the store in which the objects are missing.
    ///
    /// # Errors
    /// If objects are missing, which the message names, or the database can't be read.
    pub(crate) async fn ensure_found(
        self,
        database: &Database,
        kind: PostgresKind,
        location: &str,
    ) -> Result<(), Failure> {
        if self.is_empty() {
            return Ok(());
        }
        let sql = open(database, kind).await?;
        let missing = self.still_named(&sql).await;
        sql.close().await;
        let missing = missing?;
        if missing.is_empty() {
            return Ok(());
        }
        let more = missing.len().saturating_sub(MAX_NAMED);
        let mut names = missing.iter().take(MAX_NAMED).map(String::as_str).collect::<Vec<_>>().join(", ");
        if more > 0 {
            names.push_str(&format!(" and {more} more"));
        }
        Err(Failure::new(format!(
            "the database names {} that {} missing in {location}: {names}. `novantra evidence verify` says which \
             attachments they belong to: restore them from an earlier backup, or upload the files again",
            if missing.len() == 1 { "1 object".to_owned() } else { format!("{} objects", missing.len()) },
            if missing.len() == 1 { "is" } else { "are" },
        )))
    }

    async fn still_named(self, sql: &SqlDatabase) -> Result<Vec<String>, Failure> {
        let mut missing = self.malformed;
        for key in self.keys {
            let doing = || "can't read which attachments the database names".to_owned();
            if sql.object_key(key.organization, &key.hash.to_string()).await.context(doing)?.is_some() {
                missing.push(key.to_string());
            }
        }
        missing.sort_unstable();
        Ok(missing)
    }
}

async fn open(database: &Database, kind: PostgresKind) -> Result<SqlDatabase, Failure> {
    let options = DatabaseOptions { kind, ..DatabaseOptions::default() };
    let opened = SqlDatabase::open_existing(&url(database)?, &options).await;
    opened.context(|| "can't open the database that names the attachments".to_owned())
}
