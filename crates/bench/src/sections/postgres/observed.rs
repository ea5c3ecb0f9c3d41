//! The statements that a server sends, read from PostgreSQL's log, so that both sides run the same ones.

use crate::{
    failure::{Context, Outcome},
    servers::{Postgres, Script},
};

/// An executed statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ExecutedStatement {
    /// Its text, with `$1` in place of a value.
    pub(super) text: String,
    /// The values.
    pub(super) values: Vec<Option<String>>,
}

/// Returns the statements that are executed while `call` runs.
pub(super) fn while_calling(
    postgres: &Postgres,
    call: impl FnOnce() -> Outcome<()>,
) -> Outcome<Vec<ExecutedStatement>> {
    postgres.query("ALTER SYSTEM SET log_statement = 'all'")?;
    postgres.query("SELECT pg_reload_conf()")?;
    // Sessions adopt the setting with their next message; the log is read from here on.
    check_logging(postgres)?;
    let before: usize = postgres.query("SELECT (pg_stat_file(pg_current_logfile())).size")?.parse()?;
    let result = call();
    postgres.query("ALTER SYSTEM RESET log_statement")?;
    postgres.query("SELECT pg_reload_conf()")?;
    result?;
    let log = postgres.query("SELECT pg_read_file(pg_current_logfile())")?;
    Ok(parse_log(log.get(before..).unwrap_or_default()))
}

fn check_logging(postgres: &Postgres) -> Outcome<()> {
    let setting = postgres.query("SHOW log_statement")?;
    (setting == "all").then_some(()).context(|| "PostgreSQL does not log statements".to_owned())
}

/// Parses the prepared statements in a log whose lines begin with `@`.
fn parse_log(log: &str) -> Vec<ExecutedStatement> {
    let mut found: Vec<ExecutedStatement> = Vec::new();
    for message in log.split("\n@").map(|message| message.trim_start_matches('@')) {
        if let Some((_, text)) = message.strip_prefix("LOG:  execute ").and_then(|rest| rest.split_once(": ")) {
            found.push(ExecutedStatement { text: text.trim_end().to_owned(), values: Vec::new() });
        } else if let Some(values) = message.strip_prefix("DETAIL:  parameters: ")
            && let Some(last) = found.last_mut()
        {
            last.values = parse_parameters(values.trim_end());
        }
    }
    found
}

/// Parses parameters such as `$1 = 'a', $2 = NULL`.
fn parse_parameters(mut text: &str) -> Vec<Option<String>> {
    let mut values = Vec::new();
    while let Some((_, rest)) = text.split_once(" = ") {
        let Some(quoted) = rest.strip_prefix('\'') else {
            values.push(None);
            text = rest.split_once(", ").map_or("", |(_, rest)| rest);
            continue;
        };
        let mut value = String::new();
        let mut characters = quoted.char_indices().peekable();
        let mut end = quoted.len();
        while let Some((index, character)) = characters.next() {
            match character {
                '\'' if characters.next_if(|(_, next)| *next == '\'').is_some() => value.push('\''),
                '\'' => {
                    end = index + 1;
                    break;
                }
                other => value.push(other),
            }
        }
        values.push(Some(value));
        text = &quoted[end..];
    }
    values
}

impl ExecutedStatement {
    /// Returns a script of this statement, whose values are bound to names that begin with `prefix`.
    pub(super) fn script(&self, prefix: &str) -> Script {
        let mut text = self.text.clone();
        let mut values = Vec::new();
        for (index, value) in self.values.iter().enumerate().rev() {
            let (parameter, name) = (format!("${}", index + 1), format!("{prefix}{}", index + 1));
            match value {
                Some(value) => {
                    text = text.replace(&parameter, &format!(":{name}"));
                    values.push((name, value.clone()));
                }
                None => text = text.replace(&parameter, "NULL"),
            }
        }
        text.push_str(";\n");
        Script { text, values }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_are_parsed_with_their_values() {
        let log = "@LOG:  statement: BEGIN\n@LOG:  execute s1: SELECT a\n\tFROM b WHERE c = $1 AND d = $2\n\
                   @DETAIL:  parameters: $1 = 'it''s, $2 = ''x''', $2 = NULL\n@LOG:  execute <unnamed>: SELECT 1\n";
        let statements = parse_log(log);
        assert_eq!(statements.len(), 2);
        assert_eq!(statements[0].values, [Some("it's, $2 = 'x'".to_owned()), None]);
        let script = statements[0].script("p");
        assert_eq!(script.text, "SELECT a\n\tFROM b WHERE c = :p1 AND d = NULL;\n");
        assert_eq!(script.values, [("p1".to_owned(), "it's, $2 = 'x'".to_owned())]);
    }
}
