//! The composition root: the one place that knows every adapter.

mod database;
mod keys;
mod transfer;
mod webhooks;

use std::sync::Arc;

use api::{ApiSettings, Observer, Services};
use audit::CheckpointSigner;
use auth::{SealedKey, SecretHasher};
use crypto::{Argon2Secrets, CheckpointKey, CheckpointPublicKey, SystemEntropy};
use kernel::{Clock, Entropy};
use limits::{LimitStore, SharedBuckets};
use store::DynStore;

use crate::{failure::Failure, settings::Settings};

use database::Opened;
pub(crate) use database::migrate;
use keys::Keys;
pub(crate) use keys::Tokens;
pub(crate) use transfer::{BackedUp, Copied, Progress, Restored, back_up, copy, restore};
pub(crate) use webhooks::Webhooks;

/// For what an installation is opened, which says what is made where it is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Opening {
    /// To serve: whatever is missing is made.
    Server,
    /// To serve, but not to touch the schema.
    ServerWithoutMigration,
    /// To begin an installation, or to do something beside its servers.
    Founder,
    /// To do something beside the servers: everything must be there.
    Tool,
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
    /// Where the database keeps rate limits for several servers.
    pub(crate) buckets: Option<Arc<dyn SharedBuckets>>,
    keys: Keys,
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
        let entropy = entropy();
        let Opened { store, clock, buckets } = database::open(settings, opening, &*entropy).await?;
        let keys = match Keys::open(settings, opening, &store, &*clock, &*entropy).await {
            Ok(keys) => keys,
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
            clock,
            entropy,
            buckets,
            keys,
        })
    }

    /// Opens it as a tool does, does something with it, and closes it however that ends: a process that is merely gone
    /// is heeded by others for a while.
    ///
    /// # Errors
    /// As [`Self::open`], and what `visit` fails with.
    pub(crate) async fn visit<T>(
        settings: &Settings,
        visit: impl AsyncFnOnce(&Self) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let installation = Self::open(settings, Opening::Tool).await?;
        let visited = visit(&installation).await;
        installation.store.close().await;
        visited
    }

    /// What signs and verifies tokens.
    ///
    /// # Errors
    /// When there is no key to sign tokens with.
    pub(crate) fn tokens(&self) -> Result<Arc<Tokens>, Failure> {
        self.keys.tokens()
    }

    /// A new token signing key, which nobody knows of yet.
    pub(crate) fn new_signing_key(&self) -> SealedKey {
        self.keys.new_signing_key(&*self.clock, &*self.entropy)
    }

    /// What the API works through.
    ///
    /// # Errors
    /// When there is no key to sign tokens with.
    pub(crate) fn services(
        &self,
        settings: &ApiSettings,
        limits: Arc<dyn LimitStore>,
        observer: Arc<dyn Observer>,
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
            limits,
            cursors: Arc::new(self.keys.cursors()),
            answers: Arc::new(self.keys.answers()),
            observer,
            webhook_secrets: Arc::clone(&webhooks.secrets),
            sender: Arc::clone(&webhooks.sender),
            bell: Arc::clone(&webhooks.bell) as _,
            webhook_addresses: webhooks.addresses.clone(),
            settings: settings.clone(),
        })
    }
}

impl Opening {
    /// Whether it serves.
    fn serves(self) -> bool {
        matches!(self, Self::Server | Self::ServerWithoutMigration)
    }

    /// Whether it makes what is missing.
    fn begins(self) -> bool {
        self != Self::Tool
    }
}
