//! `novantra audit archive`: the move of old entries to the archive.

use std::sync::Arc;

use audit_store::{Archived, Archiver};
use serde_json::json;

use crate::{cli::CommandContext, compose::Installation, failure::Failure};

/// Archives what is due.
///
/// # Errors
/// If there is no archive, it or the database fails, or entries are not as they were sealed.
pub(super) async fn archive(context: &CommandContext) -> Result<(), Failure> {
    let objects = Installation::with(&context.settings, archive_all).await?;
    context.output.print(&json!({ "objects": objects }), || match objects.as_slice() {
        [] => "no entries are due".to_owned(),
        objects => format!("archived in {}", objects.join("\n            ")),
    })
}

async fn archive_all(installation: &Installation) -> Result<Vec<String>, Failure> {
    let archive = installation.audit_archive.as_ref();
    let archive = archive.ok_or_else(|| Failure::new("there is no archive: set audit_archive_url"))?;
    let places = (installation.store.audit_tables(), Arc::clone(&archive.objects));
    let signer = Some(installation.audit_logs.signer.clone());
    let mut archiver = Archiver::new(places, Arc::clone(&installation.clock), None, signer, archive.after);
    let (mut objects, mut damages) = (Vec::new(), Vec::new());
    while archiver.is_due() {
        match archiver.run_once().await? {
            Archived::Object(key) => objects.push(key.name()),
            Archived::Damaged(damage) => damages.push(damage.to_string()),
            // A server archives the same.
            Archived::Nothing | Archived::Refused => {}
        }
    }
    if damages.is_empty() { Ok(objects) } else { Err(Failure::new(damages.join("; "))) }
}
