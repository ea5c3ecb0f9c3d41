//! The names of the audit logs in notes and proofs, and the keys that only they need.

use std::sync::Arc;

use audit::{KeyName, NoteSigner, NoteVerifier, RowKey, VerifierKey};
use audit_store::{PublishedLog, StoredLog};
use crypto::{AuditRowKey, MasterKey, NoteKey, Ed25519NoteVerifier};
use kernel::OrganizationId;
use store::DynStore;

use super::Installation;
use crate::{failure::Failure, settings::Settings};

/// The name of an installation without an identifier, on which no server of a version that gives it one has started.
const UNNAMED: &str = "novantra";

/// The names and the keys of the audit logs of an installation.
#[derive(Clone)]
pub(crate) struct AuditLogs {
    /// The name that those of the logs begin with. It has the generation of the logs, if that is not the first.
    pub(crate) origin: String,
    /// Signs the heads of the logs as notes.
    pub(crate) notes: Arc<dyn NoteSigner>,
    /// Authenticates the rows of entries that wait to be sealed.
    pub(crate) rows: Arc<dyn RowKey>,
}

impl AuditLogs {
    /// Reads the name, which may be a new one since the identity of a copy was renewed.
    ///
    /// # Errors
    /// If the store fails.
    pub(super) async fn open(settings: &Settings, store: &DynStore, master: &MasterKey) -> Result<Self, Failure> {
        let name = match &settings.audit_origin {
            Some(name) => name.clone(),
            None => store.installation_id().await?.unwrap_or_else(|| UNNAMED.to_owned()),
        };
        let origin = match store.log_generation().await?.name {
            Some(generation) => format!("{name}/{generation}"),
            None => name,
        };
        Ok(Self { origin, notes: Arc::new(NoteKey::new(master)), rows: row_key(master) })
    }

    /// The name of the log of an organization.
    pub(crate) fn name(&self, organization: OrganizationId) -> KeyName {
        KeyName::of_log(&self.origin, organization).expect("a setting is shorter than the name of a log may be")
    }

    /// The key with which others verify the notes of the log of an organization.
    pub(crate) fn verifier_key(&self, organization: OrganizationId) -> VerifierKey {
        VerifierKey::of_log(self.name(organization), self.notes.public_key())
    }

    /// Verifies the signatures of notes.
    pub(crate) fn verifier(&self) -> Arc<dyn NoteVerifier> {
        Arc::new(Ed25519NoteVerifier)
    }
}

/// The key that authenticates the rows of entries that wait to be sealed.
pub(super) fn row_key(master: &MasterKey) -> Arc<dyn RowKey> {
    Arc::new(AuditRowKey::new(master))
}

impl Installation {
    /// The logs with their proofs.
    ///
    /// # Errors
    /// If the name of the installation is none that a note allows.
    pub(crate) fn published_log(&self) -> Result<PublishedLog, Failure> {
        let AuditLogs { origin, notes, rows } = &self.audit_logs;
        let tables = self.store.audit_tables();
        let log = StoredLog::new(Arc::clone(&tables));
        log.set_key(Arc::clone(rows));
        let verifier = self.audit_logs.verifier();
        Ok(PublishedLog::new(Arc::new(log), tables, origin.clone(), notes.public_key(), verifier)?)
    }
}
