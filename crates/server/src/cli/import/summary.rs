//! The result of an import.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

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
        let import::ImportFailure { position: place, key, message } = failure;
        Self { file: file.map(Path::to_owned), line: place.line, key, message }
    }
}

/// Counts of created, updated, unchanged and failed records.
#[derive(Debug, Default)]
pub(super) struct Summary {
    pub(super) created: usize,
    pub(super) updated: usize,
    pub(super) unchanged: usize,
    pub(super) failures: Vec<FailedLine>,
    pub(super) skipped: usize,
}

impl Summary {
    pub(super) fn total(&self) -> usize {
        self.created + self.updated + self.unchanged + self.failures.len()
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
            "created": self.created,
            "updated": self.updated,
            "unchanged": self.unchanged,
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
        let Self { created, updated, unchanged, .. } = self;
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
