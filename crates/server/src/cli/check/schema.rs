//! The check of the schema: somebody with the database but not the key must not be able to suppress rows unnoticed.

use store_sql::{SchemaComparison, SchemaDifference};

use super::Report;
use crate::{compose, settings::Settings};

const ABOUT: &str = "schema";

/// The maximum number of differences in a message.
const MAX_LISTED: usize = 20;

/// Checks that tables, indexes, triggers and all else in the database are those that the migrations make.
pub(super) async fn check_schema(settings: &Settings, report: &mut Report) {
    match compose::compare_schema(settings).await {
        Ok(comparison) => report_comparison(&comparison, report),
        Err(failure) => report.fail(ABOUT, format!("the database can't be compared with the migrations: {failure}")),
    }
}

fn report_comparison(comparison: &SchemaComparison, report: &mut Report) {
    let SchemaComparison { differences, remarks, limitation, is_newer } = comparison;
    if !differences.is_empty() {
        report.fail(
            ABOUT,
            format!(
                "the database is not as the migrations make it: {}. Somebody has changed it by hand, and could suppress or \
                 change rows by that: find out who and when, undo it, and run `novantra audit verify`; rows that were \
                 suppressed are only in backups and logs",
                list(differences)
            ),
        );
    }
    let mut message = match (differences.is_empty(), limitation) {
        (false, _) if remarks.is_empty() => return,
        (false, _) => String::new(),
        (true, None) => "tables, columns, indexes and triggers are those that the migrations make".to_owned(),
        (true, Some(limitation)) => format!(
            "triggers, rules, row security and the names of tables and columns are those of the migrations; nothing else \
             was compared, because {limitation}"
        ),
    };
    if !remarks.is_empty() {
        let separator = if message.is_empty() { "" } else { "; " };
        let remark = if *is_newer {
            "harmless, or made by the newer program that has migrated the database, whose `check` compares it"
        } else {
            "harmless"
        };
        message = format!("{message}{separator}{remark}: {}", list(remarks));
    }
    report.pass(ABOUT, message);
}

fn list(differences: &[SchemaDifference]) -> String {
    let mut texts: Vec<String> = differences.iter().take(MAX_LISTED).map(ToString::to_string).collect();
    if differences.len() > MAX_LISTED {
        texts.push(format!("and {} more", differences.len() - MAX_LISTED));
    }
    texts.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn difference(object: &str) -> SchemaDifference {
        SchemaDifference { object: object.to_owned(), found: Some(String::new()), expected: None }
    }

    /// Whether the check failed, and its message, for each line of the report.
    fn reported(comparison: &SchemaComparison) -> Vec<(bool, String)> {
        let mut report = Report::default();
        report_comparison(comparison, &mut report);
        report.0.into_iter().map(|result| (result.failed, result.message)).collect()
    }

    #[test]
    fn differences_fail_the_check_and_remarks_do_not() {
        let clean = SchemaComparison::default();
        assert!(matches!(&reported(&clean)[..], [(false, message)] if message.ends_with("the migrations make")));
        let index = difference("the index mine of findings");
        let remarks = SchemaComparison { remarks: vec![index.clone()], ..clean.clone() };
        assert!(
            matches!(&reported(&remarks)[..], [(false, message)] if message.contains("the index mine of findings"))
        );
        let trigger = difference("the trigger hide of audit_waiting");
        let both = SchemaComparison { differences: vec![trigger; 30], remarks: vec![index], ..clean };
        let lines = reported(&both);
        assert!(matches!(&lines[..], [(true, _), (false, _)]), "{lines:?}");
        assert!(lines[0].1.contains("the trigger hide of audit_waiting is not of this program; "), "{lines:?}");
        assert!(lines[0].1.contains("; and 10 more. Somebody"), "{lines:?}");
    }
}
