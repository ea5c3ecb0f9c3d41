//! The checks of the witnesses that cosign the installation's log.

use std::time::Duration;

use audit::VerifierKey;
use audit_store::{CosignedHead, PublicationError};
use kernel::{OrganizationId, Timestamp};

use super::Report;
use crate::{
    compose::Installation,
    operations::{WitnessConflict, recorded_conflicts},
};

const ABOUT: &str = "witness";

/// Maximum age of a cosignature: a head that has not changed is sent again after a day.
const MAX_AGE: Duration = Duration::from_secs(25 * 60 * 60);

/// The stored state of all witnesses.
struct Found {
    heads: Vec<CosignedHead>,
    invalid: Vec<VerifierKey>,
    conflicts: Vec<(WitnessConflict, Timestamp)>,
    /// The number of entries of the log; `None` if it has no signed head yet.
    size: Option<u64>,
    origin: String,
}

/// Checks that each witness has cosigned the installation's log, and has seen no other one.
pub(super) async fn check_witnesses(installation: &Installation, report: &mut Report) {
    let witnesses = &installation.audit_logs.witnesses;
    if witnesses.is_empty() {
        return;
    }
    match find(installation).await {
        Err(error) => report.fail(ABOUT, format!("what is stored about witnesses can't be read: {error}")),
        Ok(found) => {
            for witness in &**witnesses {
                check_witness(&witness.key, &found, installation.clock.now(), report);
            }
        }
    }
}

async fn find(installation: &Installation) -> Result<Found, PublicationError> {
    let stored = installation.cosigned_heads().read().await?;
    let conflicts = recorded_conflicts(&*installation.store).await?;
    let log = installation.published_log();
    let size = match log.head(OrganizationId::INSTALLATION).await {
        Ok((head, _)) => Some(head.size),
        Err(error @ PublicationError::Store(_)) => return Err(error),
        Err(_) => None,
    };
    let origin = log.verifier_key(OrganizationId::INSTALLATION).name.to_string();
    Ok(Found { heads: stored.heads, invalid: stored.invalid, conflicts, size, origin })
}

fn check_witness(key: &VerifierKey, found: &Found, now: Timestamp, report: &mut Report) {
    let (name, text) = (&key.name, key.to_string());
    let cosigned = found.heads.iter().find(|head| head.witness == *key);
    let conflict =
        found.conflicts.iter().find(|(conflict, _)| conflict.witness == text && conflict.origin == found.origin);
    if let Some((conflict, at)) = conflict
        && cosigned.is_none_or(|head| head.signed_at <= *at)
    {
        return report.fail(
            ABOUT,
            format!(
                "{name}: {}: {} entries, as the log records since {at}. Somebody has set the log back or changed it: compare it \
                 with a backup, and run `novantra audit verify` with a checkpoint that was stored elsewhere",
                conflict.kind.description(),
                conflict.witnessed_size
            ),
        );
    }
    if found.invalid.contains(key) {
        let message = "the stored cosignature is not by this witness: somebody has written to the database";
        return report.fail(ABOUT, format!("{name}: {message}"));
    }
    match (cosigned, found.size) {
        (None, None) => report.pass(ABOUT, format!("{name}: the installation's log has no signed head yet")),
        (None, Some(_)) => report.fail(
            ABOUT,
            format!(
                "{name} has not cosigned the installation's log yet: no server is running, or its log on stderr says why. The \
                 witness needs the key that `novantra audit public-key --note --workspace -` prints"
            ),
        ),
        (Some(head), size) => {
            let age = now.since(head.signed_at);
            let behind = size.map_or(0, |size| size.saturating_sub(head.head.size));
            let message = format!(
                "{name} has cosigned {} entries of the installation's log {} s ago; {behind} have come since then",
                head.head.size,
                age.as_secs()
            );
            if size.is_some_and(|size| size < head.head.size) {
                report.fail(ABOUT, format!("{message}: it has cosigned more than there are, so the log was set back"));
            } else if age > MAX_AGE {
                report.fail(ABOUT, format!("{message}: the log of the server on stderr says why it is so long ago"));
            } else {
                report.pass(ABOUT, message);
            }
        }
    }
}
