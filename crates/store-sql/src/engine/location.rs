//! The address of the database and the options of connections to it.

mod options;
mod postgres;

use std::{fmt, path::PathBuf, str::FromStr};

pub use options::{DatabaseOptions, PostgresKind};
pub use postgres::PostgresUrl;
pub(crate) use postgres::{Roots, Security, Verification};

/// A database's address: `sqlite:path` or `postgres://…`.
#[derive(Clone)]
pub enum DatabaseUrl {
    /// A PostgreSQL server, or another that speaks its protocol.
    Postgres(Box<PostgresUrl>),
    /// A SQLite file.
    Sqlite(PathBuf),
}

/// The text is not a database address this store supports. The message does not repeat it: it may contain a password.
#[derive(Debug, thiserror::Error)]
#[error("not a database address of the form sqlite:path or postgres://user@host/database{0}")]
pub struct MalformedDatabaseUrl(String);

impl FromStr for DatabaseUrl {
    type Err = MalformedDatabaseUrl;

    fn from_str(text: &str) -> Result<Self, MalformedDatabaseUrl> {
        if let Some(path) = text.strip_prefix("sqlite:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            let named = !path.is_empty() && path != ":memory:";
            return if named {
                Ok(Self::Sqlite(path.into()))
            } else {
                Err(MalformedDatabaseUrl(": the path of a file is required".into()))
            };
        }
        if text.starts_with("postgres://") || text.starts_with("postgresql://") {
            let url = PostgresUrl::parse(text).map_err(|error| MalformedDatabaseUrl(format!(": {error}")))?;
            return Ok(Self::Postgres(Box::new(url)));
        }
        Err(MalformedDatabaseUrl(String::new()))
    }
}

impl fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Postgres(url) => write!(f, "{url:?}"),
            Self::Sqlite(path) => write!(f, "sqlite:{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_scheme_of_an_address_determines_the_engine() {
        assert!(matches!("sqlite:data/n.db".parse(), Ok(DatabaseUrl::Sqlite(path)) if path == *"data/n.db"));
        assert!(matches!("sqlite:///var/n.db".parse(), Ok(DatabaseUrl::Sqlite(path)) if path == *"/var/n.db"));
        assert!(matches!("postgres://u@h/d".parse(), Ok(DatabaseUrl::Postgres(_))));
        for bad in ["", "sqlite:", "sqlite::memory:", "mysql://h/d", "data.db"] {
            assert!(bad.parse::<DatabaseUrl>().is_err(), "{bad:?}");
        }
    }

    #[test]
    fn debug_output_and_errors_do_not_contain_the_password() {
        let url: DatabaseUrl = "postgres://user:hunter2@host/db".parse().unwrap();
        assert!(!format!("{url:?}").contains("hunter2"));
        for refused in ["mysql://user:hunter2@host/db", "postgres://user:hunter2@host/db?sslmode=loud"] {
            let refused = refused.parse::<DatabaseUrl>().unwrap_err();
            assert!(!refused.to_string().contains("hunter2"));
        }
    }
}
