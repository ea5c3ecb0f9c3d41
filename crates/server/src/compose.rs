//! The composition root, the only module that depends on every adapter.

mod absence;
mod attachment_transfer;
mod attachments;
mod audit_archive;
mod audit_logs;
mod database;
mod identity;
mod installation_changes;
mod keys;
mod named_contents;
mod people;
mod transfer;
mod webhooks;

use std::{sync::Arc, time::Duration};

use ::people::PeopleObserver;
use api_v1::DeliveryTrigger;
use audit::CheckpointSigner;
use auth::{EncryptedSigningKey, SecretHasher};
use crypto::{Argon2Hasher, CheckpointKey, CheckpointPublicKey, SystemEntropy};
use http_api::{Observer, Services};
use kernel::{Clock, Entropy};
use limits::{LimitStore, SharedBuckets};
use store::DynStore;

use crate::{clock::ReplayClock, failure::Failure, settings::Settings};

pub(crate) use attachment_transfer::{
    CopiedAttachments, copy_attachments, ensure_no_attachments, find_attachments, store_restored, stored_attachments,
};
pub(crate) use attachments::Attachments;
pub(crate) use audit_archive::AuditArchive;
pub(crate) use audit_logs::AuditLogs;
use database::OpenedDatabase;
pub(crate) use database::{Migrated, compare_schema, find_misplaced_tables, migrate};
pub(crate) use identity::{OPERATOR, SERVER, command_origin};
pub(crate) use installation_changes::{ClockReset, Resumed, continue_logs, renew, reset_clock, resume_webhooks};
use keys::Keys;
pub(crate) use keys::Tokens;
pub(crate) use named_contents::NamedContents;
pub(crate) use transfer::{
    CopyPurpose, CopySummary, DatabaseBackup, Progress, Restored, back_up, copy, ensure_no_stray_log,
    ensure_source_exists, restore,
};
pub(crate) use webhooks::Webhooks;

/// The purpose of opening an installation, which determines what is created if it is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OpenMode {
    /// Serve. Missing databases and keys are created, and the schema is migrated.
    Serve,
    /// Serve without migrating the schema.
    ServeNoMigrate,
    /// Serve a new installation, although there is a master key, or there are attachments, of an earlier one.
    ServeNew,
    /// Create an installation without serving it, although there is a master key, or there are attachments.
    Create,
    /// Run a command beside the servers, initializing the installation first if it does not exist.
    Initialize,
    /// Run a command beside the servers. The database and the keys must exist.
    Command,
}

/// An open installation: its store, clock and keys.
#[derive(Clone)]
pub(crate) struct Installation {
    pub(crate) store: Arc<DynStore>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) hasher: Arc<dyn SecretHasher>,
    pub(crate) checkpoints: Arc<dyn CheckpointSigner>,
    pub(crate) checkpoint_key: CheckpointPublicKey,
    /// The names and the further keys of the audit logs.
    pub(crate) audit_logs: AuditLogs,
    /// The archive of the audit logs; `None` if all entries stay in the database.
    pub(crate) audit_archive: Option<AuditArchive>,
    /// The rate limits shared by several servers, if the database can store them.
    pub(crate) buckets: Option<Arc<dyn SharedBuckets>>,
    /// The bytes of attachments.
    pub(crate) attachments: Attachments,
    keys: Keys,
}

/// Creates the random number and id generator.
fn entropy() -> Arc<dyn Entropy> {
    Arc::new(SystemEntropy::new())
}

/// Creates the hasher of client secrets.
fn hasher(entropy: &Arc<dyn Entropy>) -> Arc<dyn SecretHasher> {
    Arc::new(Argon2Hasher::new(Arc::clone(entropy)))
}

impl Installation {
    /// Opens the installation.
    ///
    /// # Errors
    /// If the database can't be reached or does not exist, or the master key is missing or belongs to another
    /// installation.
    pub(crate) async fn open(settings: &Settings, mode: OpenMode) -> Result<Self, Failure> {
        Self::open_with(settings, mode, |clock| clock).await
    }

