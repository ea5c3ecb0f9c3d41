//! The result of an import.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::operations::ImportCounts;

/// A record that could not be imported.
#[derive(Debug)]
pub(super) struct FailedLine {
    file: Option<PathBuf>,
    line: usize,
    key: Option<String>,
    message: String,
}

impl FailedLine {
    pub(super) fn new(file: Option<&Path>, failure: import::ImportFailure) -> Self {
        let import::ImportFailure { position, key, message } = failure;
        Self { file: file.map(Path::to_owned), line: position.line, key, message }
    }
}

/// The outcomes of all records.
#[derive(Debug)]
pub(super) struct Summary {
    pub(super) counts: ImportCounts,
    pub(super) failures: Vec<FailedLine>,
    pub(super) skipped: usize,
}

impl Summary {
    pub(super) fn total(&self) -> usize {
        let ImportCounts { created, updated, unchanged } = self.counts;
        created + updated + unchanged + self.failures.len()
    }

    pub(super) fn document(&self) -> Value {
        let failures: Vec<Value> = self
            .failures
            .iter()
            .map(|FailedLine { file, line, key, message }| {
                let mut failure = json!({ "line": line, "key": key, "message": message });
                if let Some(file) = file {
                    failure["file"] = json!(file.display().to_string());
                }
                failure
            })
            .collect();
        json!({
            "created": self.counts.created,
            "updated": self.counts.updated,
            "unchanged": self.counts.unchanged,
            "failed": failures.len(),
            "failures": failures,
        })
    }

    pub(super) fn text(&self, dry_run: bool) -> String {
        let mut lines: Vec<String> = self
            .failures
            .iter()
            .map(|FailedLine { file, line, key, message }| {
                let file = file.as_ref().map_or_else(String::new, |file| format!("{} ", file.display()));
                let key = key.as_ref().map_or_else(String::new, |key| format!(" ({key})"));
                format!("failed: {file}line {line}{key}: {message}")
            })
            .collect();
        let ImportCounts { created, updated, unchanged } = self.counts;
        let failed = self.failures.len();
        let head = if dry_run { "would be: " } else { "" };
        lines.push(format!("{head}created {created}, updated {updated}, unchanged {unchanged}, failed {failed}"));
        if self.skipped > 0 {
            lines.push(format!(
                "{} results are not findings: passed, suppressed or gone since the baseline",
                self.skipped
            ));
        }
        lines.join("\n")
    }
}
