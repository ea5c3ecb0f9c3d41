//! The rows of one write, inserted again by plain statements in one transaction.

use serde_json::Value;

use crate::{
    failure::{Context, Failure, Outcome},
    servers::{Postgres, Script},
};

/// The tables into which the creation of a finding with an idempotency key inserts a row, and their unique columns.
const TABLES: &[(&str, &[&str])] = &[("idempotency", &["key"]), ("findings", &["id", "key"]), ("outbox", &["id"])];

/// The insert of a row with one audit entry, which is sealed and deleted before it could be read. Its body has about the
/// size of such a row.
const AUDIT_ROW: &str = "INSERT INTO audit_waiting (organization_id, id, entries, body) \
                         VALUES (repeat('0', 26), lpad(:one::text, 26, '0'), 1, decode(repeat('5a', 330), 'hex'));\n";

/// Returns a script of which each run inserts such rows with unique values.
pub(super) fn insert_script(postgres: &Postgres) -> Outcome<Script> {
    let mut text = "\\set one random(1, 9000000000000000000)\nBEGIN;\n".to_owned();
    for (table, unique) in TABLES {
        let row = postgres.query(&format!("SELECT row_to_json(t) FROM {table} AS t LIMIT 1"))?;
        let row: Value = serde_json::from_str(&row).context(|| format!("the write inserted no row into {table}"))?;
        text.push_str(&insert(table, &row, unique)?);
    }
    text.push_str(AUDIT_ROW);
    text.push_str("COMMIT;\n");
    Ok(Script { text, values: Vec::new() })
}

fn insert(table: &str, row: &Value, unique: &[&str]) -> Outcome<String> {
    let row = row.as_object().context(|| format!("a row of {table} is not an object"))?;
    let values = row.iter().map(|(column, value)| match value {
        _ if unique.contains(&column.as_str()) => Ok("lpad(:one::text, 26, '0')".to_owned()),
        Value::Null => Ok("NULL".to_owned()),
        Value::Number(number) => Ok(number.to_string()),
        // pgbench replaces a colon before a word as a variable, also within quotes, so colons are escaped.
        Value::String(text) => Ok(format!("E'{}'", escape(text))),
        other => Err(Failure::new(format!("{table}.{column} is {other}"))),
    });
    let values = values.collect::<Outcome<Vec<_>>>()?.join(", ");
    let columns = row.keys().map(String::as_str).collect::<Vec<_>>().join(", ");
    Ok(format!("INSERT INTO {table} ({columns}) VALUES ({values});\n"))
}

fn escape(text: &str) -> String {
    text.chars()
        .map(|character| match character {
            '\'' => "''".to_owned(),
            '\\' => "\\\\".to_owned(),
            ':' => "\\x3a".to_owned(),
            '\n' => "\\n".to_owned(),
            other => other.to_string(),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_insert_statement_has_random_values_for_unique_columns() {
        let statement = insert("t", &json!({ "id": "x", "n": 5, "s": "a:b'\\", "z": null }), &["id"]).unwrap();
        assert_eq!(
            statement,
            "INSERT INTO t (id, n, s, z) VALUES (lpad(:one::text, 26, '0'), 5, E'a\\x3ab''\\\\', NULL);\n"
        );
    }
}
