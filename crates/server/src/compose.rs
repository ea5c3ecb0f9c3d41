//! The composition root: the one place that knows every adapter.

mod database;
mod keys;

use std::sync::Arc;

use api::{ApiSettings, Observer, Services};
use audit::CheckpointSigner;
use auth::SecretHasher;
use crypto::{Argon2Secrets, CachedVerifier, CheckpointKey, CheckpointPublicKey, SystemEntropy};
use kernel::{Clock, Entropy};
use limits::MemoryLimits;
use store::DynStore;

use crate::{clock::SystemClock, failure::Failure, settings::Settings};

pub(crate) use database::migrate;
use keys::Keys;

/// How many tokens are remembered as verified; some 250 bytes each.
const VERIFIED_TOKENS: usize = 10_000;

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
        let (clock, entropy): (Arc<dyn Clock>, _) = (Arc::new(SystemClock), entropy());
        let store = database::open(&settings.database, opening, Arc::clone(&clock), &*entropy).await?;
        let keys = match Keys::open(settings, opening, &*store, &*clock, &*entropy).await {
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

    /// What the API works through.
    ///
    /// # Errors
    /// When there is no key to sign tokens with.
    pub(crate) fn services(&self, settings: &ApiSettings, observer: Arc<dyn Observer>) -> Result<Services, Failure> {
        let tokens = self.keys.tokens()?;
        Ok(Services {
            store: Arc::clone(&self.store),
            clock: Arc::clone(&self.clock),
            entropy: Arc::clone(&self.entropy),
            hasher: Arc::clone(&self.hasher),
            signer: Arc::clone(&tokens) as _,
            verifier: Arc::new(CachedVerifier::new(tokens, VERIFIED_TOKENS)),
            limits: Arc::new(MemoryLimits::default()),
            cursors: Arc::new(self.keys.cursors()),
            observer,
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
