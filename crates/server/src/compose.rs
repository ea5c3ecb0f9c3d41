//! The composition root: the one place that knows every adapter.

mod database;
mod keys;

use std::sync::Arc;

use api::{ApiSettings, Observer, Services};
use audit::CheckpointSigner;
use auth::SecretHasher;
use crypto::{Argon2Secrets, CheckpointKey, CheckpointPublicKey, MasterKey, SystemEntropy};
use kernel::{Clock, Entropy};
use limits::MemoryLimits;
use store::DynStore;

use crate::{
    clock::SystemClock,
    failure::{Context as _, Failure},
    settings::{Database, Settings},
};

/// For what an installation is opened, which says what may be made where it is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Opening {
    /// To serve: everything that is missing is made.
    Server,
    /// To serve, but not to touch the schema.
    ServerWithoutMigration,
    /// To bring the schema up to date.
    Migrate,
    /// To do one thing beside the servers: everything must be there.
    Tool,
    /// To begin an installation, or to do one thing beside its servers.
    Founder,
}

/// An installation that is open: its records and its keys.
#[derive(Clone)]
pub(crate) struct Installation {
    pub(crate) store: Arc<DynStore>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) hasher: Arc<dyn SecretHasher>,
    pub(crate) checkpoints: Arc<dyn CheckpointSigner>,
    pub(crate) checkpoint_key: CheckpointPublicKey,
    master: MasterKey,
}

/// The source of chance.
pub(crate) fn entropy() -> Arc<dyn Entropy> {
    Arc::new(SystemEntropy::new())
}

/// What hashes client secrets.
pub(crate) fn hasher(entropy: &Arc<dyn Entropy>) -> Arc<dyn SecretHasher> {
    Arc::new(Argon2Secrets::new(Arc::clone(entropy)))
}

impl Installation {
    /// Opens it.
    ///
    /// # Errors
    /// Whatever is missing or can't be reached, in words; a master key that is not the one its secrets are kept under.
    pub(crate) async fn open(settings: &Settings, opening: Opening) -> Result<Self, Failure> {
        let (clock, entropy): (Arc<dyn Clock>, _) = (Arc::new(SystemClock), entropy());
        let may_begin = opening.may_begin(&settings.database);
        let master = if matches!(settings.database, Database::Memory) {
            MasterKey::generate(&*entropy)
        } else {
            keys::master(&settings.master_key_file, &*entropy, may_begin)?
        };
        let store = database::open(&settings.database, opening, Arc::clone(&clock), &*entropy).await?;
        let signer = CheckpointKey::new(&master);
        let installation = Self {
            store,
            hasher: hasher(&entropy),
            checkpoint_key: signer.public_key(),
            checkpoints: Arc::new(signer),
            clock,
            entropy,
            master,
        };
        installation.check_keys().await?;
        Ok(installation)
    }

    /// Looks whether the master key is the one that the installation's secrets are kept under.
    ///
    /// # Errors
    /// When it is another.
    pub(crate) async fn check_keys(&self) -> Result<(), Failure> {
        let sealed = self.store.signing_keys().await?;
        keys::tokens(&sealed, &self.master).map(|_| ()).or_fail(|| "the master key does not fit the database".to_owned())
    }

    /// What the API works through. Makes the first token signing key where there is none.
    ///
    /// # Errors
    /// When the store fails, or the master key is not the one that the signing keys are kept under.
    pub(crate) async fn services(&self, settings: &ApiSettings, observer: Arc<dyn Observer>) -> Result<Services, Failure> {
        let tokens = self.token_keys().await?;
        Ok(Services {
            store: Arc::clone(&self.store),
            clock: Arc::clone(&self.clock),
            entropy: Arc::clone(&self.entropy),
            hasher: Arc::clone(&self.hasher),
            signer: Arc::new(tokens.signer()),
            verifier: Arc::new(tokens.verifier()),
            limits: Arc::new(MemoryLimits::default()),
            cursors: Arc::new(keys::Cursors::new(&self.master)),
            observer,
            settings: settings.clone(),
        })
    }
}

impl Opening {
    /// Whether what is missing may be made.
    fn may_begin(self, database: &Database) -> bool {
        match self {
            Self::Server | Self::ServerWithoutMigration | Self::Founder | Self::Migrate => true,
            Self::Tool => matches!(database, Database::Memory),
        }
    }
}
