//! The comparison of a database's schema with the one that the migrations make.
//!
//! Somebody who can write to the database and has no key could suppress rows of the audit log by a trigger, a rule, row
//! security or a view in the place of a table. So the catalogue is compared with that of a schema into which the
//! migrations have just been run: on SQLite in a database in memory, on PostgreSQL in a schema of a transaction that is
//! rolled back.

mod postgres;
mod sqlite;

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use kernel::StoreError;

use super::{Database, migrations};
use crate::engine::{Engine, PostgresKind, RowReader};

/// The kind of tables and views.
const RELATION: &str = "relation";
const COLUMN: &str = "column";
/// The kinds of objects that a migration of a newer program may add or change while this program runs.
const STRUCTURE: &[&str] = &[RELATION, COLUMN, "index", "constraint"];

/// The maximum number of characters of a definition in a message.
const MAX_EXCERPT: usize = 160;
/// The number of characters before the first difference of a long definition in a message.
const EXCERPT_CONTEXT: usize = 40;

/// The result of a comparison.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SchemaComparison {
    /// The differences that can change what is read or stored.
    pub differences: Vec<SchemaDifference>,
    /// The differences that can't, such as an additional index, or that may be the work of a newer program.
    pub remarks: Vec<SchemaDifference>,
    /// The reason for which only triggers, rules, row security and the names of tables and columns were compared.
    pub limitation: Option<Limitation>,
    /// Whether a newer program has migrated the database, so that its tables may differ from those of this program.
    pub is_newer: bool,
}

/// A reason for which a schema can't be compared as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limitation {
    /// The database is distributed, and its catalogue has more than the migrations make.
    Distributed,
    /// The database speaks the protocol of PostgreSQL, but may be unable to roll back a schema.
    OtherEngine,
    /// The user of the database may not create a schema in it.
    MissingPrivilege,
}

/// An object of the database that differs from the migrations, or that only one of both has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SchemaDifference {
    /// The object, for instance `the trigger hide on audit_entries`.
    pub object: String,
    /// Its definition in the database, if it is there.
    pub found: Option<String>,
    /// Its definition by the migrations, if they make it.
    pub expected: Option<String>,
}

/// An object as the catalogue describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Object {
    kind: String,
    /// The table or view that it belongs to, or is; empty for an object of the whole database.
    table: String,
    name: String,
    definition: String,
    /// Whether an additional object like this one changes nothing about the tables of the migrations.
    is_harmless: bool,
}

/// The objects of the database and those of the migrations.
struct Schemas {
    found: Vec<Object>,
    expected: Vec<Object>,
    limitation: Option<Limitation>,
}

impl Database {
    /// Compares the schema with the one that this program's migrations make.
    ///
    /// # Errors
    /// [`StoreError`] if the database can't be read, or lacks migrations.
    pub async fn compare_schema(&self, kind: PostgresKind) -> Result<SchemaComparison, StoreError> {
        self.ensure_current().await?;
        let is_newer = self.schema_version().await? > migrations::newest();
        let schemas = match *self.engine {
            Engine::Sqlite(_) => self.engine.read((), |(), session| Box::pin(sqlite::schemas(session))).await?,
            Engine::Postgres(_) => postgres::schemas(&self.engine, kind).await?,
        };
        Ok(compare(&schemas, is_newer))
    }
}

impl Object {
    fn read(cells: &mut RowReader<'_>) -> Result<Self, StoreError> {
        Ok(Self {
            kind: cells.text()?.to_owned(),
            table: cells.text()?.to_owned(),
            name: cells.text()?.to_owned(),
            definition: cells.text()?.to_owned(),
            is_harmless: cells.int()? == 1,
        })
    }

    fn key(&self) -> Key<'_> {
        (&self.table, &self.kind, &self.name)
    }

    /// Whether the object belongs to one of the tables and views, or to none.
    fn is_of(&self, relations: &BTreeSet<String>) -> bool {
        self.table.is_empty() || relations.contains(&self.table)
    }

    /// The first two words of the definition, which say whether a relation is a table.
    fn form(&self) -> Vec<&str> {
        self.definition.split_whitespace().take(2).collect()
    }

    fn describe(&self) -> String {
        let Self { kind, table, name, .. } = self;
        printable(&match (kind.as_str(), table.as_str()) {
            (RELATION, _) => name.clone(),
            (_, "") => format!("the {kind} {name}"),
            _ if name.is_empty() => format!("the {kind} of {table}"),
            _ => format!("the {kind} {name} of {table}"),
        })
    }
}

