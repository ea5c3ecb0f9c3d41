//! The migrations that create the table of a register, one for each engine.

use std::fs;

use super::{
    Names,
    statement::{Column, Register},
};
use crate::{Outcome, root};

/// An engine's spelling of the types of columns.
pub(super) struct Engine {
    pub(super) folder: &'static str,
    text: &'static str,
    integer: &'static str,
    /// The end of a table's definition.
    end: &'static str,
}

pub(super) const ENGINES: [&Engine; 2] = [
    &Engine { folder: "sqlite", text: "text", integer: "integer", end: ") STRICT;" },
    &Engine { folder: "postgres", text: "text COLLATE \"C\"", integer: "bigint", end: ");" },
];

/// The number of the register's migration: the one it has already, or the next.
pub(super) fn number(names: &Names) -> Outcome<u32> {
    let folder = root().join("migrations/sqlite");
    let files = fs::read_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let files = files.filter_map(|file| Some(file.ok()?.file_name().to_string_lossy().into_owned()));
    let numbered: Vec<(u32, String)> =
        files.filter_map(|file| Some((file.get(..4)?.parse().ok()?, file.get(5..)?.to_owned()))).collect();
    let own = numbered.iter().find(|(_, name)| *name == format!("{}.sql", names.plural));
    let last = numbered.iter().map(|(number, _)| *number).max().unwrap_or_default();
    Ok(own.map_or(last + 1, |(number, _)| *number))
}

/// Returns the text of the migration: the table, the unique index of its key, and the indexes of its filters, one for
/// each order.
pub(super) fn text(register: &Register, engine: &Engine) -> String {
    let Register { plural, columns } = register;
    let column = |name: &str, is_integer: bool, is_nullable: bool| {
        let column_type = if is_integer { engine.integer } else { engine.text };
        let null = if is_nullable { "" } else { " NOT NULL" };
        format!("    {name} {column_type}{null},\n")
    };
    let meta =
        [("organization_id", false), ("id", false), ("revision", true), ("created_at", true), ("updated_at", true)];
    let mut text = format!("CREATE TABLE {plural} (\n");
    text.extend(meta.map(|(name, is_integer)| column(name, is_integer, false)));
    text.extend(columns.iter().map(|own| column(&own.name, own.is_integer, own.is_nullable)));
    text.push_str(&format!("    PRIMARY KEY (organization_id, id)\n{}\n", engine.end));
    let checked: String =
        columns.iter().filter(|column| column.is_checked).map(|column| format!(", {}", column.name)).collect();
    for Column { name, key_within, .. } in columns.iter().filter(|column| column.key_within.is_some()) {
        let within = key_within.as_deref().filter(|within| !within.is_empty());
        let within = within.map(|within| format!("{within}, ")).unwrap_or_default();
        text.push_str(&format!("CREATE UNIQUE INDEX {plural}_{name} ON {plural} (organization_id, {within}{name});\n"));
    }
    text.push_str(&format!("CREATE INDEX {plural}_changed ON {plural} (organization_id, updated_at, id);\n"));
    for Column { name, is_nullable, .. } in
        columns.iter().filter(|column| column.is_indexed && column.key_within.is_none())
    {
        let only = if *is_nullable { format!(" WHERE {name} IS NOT NULL") } else { String::new() };
        for (suffix, order) in [("", "id"), ("_changed", "updated_at, id")] {
            let index = format!("CREATE INDEX {plural}_{name}{suffix} ON {plural}");
            text.push_str(&format!("{index} (organization_id, {name}, {order}{checked}){only};\n"));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(name: &str) -> Column {
        Column {
            name: name.to_owned(),
            is_integer: false,
            is_nullable: false,
            key_within: None,
            is_indexed: false,
            is_checked: false,
        }
    }

    #[test]
    fn a_table_has_its_key_and_an_index_for_each_filter_and_order() {
        let columns = vec![
            Column { is_indexed: true, ..column("parent_id") },
            Column { key_within: Some("parent_id".to_owned()), ..column("key") },
            Column { is_nullable: true, is_indexed: true, ..column("subject_resource_id") },
            Column { is_integer: true, is_checked: true, ..column("measured_at") },
        ];
        let register = Register { plural: "things".to_owned(), columns };
        assert_eq!(
            text(&register, ENGINES[0]),
            "CREATE TABLE things (\n    organization_id text NOT NULL,\n    id text NOT NULL,\n    revision integer NOT NULL,\n    \
             created_at integer NOT NULL,\n    updated_at integer NOT NULL,\n    parent_id text NOT NULL,\n    key text NOT NULL,\n    \
             subject_resource_id text,\n    measured_at integer NOT NULL,\n    PRIMARY KEY (organization_id, id)\n) STRICT;\n\
             CREATE UNIQUE INDEX things_key ON things (organization_id, parent_id, key);\n\
             CREATE INDEX things_changed ON things (organization_id, updated_at, id);\n\
             CREATE INDEX things_parent_id ON things (organization_id, parent_id, id, measured_at);\n\
             CREATE INDEX things_parent_id_changed ON things (organization_id, parent_id, updated_at, id, measured_at);\n\
             CREATE INDEX things_subject_resource_id ON things (organization_id, subject_resource_id, id, measured_at) \
             WHERE subject_resource_id IS NOT NULL;\n\
             CREATE INDEX things_subject_resource_id_changed ON things (organization_id, subject_resource_id, updated_at, id, \
             measured_at) WHERE subject_resource_id IS NOT NULL;\n"
        );
        let postgres = text(&register, ENGINES[1]);
        assert!(
            postgres.contains("    key text COLLATE \"C\" NOT NULL,\n")
                && postgres.contains("revision bigint NOT NULL")
        );
    }
}
