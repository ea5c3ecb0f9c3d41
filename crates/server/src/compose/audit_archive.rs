//! The archive of the audit logs.

use std::{sync::Arc, time::Duration};

use attachments::ArchiveStore;
use audit::{ArchiveObjects, ObjectKey};
use kernel::{OrganizationId, StoreError};
use store::DynStore;
use tokio::time::timeout;

use crate::{failure::Failure, settings::Settings};

/// The maximum time that a check waits for the archive.
const PROBE_TIMEOUT: Duration = Duration::from_secs(10);

/// The archive of the audit logs of an installation.
#[derive(Clone)]
pub(crate) struct AuditArchive {
    pub(crate) objects: Arc<dyn ArchiveObjects>,
    /// The age from which on entries are archived.
    pub(crate) after: Duration,
}

impl AuditArchive {
    /// Opens the archive that the settings name, and lets the store read from it. Nothing is connected to yet.
    ///
    /// # Errors
    /// If the settings are not valid.
    pub(super) fn open(settings: &Settings, store: &DynStore) -> Result<Option<Self>, Failure> {
        let Some(archive) = &settings.audit_archive else { return Ok(None) };
        let objects: Arc<dyn ArchiveObjects> = Arc::new(ArchiveStore::open(&archive.location, &archive.bucket)?);
        store.use_archive(Arc::clone(&objects));
        Ok(Some(Self { objects, after: archive.after }))
    }

    /// Checks that the archive can be read.
    ///
    /// # Errors
    /// If it can't.
    pub(crate) async fn probe(&self) -> Result<(), StoreError> {
        let folder = ObjectKey::folder(OrganizationId::INSTALLATION);
        let listed = timeout(PROBE_TIMEOUT, self.objects.list(&folder, 1)).await;
        listed.map_err(|_| StoreError::Unavailable("it does not answer".into()))?.map(drop)
    }
}
