//! The migrations that create the table of a register, one for each engine.

use std::fs;

use super::statement::{Column, Register};
use crate::{Outcome, root};

/// How an engine spells the types of columns.
pub(super) struct Engine {
    pub(super) folder: &'static str,
    text: &'static str,
    integer: &'static str,
    /// The end of a table's definition.
    end: &'static str,
    /// Whether the planner's statistics are a part of the schema.
    has_fixed_statistics: bool,
}

pub(super) const ENGINES: [&Engine; 2] = [
    &Engine { folder: "sqlite", text: "text", integer: "integer", end: ") STRICT;", has_fixed_statistics: true },
    &Engine {
        folder: "postgres",
        text: "text COLLATE \"C\"",
        integer: "bigint",
        end: ");",
        has_fixed_statistics: false,
    },
];

/// The number of the register's migration: the one it has already, or the next.
pub(super) fn number(register: &Register) -> Outcome<u32> {
    let folder = root().join("migrations/sqlite");
    let files = fs::read_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let files = files.filter_map(|file| Some(file.ok()?.file_name().to_string_lossy().into_owned()));
    let numbered: Vec<(u32, String)> =
        files.filter_map(|file| Some((file.get(..4)?.parse().ok()?, file.get(5..)?.to_owned()))).collect();
    let own = numbered.iter().find(|(_, name)| *name == format!("{}.sql", register.plural));
    let last = numbered.iter().map(|(number, _)| *number).max().unwrap_or_default();
    Ok(own.map_or(last + 1, |(number, _)| *number))
}

/// The number of records in a table, and in one organization, that the planner of SQLite assumes.
const ASSUMED_ROWS: [u32; 2] = [10_000, 1_000];

/// An index of a table.
struct Index {
    name: String,
    is_unique: bool,
    /// The columns after the organization.
    columns: String,
    /// How many records share a value of the organization and the first one, two, … of these columns.
    shared_by: Vec<u32>,
    /// The condition of a partial index.
    condition: String,
}

/// The text of the migration: the table, the unique index of its key, and the indexes of its filters, one for each order.
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
    let indexes = indexes(register);
    for Index { name, is_unique, columns, condition, .. } in &indexes {
        let unique = if *is_unique { "UNIQUE " } else { "" };
        text.push_str(&format!("CREATE {unique}INDEX {name} ON {plural} (organization_id, {columns}){condition};\n"));
    }
    if engine.has_fixed_statistics {
        text.push_str(&statistics(plural, &indexes));
    }
    text
}

fn indexes(register: &Register) -> Vec<Index> {
    let Register { plural, columns } = register;
    let mut indexes = Vec::new();
    for Column { name, key_within, .. } in columns {
        let (within, shared_by) = match key_within.as_deref() {
            None => continue,
            Some("") => (String::new(), vec![1]),
            Some(parent) => (format!("{parent}, "), vec![5, 1]),
        };
        indexes.push(Index {
            name: format!("{plural}_{name}"),
            is_unique: true,
            columns: format!("{within}{name}"),
            shared_by,
            condition: String::new(),
        });
    }
    indexes.extend(identity_indexes(register));
    indexes.push(Index {
        name: format!("{plural}_changed"),
        is_unique: false,
        columns: "updated_at, id".to_owned(),
        shared_by: vec![2, 1],
        condition: String::new(),
    });
    let checked: Vec<String> =
        columns.iter().filter(|column| column.is_checked).map(|column| format!(", {}", column.name)).collect();
    for Column { name, is_nullable, shared_by, .. } in columns.iter().filter(|column| column.key_within.is_none()) {
        let Some(count) = *shared_by else { continue };
        for (suffix, order, mut shared_by) in
            [("", "id", vec![count, 1]), ("_changed", "updated_at, id", vec![count, count.min(2), 1])]
        {
            shared_by.extend(checked.iter().map(|_| 1));
            indexes.push(Index {
                name: format!("{plural}_{name}{suffix}"),
                is_unique: false,
                columns: format!("{name}, {order}{}", checked.concat()),
                shared_by,
                condition: if *is_nullable { format!(" WHERE {name} IS NOT NULL") } else { String::new() },
            });
        }
    }
    indexes
}