type Key<'o> = (&'o str, &'o str, &'o str);

/// Compares the objects of both schemas.
fn compare(schemas: &Schemas, is_newer: bool) -> SchemaComparison {
    let (found, expected) = (by_key(&schemas.found), by_key(&schemas.expected));
    let tables = |objects: &BTreeMap<Key<'_>, &Object>, kind| -> BTreeSet<String> {
        objects.values().filter(|object| object.kind == kind).map(|object| object.table.clone()).collect()
    };
    let (relations, with_columns) = (tables(&expected, RELATION), tables(&found, COLUMN));
    let keys: BTreeSet<Key<'_>> = found.keys().chain(expected.keys()).copied().collect();
    let pairs: Vec<_> = keys.iter().map(|key| (found.get(key).copied(), expected.get(key).copied())).collect();
    let differing = pairs.iter().filter(|(found, expected)| {
        found.map(|object| &object.definition) != expected.map(|object| &object.definition)
    });
    let with_other_columns: BTreeSet<&str> = differing
        .clone()
        .filter_map(|(found, expected)| found.or(*expected))
        .filter(|object| object.kind == COLUMN)
        .map(|object| object.table.as_str())
        .collect();

    let is_complete = schemas.limitation.is_none();
    let mut comparison = SchemaComparison { limitation: schemas.limitation, is_newer, ..SchemaComparison::default() };
    for (found, expected) in differing {
        let Some(object) = found.or(*expected) else { continue };
        let (is_relation, is_column) = (object.kind == RELATION, object.kind == COLUMN);
        let may_be_newer = is_newer && STRUCTURE.contains(&object.kind.as_str());
        let is_remark = match (found, expected) {
            // SQLite's definition of a table contains those of the columns.
            (Some(found), Some(expected)) if is_relation && found.form() == expected.form() => {
                if with_other_columns.contains(object.table.as_str()) {
                    continue;
                }
                may_be_newer
            }
            (Some(_), Some(_)) => may_be_newer && !is_relation,
            // The shards of a distributed database are tables, and what belongs to a table of others is their affair.
            (Some(_), None) if !is_complete && is_relation => continue,
            (Some(_), None) if !is_relation && !object.is_of(&relations) && (is_complete || is_column) => continue,
            (Some(found), None) => found.is_harmless || may_be_newer,
            // The table is missing or is a view, which is reported already.
            (None, _) if !is_relation && !object.is_of(&with_columns) => continue,
            (None, _) => may_be_newer && !is_relation && !is_column,
        };
        let difference = SchemaDifference::new(object, *found, *expected);
        if is_remark { comparison.remarks.push(difference) } else { comparison.differences.push(difference) }
    }
    comparison
}

fn by_key(objects: &[Object]) -> BTreeMap<Key<'_>, &Object> {
    objects.iter().map(|object| (object.key(), object)).collect()
}

impl SchemaDifference {
    fn new(object: &Object, found: Option<&Object>, expected: Option<&Object>) -> Self {
        let definition = |of: Option<&Object>, other: Option<&Object>| {
            of.map(|of| excerpt(&of.definition, other.map_or("", |other| &other.definition)))
        };
        Self { object: object.describe(), found: definition(found, expected), expected: definition(expected, found) }
    }
}

impl fmt::Display for SchemaDifference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { object, found, expected } = self;
        let quoted = |definition: &str| if definition.is_empty() { String::new() } else { format!(" ({definition})") };
        match (found, expected) {
            (Some(found), Some(expected)) => write!(f, "{object} is \"{found}\", but must be \"{expected}\""),
            (Some(found), None) => write!(f, "{object} is not of this program{}", quoted(found)),
            (None, expected) => write!(f, "{object} is missing{}", quoted(expected.as_deref().unwrap_or_default())),
        }
    }
}

impl fmt::Display for Limitation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Distributed => "the database is distributed",
            Self::OtherEngine => "the database is not PostgreSQL itself",
            Self::MissingPrivilege => {
                "the user of the database may not create a schema in it, which GRANT CREATE ON DATABASE permits"
            }
        })
    }
}

