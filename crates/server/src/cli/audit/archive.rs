//! `novantra audit archive`: the move of old entries to the archive.

use std::sync::Arc;

use audit_store::{Archived, Archiver};
use serde_json::json;

use crate::{cli::CommandContext, compose::Installation, failure::Failure};

/// The number of refused changes in turn after which the rest is left to the server that makes them.
const MAX_REFUSED: usize = 20;

/// Archives what is due.
///
/// # Errors
/// If there is no archive, it or the database fails, or entries are not as they were sealed.
pub(super) async fn archive(context: &CommandContext) -> Result<(), Failure> {
    let objects = Installation::with(&context.settings, archive_all).await?;
    context.output.print(&json!({ "objects": objects }), || match objects.as_slice() {
        [] => {
            "no entries are due: none of the logs has 65,536 more entries that are all old enough (audit_archive_after)"
                .to_owned()
        }
        objects => format!("archived in {}", objects.join("\n            ")),
    })
}

async fn archive_all(installation: &Installation) -> Result<Vec<String>, Failure> {
    let archive = installation.audit_archive.as_ref();
    let archive = archive.ok_or_else(|| Failure::new("there is no archive: set audit_archive_url"))?;
    let stores = (installation.store.audit_tables(), Arc::clone(&archive.objects));
    let keys = (Arc::clone(&installation.audit_logs.rows), Some(installation.audit_logs.signer.clone()));
    let mut archiver = Archiver::new(stores, Arc::clone(&installation.clock), None, keys, archive.after);
    let (mut objects, mut damages, mut refused) = (Vec::new(), Vec::new(), 0);
    while archiver.is_due() && refused < MAX_REFUSED {
        match archiver.run_once().await? {
            Archived::Object(key) => {
                refused = 0;
                objects.push(key.name());
            }
            Archived::Damaged(damage) => damages.push(damage.to_string()),
            Archived::Nothing => {}
            // A server archives the same, or removes entries.
            Archived::Refused => refused += 1,
        }
    }
    if damages.is_empty() { Ok(objects) } else { Err(Failure::new(damages.join("; "))) }
}