/// The unique indexes of the identity of records without a key: one of all its columns, that of the parent last, so that no
/// list is read along it; and one of records in which a part of it is null, since nulls differ from each other.
fn identity_indexes(register: &Register) -> Vec<Index> {
    let Register { plural, columns } = register;
    let identity: Vec<&Column> = columns.iter().filter(|column| column.is_identity).collect();
    let Some((parent, others)) = identity.split_first() else { return Vec::new() };
    let index = |name: &str, columns: Vec<&Column>, condition: String| Index {
        name: format!("{plural}_{name}"),
        is_unique: true,
        shared_by: columns
            .iter()
            .rev()
            .enumerate()
            .map(|(position, _)| if position == 0 { 1 } else { 2 })
            .rev()
            .collect(),
        columns: columns.iter().map(|column| column.name.as_str()).collect::<Vec<_>>().join(", "),
        condition,
    };
    let all = |with_nulls: bool| {
        let others = others.iter().filter(|column| with_nulls || !column.is_nullable);
        others.chain([parent]).copied().collect::<Vec<_>>()
    };
    let null = others.iter().find(|column| column.is_nullable);
    let without = null.map(|null| index("unique_without_nulls", all(false), format!(" WHERE {} IS NULL", null.name)));
    [index("unique", all(true), String::new())].into_iter().chain(without).collect()
}

/// The statistics that SQLite plans with, which are those of a full table, so that no plan depends on when they were taken.
fn statistics(plural: &str, indexes: &[Index]) -> String {
    let primary_key = (format!("sqlite_autoindex_{plural}_1"), &vec![1]);
    let all = [primary_key].into_iter().chain(indexes.iter().map(|index| (index.name.clone(), &index.shared_by)));
    let rows = all.map(|(name, shared_by)| {
        let counts: Vec<String> = ASSUMED_ROWS.iter().chain(shared_by).map(u32::to_string).collect();
        format!("    ('{plural}', '{name}', '{}')", counts.join(" "))
    });
    let rows: Vec<String> = rows.collect();
    format!("INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES\n{};\nANALYZE sqlite_schema;\n", rows.join(",\n"))
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
            shared_by: None,
            is_checked: false,
            is_identity: false,
        }
    }

    #[test]
    fn the_identity_of_records_without_a_key_is_unique_also_where_a_part_of_it_is_null() {
        let identity = |name: &str, is_nullable| Column { is_nullable, is_identity: true, ..column(name) };
        let columns = vec![
            identity("parent_id", false),
            column("result"),
            identity("subject_resource_id", true),
            identity("observed_at", false),
        ];
        let text = text(&Register { plural: "things".to_owned(), columns }, ENGINES[0]);
        for expected in [
            "CREATE UNIQUE INDEX things_unique ON things (organization_id, subject_resource_id, observed_at, parent_id);\n",
            "CREATE UNIQUE INDEX things_unique_without_nulls ON things (organization_id, observed_at, parent_id) \
             WHERE subject_resource_id IS NULL;\n",
            "('things', 'things_unique', '10000 1000 2 2 1')",
        ] {
            assert!(text.contains(expected), "{expected} is not in\n{text}");
        }
    }

    #[test]
    fn a_table_has_its_key_and_an_index_for_each_filter_and_order() {
        let columns = vec![
            Column { shared_by: Some(5), ..column("parent_id") },
            Column { key_within: Some("parent_id".to_owned()), ..column("key") },
            Column { is_nullable: true, shared_by: Some(300), ..column("subject_resource_id") },
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
             measured_at) WHERE subject_resource_id IS NOT NULL;\n\
             INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES\n    \
             ('things', 'sqlite_autoindex_things_1', '10000 1000 1'),\n    \
             ('things', 'things_key', '10000 1000 5 1'),\n    \
             ('things', 'things_changed', '10000 1000 2 1'),\n    \
             ('things', 'things_parent_id', '10000 1000 5 1 1'),\n    \
             ('things', 'things_parent_id_changed', '10000 1000 5 2 1 1'),\n    \
             ('things', 'things_subject_resource_id', '10000 1000 300 1 1'),\n    \
             ('things', 'things_subject_resource_id_changed', '10000 1000 300 2 1 1');\n\
             ANALYZE sqlite_schema;\n"
        );
        let postgres = text(&register, ENGINES[1]);
        assert!(
            !postgres.contains("sqlite")
                && postgres.contains("    key text COLLATE \"C\" NOT NULL,\n")
                && postgres.contains("revision bigint NOT NULL")
        );
    }
}
