//! The settings of the database.

use std::{path::PathBuf, time::Duration};

use secrecy::SecretString;
use store_sql::{DatabaseOptions, PostgresKind};

use super::{
    parsers::{parse_duration, parse_one_of, parse_positive},
    reader::SettingsReader,
    table,
};

/// The database that stores the records.
#[derive(Clone, Debug)]
pub(crate) enum Database {
    /// The memory of this process.
    Memory,
    /// A SQLite file.
    Sqlite(PathBuf),
    /// A PostgreSQL URL, which may contain a password.
    Postgres(SecretString),
}

/// Reads the options of connections.
pub(super) fn read_database_options(reader: &mut SettingsReader<'_>) -> Option<DatabaseOptions> {
    let connections = reader.value(&table::DATABASE_CONNECTIONS, |text| {
        let number = parse_positive(text).ok().filter(|number| (5..=1000).contains(number));
        number.ok_or_else(|| format!("{text:?} is not a whole number from 5 to 1000"))
    });
    let statement_timeout = reader.value(&table::DATABASE_STATEMENT_TIMEOUT, |text| {
        let span = parse_duration(text)?;
        let is_valid = (Duration::from_secs(1)..=Duration::from_secs(60 * 60)).contains(&span);
        if is_valid { Ok(span) } else { Err(format!("{text} is not from 1s to 1h")) }
    });
    let kind = reader.value(&table::DATABASE_ENGINE, |text| {
        let kinds = [
            ("auto", PostgresKind::Detected),
            ("postgresql", PostgresKind::Single),
            ("distributed", PostgresKind::Distributed),
        ];
        parse_one_of(text, &kinds)
    });
    Some(DatabaseOptions { connections: connections?, statement_timeout: statement_timeout?, kind: kind? })
}

/// Parses a database URL.
///
/// # Errors
/// If the URL names no file, or its scheme is unknown.
pub(crate) fn parse_database_url(text: &str) -> Result<Database, String> {
    if text == "memory:" {
        return Ok(Database::Memory);
    }
    if let Some(file) = text.strip_prefix("sqlite:") {
        let file = file.strip_prefix("//").unwrap_or(file);
        return if file.is_empty() {
            Err("the URL names no file".to_owned())
        } else {
            Ok(Database::Sqlite(file.into()))
        };
    }
    if text.starts_with("postgres://") || text.starts_with("postgresql://") {
        return Ok(Database::Postgres(SecretString::from(text)));
    }
    Err("the URL must be memory: or start with sqlite: or postgres://".to_owned())
}
