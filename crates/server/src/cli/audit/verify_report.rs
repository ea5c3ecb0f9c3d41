//! The report of the verification of audit logs.

use audit::{UnsealedStats, VerifiedChain};
use serde_json::{Value, json};

use crate::{
    cli::Output,
    failure::Failure,
    operations::{Incidents, UnacceptedRow},
};

/// The result of verifying one log.
pub(super) struct LogResult {
    pub(super) name: String,
    /// The verified chain, or a description of the first entry or checkpoint that does not verify.
    pub(super) outcome: Result<VerifiedChain, String>,
    pub(super) tail: UnsealedStats,
}

/// The result of a verification.
pub(super) struct Verification {
    pub(super) logs: Vec<LogResult>,
    /// The rows of entries that wait and that no server wrote as they are.
    pub(super) refused: Vec<UnacceptedRow>,
    /// The incidents that the log of the installation records.
    pub(super) incidents: Incidents,
    /// Whether these are no fault.
    pub(super) accepts_incidents: bool,
}

/// Prints the results.
///
/// # Errors
/// The first log that is not intact, a row that is refused, or an incident that is not accepted.
pub(super) fn report(verification: &Verification, output: Output) -> Result<(), Failure> {
    let fault = verification.fault();
    if fault.is_none() || !output.is_text() {
        output.print(&verification.document(fault.is_none()), || verification.describe())?;
    }
    fault.map_or(Ok(()), |fault| Err(Failure::new(fault)))
}

impl Verification {
    fn fault(&self) -> Option<String> {
        let of_log = |log: &LogResult| {
            let fault = log.outcome.as_ref().err()?;
            Some(format!("the audit log of {} is not intact: {fault}", log.name))
        };
        let of_row = |row: &UnacceptedRow| {
            let key = row.key;
            format!(
                "the row {} of entries of {} that wait to be sealed was not written by this installation as it is, and is not \
                 sealed: {}",
                key.id, key.organization, row.reason
            )
        };
        let of_incidents = || {
            let is_fault = self.incidents.shows_tampering() && !self.accepts_incidents;
            is_fault.then(|| {
                format!(
                    "the logs are intact, but entries of the installation's log tell of rows that were altered, deleted or suppressed \
                     before they were sealed: {}. Once you know what happened, --accept-recorded accepts them",
                    self.incidents.description()
                )
            })
        };
        self.logs.iter().find_map(of_log).or_else(|| self.refused.first().map(of_row)).or_else(of_incidents)
    }

    fn document(&self, is_intact: bool) -> Value {
        let rows: Vec<Value> = self
            .refused
            .iter()
            .map(|row| {
                json!({ "organization": row.key.organization.to_string(), "row": row.key.id.to_string(), "fault": row.reason })
            })
            .collect();
        let Incidents { missing, lost, refused, altered } = self.incidents;
        json!({
            "ok": is_intact,
            "logs": self.logs.iter().map(LogResult::document).collect::<Vec<_>>(),
            "refused_rows": rows,
            "recorded": {
                "missing_rows": missing, "lost_rows": lost, "refused_rows": refused, "altered_writers": altered,
            },
        })
    }

    fn describe(&self) -> String {
        let mut lines: Vec<String> = self.logs.iter().map(LogResult::describe).collect();
        if self.incidents != Incidents::default() {
            lines.push(format!(
                "entries of the installation's log tell of rows that were altered, deleted or lost before they were sealed: {}",
                self.incidents.description()
            ));
        }
        lines.join("\n")
    }
}

impl LogResult {
    fn document(&self) -> Value {
        let Self { name, outcome, tail } = self;
        match outcome {
            Ok(chain) => json!({
                "log": name,
                "ok": true,
                "entries": chain.entries,
                "checkpoints": chain.checkpoints,
                "head": chain.head.hash.to_string(),
                "removed_through": chain.removed_through,
                "unsealed": tail.entries,
            }),
            Err(fault) => json!({ "log": name, "ok": false, "fault": fault, "unsealed": tail.entries }),
        }
    }

    fn describe(&self) -> String {
        let Self { name, outcome, tail } = self;
        let unsealed = match tail.entries {
            0 => String::new(),
            entries => format!("; {entries} more are not sealed yet"),
        };
        match outcome {
            Ok(VerifiedChain { entries, checkpoints, removed_through, .. }) => {
                let removed = match removed_through {
                    0 => String::new(),
                    sequence => format!("; those up to sequence {sequence} were removed, as an entry records"),
                };
                format!("{name}: {entries} entries, {checkpoints} checkpoints, intact{removed}{unsealed}")
            }
            Err(fault) => format!("{name}: {fault}{unsealed}"),
        }
    }
}
