//! The names of actions in the audit log, for suggestions and for filters by the beginning of a name.

use std::{collections::BTreeSet, sync::OnceLock};

use kernel::Kind;

use crate::navigation::actions_of_pages;

/// Actions that are recorded by no address of the web app: those of the API, of commands and of background tasks.
const OTHERS: [&str; 85] = [
    "assessment.archived",
    "assessment.completed",
    "assessment.reopened",
    "assessment.started",
    "assessment.superseded",
    "audit.entries_removed",
    "audit.entry_redacted",
    "audit.heads",
    "audit.log_continued",
    "audit.row_refused",
    "audit.rows_missing",
    "audit.witness_conflict",
    "audit.writer_state_altered",
    "audit_checkpoint.read",
    "audit_consistency.read",
    "audit_proof.read",
    "audit_tile.read",
    "call.summarized",
    "call.unmatched",
    "evidence_attachment.created",
    "evidence_attachment.download_aborted",
    "evidence_attachment.downloaded",
    "evidence_attachment.linked",
    "evidence_attachment.removed",
    "evidence_claim.approved",
    "evidence_claim.custody_listed",
    "evidence_claim.expired",
    "evidence_claim.rejected",
    "evidence_claim.withdrawn",
    "evidence_content.replaced",
    "evidence_content.unnamed_objects_found",
    "evidence_content.unnamed_objects_removed",
    "finding.batch_written",
    "finding.event_recorded",
    "finding.events_listed",
    "import.applied",
    "openapi.read",
    "organization.created",
    "organization.first_administrator_invited",
    "organization.read",
    "organization.renamed",
    "organization.updated",
    "saved_view.created",
    "saved_view.deleted",
    "saved_view.updated",
    "service_account.created",
    "service_account.disabled",
    "service_account.enabled",
    "service_account.limits_set",
    "service_account.rotated",
    "service_account.scopes_set",
    "service_account.updated",
    "session.revoked",
    "submission_package.approved",
    "submission_package.archived",
    "submission_package.event_recorded",
    "submission_package.events_listed",
    "submission_package.returned",
    "submission_package.review_started",
    "table_import.ended",
    "table_import.started",
    "token.issued",
    "user.activated",
    "user.identities_unlinked",
    "user.identity_linked",
    "user.invited",
    "user.passkey_counter_went_back",
    "user.password_accepted",
    "user.password_reset",
    "user.recovery_code_used",
    "user.second_factor_enrolled",
    "user.second_factor_removed",
    "user.sessions_revoked",
    "user.sign_in_failed",
    "user.signed_in",
    "webhook_delivery.listed",
    "webhook_delivery.read",
    "webhook_delivery.redelivered",
    "webhook_event_type.listed",
    "webhook_stream.opened",
    "webhook_subscription.deleted",
    "webhook_subscription.disabled",
    "webhook_subscription.recovered",
    "webhook_subscription.secret_rotated",
    "webhook_subscription.tested",
];

/// The participles of actions on records of every kind.
const OF_RECORDS: [&str; 5] = ["batch_written", "created", "listed", "read", "updated"];

/// The endings of actions that were refused, or answered from an earlier request with the same key.
const ENDINGS: [&str; 3] = ["", ".refused", ".replayed"];

/// The names of all actions, in their order, without those of refusals.
pub(super) fn all() -> &'static BTreeSet<String> {
    static ALL: OnceLock<BTreeSet<String>> = OnceLock::new();
    ALL.get_or_init(|| {
        let of_pages = actions_of_pages().map(str::to_owned);
        let of_records = Kind::ALL
            .iter()
            .flat_map(|kind| OF_RECORDS.iter().map(move |participle| format!("{}.{participle}", kind.name())));
        of_pages.chain(of_records).chain(OTHERS.map(str::to_owned)).collect()
    })
}

/// Returns the actions that a text names, in whichever letter case: the one with this name, or else all that begin with
/// it.
pub(super) fn named_by(text: &str) -> BTreeSet<String> {
    let name = text.to_lowercase();
    let is_whole = all().contains(without_ending(&name)) || name.is_empty();
    let beginning = all().iter().filter(|action| !is_whole && action.starts_with(&name));
    let found: BTreeSet<String> =
        beginning.flat_map(|action| ENDINGS.map(|ending| format!("{action}{ending}"))).collect();
    if found.is_empty() { BTreeSet::from([name]) } else { found }
}

fn without_ending(name: &str) -> &str {
    ENDINGS.iter().rev().find_map(|ending| name.strip_suffix(ending)).unwrap_or(name)
}

/// Whether this version records an action under this name, or some that begin with it.
pub(super) fn is_recorded(text: &str) -> bool {
    let name = text.to_lowercase();
    all().contains(without_ending(&name)) || !named_by(&name).contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_beginning_of_a_name_stands_for_all_actions_that_begin_with_it() {
        for text in ["service_account", "service_account."] {
            let actions = named_by(text);
            assert!(actions.contains("service_account.rotated") && actions.contains("service_account.rotated.refused"));
            assert!(actions.iter().all(|action| action.starts_with("service_account.")), "{actions:?}");
        }
        assert!(named_by("evidence").contains("evidence_claim.created"));
        assert_eq!(named_by("Finding.created"), BTreeSet::from(["finding.created".to_owned()]));
        assert_eq!(named_by("finding.created"), BTreeSet::from(["finding.created".to_owned()]));
        assert_eq!(named_by("user.role_changed"), BTreeSet::from(["user.role_changed".to_owned()]));
    }

    #[test]
    fn actions_of_other_versions_are_not_all() {
        for action in ["find", "Finding", "finding.created", "finding.created.refused", "risk.updated", "token."] {
            assert!(is_recorded(action), "{action}");
        }
        for other in ["user.role_changed", "findings", "", ".", "finding.created.made"] {
            assert!(!is_recorded(other), "{other}");
        }
    }
}
