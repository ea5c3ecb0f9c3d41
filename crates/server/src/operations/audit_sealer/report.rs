//! The log lines of a round of sealing.

use audit::checkpoint_json;
use audit_store::{ChainFault, MissingRows, Redacted, RefusedRow, Round};
use kernel::{Entry, Id};

use super::SealSummary;
use crate::logging::CHECKPOINT_TARGET;

/// Logs what a round has stored and found, and adds it to the summary.
pub(super) fn report(round: Round, summary: &mut SealSummary) {
    for checkpoint in &round.checkpoints {
        tracing::info!(target: CHECKPOINT_TARGET, checkpoint = %checkpoint_json(checkpoint), "audit checkpoint");
    }
    for RefusedRow { key, reason } in &round.refused {
        tracing::error!(
            organization = %key.organization, row = %key.id, reason,
            "a row of audit entries was not written by this installation as it is, so it is not sealed: somebody has \
             written to the database, or its disk has damaged it; the row stays as evidence"
        );
    }
    for rows in &round.missing {
        report_missing(rows);
    }
    for writer in &round.altered_states {
        tracing::error!(%writer, "what the database has about the rows of a process was altered: somebody has written to it");
    }
    summary.sealed += round.sealed;
    summary.refused += round.refused.len() as u64;
    summary.missing += round.missing.iter().filter(|rows| !rows.has_ended).map(MissingRows::count).sum::<u64>();
    for ChainFault { organization, error } in round.faults {
        tracing::error!(%organization, %error, "the audit log of an organization can't be sealed; trying again in 60 s");
        summary.failed.get_or_insert(error);
    }
}

fn report_missing(rows: &MissingRows) {
    let MissingRows { writer, following_row_at, has_ended, .. } = rows;
    let count = rows.count();
    if *has_ended {
        tracing::warn!(
            %writer, rows = count, before = %following_row_at,
            "rows of audit entries are missing, of a process that was killed about then and may not have stored them"
        );
    } else {
        tracing::error!(
            %writer, rows = count, before = %following_row_at,
            "rows of audit entries went missing before they were sealed, although the process that stored them goes on: \
             somebody has deleted or suppressed them"
        );
    }
}

/// Logs the result of a redaction that was due.
pub(super) fn report_redaction(record: Id<Entry>, redacted: &Redacted) {
    match redacted {
        Redacted::Done => tracing::warn!(%record, "the content of the audit entry that this entry names was removed"),
        Redacted::Already => {}
        other => tracing::warn!(%record, result = ?other, "the audit entry that this entry names was not redacted"),
    }
}
