//! The installation's keys: one in a file, from which or under which all others are.

mod master;
mod tokens;

use std::sync::Arc;

use api::{AnswerSeal, CursorSeal};
use auth::SealedKey;
use crypto::{CursorKey, MasterKey, Sealer, WebhookSecrets, seal_new_signing_key};
use kernel::{Clock, Entropy};
use store::DynStore;

use super::Opening;
use crate::{
    failure::Failure,
    settings::{Database, Settings},
};

pub(crate) use tokens::Tokens;

/// The keys, proved to be those of this installation.
#[derive(Clone)]
pub(super) struct Keys {
    pub(super) master: MasterKey,
    /// None before the installation has begun.
    tokens: Option<Arc<Tokens>>,
}

impl Keys {
    /// Reads the master key and opens what is kept under it; makes both for a new installation.
    ///
    /// # Errors
    /// A master key that is missing or another installation's.
    pub(super) async fn open(
        settings: &Settings,
        opening: Opening,
        store: &Arc<DynStore>,
        clock: &dyn Clock,
        entropy: &dyn Entropy,
    ) -> Result<Self, Failure> {
        let master = match settings.database {
            Database::Memory => MasterKey::generate(entropy),
            _ => master::settled(&settings.master_key_file, opening, &**store, entropy).await?,
        };
        if opening.begins() && store.signing_keys().await?.keys().is_empty() {
            store.add_first_signing_key(&seal_new_signing_key(&master, entropy, clock.now())).await?;
        }
        let tokens = Tokens::open(&master, Arc::clone(store)).await?.map(Arc::new);
        Ok(Self { master, tokens })
    }

    /// What signs and verifies tokens.
    ///
    /// # Errors
    /// When the installation has not begun.
    pub(super) fn tokens(&self) -> Result<Arc<Tokens>, Failure> {
        self.tokens.clone().ok_or_else(|| Failure::new("the database has no token signing key"))
    }

    /// What seals cursors.
    pub(super) fn cursors(&self) -> Cursors {
        Cursors(CursorKey::new(&self.master))
    }

    /// What seals answers that hold a secret.
    pub(super) fn answers(&self) -> Answers {
        Answers(Sealer::new(&self.master))
    }

    /// What seals webhook secrets and signs with them.
    pub(super) fn webhook_secrets(&self) -> WebhookSecrets {
        WebhookSecrets::new(&self.master)
    }

    /// A new token signing key, which nobody knows of yet.
    pub(super) fn new_signing_key(&self, clock: &dyn Clock, entropy: &dyn Entropy) -> SealedKey {
        seal_new_signing_key(&self.master, entropy, clock.now())
    }
}

/// Answers as the API keeps them.
pub(super) struct Answers(Sealer);

impl AnswerSeal for Answers {
    fn seal(&self, entropy: &dyn Entropy, purpose: &str, body: &[u8]) -> Vec<u8> {
        self.0.seal(entropy, purpose, body)
    }

    fn open(&self, purpose: &str, sealed: &[u8]) -> Option<Vec<u8>> {
        self.0.open(purpose, sealed).ok().map(|body| body.to_vec())
    }
}

/// Cursors as the API seals them.
pub(super) struct Cursors(CursorKey);

impl CursorSeal for Cursors {
    fn seal(&self, payload: &[u8]) -> String {
        self.0.seal(payload)
    }

    fn open(&self, cursor: &str) -> Option<Vec<u8>> {
        self.0.open(cursor)
    }
}