/// Returns a definition on one line; of a long one, the part that differs from the other.
fn excerpt(definition: &str, other: &str) -> String {
    let mut start = 0;
    if definition.chars().count() > MAX_EXCERPT {
        let common = definition.chars().zip(other.chars()).take_while(|(one, another)| one == another).count();
        start = common.saturating_sub(EXCERPT_CONTEXT);
    }
    let part: String = definition.chars().skip(start).take(MAX_EXCERPT).collect();
    let is_cut = start + part.chars().count() < definition.chars().count();
    let (before, after) = (if start > 0 { "…" } else { "" }, if is_cut { "…" } else { "" });
    format!("{before}{}{after}", printable(&part))
}

/// Returns the text on one line, without control characters.
fn printable(text: &str) -> String {
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    words.chars().map(|character| if character.is_control() { '\u{fffd}' } else { character }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(kind: &str, table: &str, name: &str, definition: &str) -> Object {
        let is_harmless = definition.starts_with("plain");
        let [kind, table, name, definition] = [kind, table, name, definition].map(str::to_owned);
        Object { kind, table, name, definition, is_harmless }
    }

    fn migrated() -> Vec<Object> {
        vec![
            object(RELATION, "entries", "entries", "table"),
            object(COLUMN, "entries", "id", "text"),
            object(COLUMN, "entries", "note", "text"),
            object("index", "entries", "entries_note", "plain index"),
        ]
    }

    /// Returns the differences and the remarks.
    fn compared(
        change: impl FnOnce(&mut Vec<Object>),
        limitation: Option<Limitation>,
        is_newer: bool,
    ) -> (Vec<String>, Vec<String>) {
        let mut found = migrated();
        change(&mut found);
        let comparison = compare(&Schemas { found, expected: migrated(), limitation }, is_newer);
        let texts = |differences: Vec<SchemaDifference>| differences.iter().map(ToString::to_string).collect();
        (texts(comparison.differences), texts(comparison.remarks))
    }

    const NONE: [&str; 0] = [];

    #[test]
    fn a_database_that_a_newer_program_has_migrated_may_have_more_tables_columns_and_indexes_but_no_trigger() {
        let change = |found: &mut Vec<Object>| {
            found.retain(|object| object.kind != "index");
            found.push(object(COLUMN, "entries", "origin", "text DEFAULT 'here'"));
            found.push(object("constraint", "entries", "entries_origin", "CHECK (origin <> '')"));
            found.push(object("trigger", "entries", "hide", "runs hide"));
            found[0].definition = "view AS SELECT 1".into();
        };
        let (differences, remarks) = compared(change, None, true);
        assert_eq!(
            differences,
            [
                "entries is \"view AS SELECT 1\", but must be \"table\"",
                "the trigger hide of entries is not of this program (runs hide)",
            ]
        );
        assert_eq!(remarks.len(), 3, "{remarks:?}");
        let (differences, _) = compared(change, None, false);
        assert_eq!(differences.len(), 5, "{differences:?}");
        let (differences, _) = compared(|found| found.truncate(2), None, true);
        assert_eq!(differences, ["the column note of entries is missing (text)"]);
    }

    #[test]
    fn tables_of_others_are_remarks_and_what_belongs_to_them_is_not_compared() {
        let change = |found: &mut Vec<Object>| {
            found.push(object(RELATION, "others", "others", "plain table"));
            found.push(object(COLUMN, "others", "id", "text"));
            found.push(object("trigger", "others", "theirs", "runs theirs"));
        };
        let (differences, remarks) = compared(change, None, false);
        assert_eq!(differences, NONE);
        assert_eq!(remarks, ["others is not of this program (plain table)"]);
        let (differences, remarks) = compared(change, Some(Limitation::Distributed), false);
        assert_eq!(remarks, NONE, "shards");
        assert_eq!(differences, ["the trigger theirs of others is not of this program (runs theirs)"], "of a shard");
    }

    #[test]
    fn a_table_that_is_missing_is_reported_without_its_parts() {
        let (differences, remarks) = compared(Vec::clear, None, false);
        assert_eq!((differences, remarks), (vec!["entries is missing (table)".to_owned()], Vec::new()));
    }

    #[test]
    fn a_long_definition_is_shown_where_it_differs_and_without_control_characters() {
        let (one, other) = (format!("{} one\u{1b}\n{}", "a".repeat(300), "b".repeat(300)), "a".repeat(300));
        let shown = excerpt(&one, &other);
        assert!(shown.starts_with(&format!("…{} one\u{fffd} bbb", "a".repeat(EXCERPT_CONTEXT))), "{shown}");
        assert!(shown.ends_with("b…"), "{shown}");
        assert_eq!(excerpt("text  NOT NULL", "text"), "text NOT NULL");
    }
}