    /// Opens an installation that does not exist yet, whose clock shows the time this long ago until it is released.
    ///
    /// # Errors
    /// As for [`Self::open`].
    pub(crate) async fn open_in_past(
        settings: &Settings,
        mode: OpenMode,
        ago: Duration,
    ) -> Result<(Self, Arc<ReplayClock>), Failure> {
        let mut replay = None;
        let past = |clock: Arc<dyn Clock>| {
            let start = clock.now() - ago;
            let past = Arc::new(ReplayClock::new(clock, start));
            replay = Some(Arc::clone(&past));
            past as Arc<dyn Clock>
        };
        let installation = Self::open_with(settings, mode, past).await?;
        let replay = replay.ok_or_else(|| Failure::new("the installation was opened without its clock"))?;
        Ok((installation, replay))
    }

    async fn open_with(
        settings: &Settings,
        mode: OpenMode,
        clock_of_store: impl FnOnce(Arc<dyn Clock>) -> Arc<dyn Clock>,
    ) -> Result<Self, Failure> {
        let entropy = entropy();
        let OpenedDatabase { store, sql, clock, present, buckets } =
            database::open(settings, mode, &*entropy, clock_of_store).await?;
        let opened = async {
            let keys = Keys::open(settings, mode, (&store, sql.as_ref()), &*present, &*entropy).await?;
            let audit_logs = AuditLogs::open(settings, &*store, &keys.master).await?;
            let archive = AuditArchive::open(settings, &*store)?;
            Ok((keys, audit_logs, archive, Attachments::open_for(settings, mode, &*store).await?))
        };
        let (keys, audit_logs, audit_archive, attachments) = match opened.await {
            Ok(opened) => opened,
            Err(failure) => {
                store.close().await;
                return Err(failure);
            }
        };
        let signer = CheckpointKey::new(&keys.master);
        Ok(Self {
            store,
            hasher: hasher(&entropy),
            checkpoint_key: signer.public_key(),
            checkpoints: Arc::new(signer),
            audit_logs,
            audit_archive,
            clock,
            entropy,
            buckets,
            attachments,
            keys,
        })
    }

    /// Opens the installation as a command, runs `run` with it, and closes it whether `run` succeeds or fails. Without
    /// the close, other processes would wait for this one until its registration expires.
    ///
    /// # Errors
    /// Those of [`Self::open`] and of `run`.
    pub(crate) async fn with<T>(
        settings: &Settings,
        run: impl AsyncFnOnce(&Self) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let installation = Self::open(settings, OpenMode::Command).await?;
        let result = run(&installation).await;
        installation.store.close().await;
        result
    }

    /// The signer and verifier of access tokens.
    ///
    /// # Errors
    /// If there is no token signing key.
    pub(crate) fn tokens(&self) -> Result<Arc<Tokens>, Failure> {
        self.keys.tokens()
    }

    /// Generates a token signing key, which is not published yet.
    pub(crate) fn new_signing_key(&self) -> EncryptedSigningKey {
        self.keys.new_signing_key(&*self.clock, &*self.entropy)
    }

    /// The services that all surfaces depend on.
    ///
    /// # Errors
    /// If there is no token signing key.
    pub(crate) fn services(
        &self,
        settings: &Settings,
        limits: Arc<dyn LimitStore>,
        (observer, people_observer): (Arc<dyn Observer>, Arc<dyn PeopleObserver>),
        webhooks: &Webhooks,
    ) -> Result<Services, Failure> {
        let tokens = self.keys.tokens()?;
        Ok(Services {
            store: Arc::clone(&self.store),
            clock: Arc::clone(&self.clock),
            entropy: Arc::clone(&self.entropy),
            hasher: Arc::clone(&self.hasher),
            signer: Arc::clone(&tokens) as _,
            verifier: tokens,
            people: Arc::new(self.observed_people(settings, Arc::clone(&limits), people_observer)),
            limits,
            cursor_signer: Arc::new(self.keys.cursor_signer()),
            response_cipher: Arc::new(self.keys.response_cipher()),
            observer,
            commit_listener: Arc::new(DeliveryTrigger(Arc::clone(&webhooks.notifier) as _)),
            settings: settings.api.clone(),
        })
    }
}

impl OpenMode {
    /// Whether the process is a server.
    fn is_server(self) -> bool {
        matches!(self, Self::Serve | Self::ServeNoMigrate | Self::ServeNew)
    }

    /// Whether an installation is begun, but only where there is nothing of an earlier one.
    fn begins_only_if_new(self) -> bool {
        matches!(self, Self::Serve | Self::ServeNoMigrate | Self::Initialize)
    }

    /// Whether a missing database and missing keys are created.
    fn creates_missing(self) -> bool {
        self != Self::Command
    }
}
