//! The names of the audit logs in notes and proofs, and the keys that only they need.

use std::sync::Arc;

use audit::RowKey;
use audit_store::{CosignedHeads, LogSigner, PublishedLog, SealerKeys, StoredLog};
use crypto::{AuditRowKey, Ed25519NoteVerifier, MasterKey, NoteKey};
use store::DynStore;

use super::Installation;
use crate::{
    failure::Failure,
    settings::{Settings, Witness},
};

/// The name of an installation without an identifier, on which no server of a version that gives it one has started.
const UNNAMED: &str = "novantra";

/// The names and the further keys of the audit logs of an installation.
#[derive(Clone)]
pub(crate) struct AuditLogs {
    /// Signs the heads of the logs as notes. The name of the installation has the generation of the logs, if that is not the
    /// first.
    pub(crate) signer: LogSigner,
    /// Authenticates the rows of entries that wait to be sealed.
    pub(crate) rows: Arc<dyn RowKey>,
    /// The witnesses of the installation's log.
    pub(crate) witnesses: Arc<[Witness]>,
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
        Ok(Self {
            signer: LogSigner::new(origin, Arc::new(NoteKey::new(master)))?,
            rows: row_key(master),
            witnesses: settings.witnesses.witnesses.clone().into(),
        })
    }
}

/// The key that authenticates the rows of entries that wait to be sealed.
pub(super) fn row_key(master: &MasterKey) -> Arc<dyn RowKey> {
    Arc::new(AuditRowKey::new(master))
}

impl Installation {
    /// The keys with which the heads of the logs are signed and verified.
    pub(crate) fn sealer_keys(&self) -> SealerKeys {
        SealerKeys {
            checkpoints: Arc::clone(&self.checkpoints),
            rows: Arc::clone(&self.audit_logs.rows),
            notes: Some(Arc::new(self.audit_logs.signer.clone())),
        }
    }

    /// The logs with their proofs.
    pub(crate) fn published_log(&self) -> PublishedLog {
        let tables = self.store.audit_tables();
        let log = StoredLog::new(Arc::clone(&tables));
        log.set_key(Arc::clone(&self.audit_logs.rows));
        PublishedLog::new(Arc::new(log), tables, self.audit_logs.signer.clone(), Arc::new(Ed25519NoteVerifier))
            .with_cosigned(self.cosigned_heads())
    }

    /// The heads of the installation's log that witnesses have cosigned.
    pub(crate) fn cosigned_heads(&self) -> CosignedHeads {
        let AuditLogs { signer, witnesses, .. } = &self.audit_logs;
        let keys = witnesses.iter().map(|witness| witness.key.clone()).collect();
        CosignedHeads::new(self.store.cosignatures(), signer.clone(), Arc::new(Ed25519NoteVerifier), keys)
    }
}
