//! The service of integrations: its parts, and what its use cases have in common.

use std::sync::Arc;

use auth::SecretHasher;
use kernel::{Changeset, CommitError, Entropy};
use store::DynStore;

use crate::{author::Author, error::IntegrationError};

/// The maximum number of times that a change is decided if it conflicts with concurrent ones.
pub(crate) const MAX_ATTEMPTS: usize = 20;

/// The use cases of integrations.
#[derive(Clone)]
pub struct Integrations {
    pub(crate) store: Arc<DynStore>,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) hasher: Arc<dyn SecretHasher>,
}

impl Integrations {
    /// Creates the use cases.
    #[must_use]
    pub fn new(store: Arc<DynStore>, entropy: Arc<dyn Entropy>, hasher: Arc<dyn SecretHasher>) -> Self {
        Self { store, entropy, hasher }
    }

    /// Checks that the author may change integrations and, for a user, has proved recently who they are: before a change
    /// that gives a program more than it has, or another one what it gets.
    pub(crate) fn require_recent_management(&self, author: &Author<'_>) -> Result<(), IntegrationError> {
        author.require_management()?;
        Ok(author.require_recent(self.store.begin_write().clock())?)
    }

    /// Commits the changeset on behalf of the author. Returns whether it was stored: if not, it conflicted with a
    /// concurrent change, and the caller must read and decide again.
    pub(crate) async fn commit(&self, author: &Author<'_>, mut changeset: Changeset) -> Result<bool, IntegrationError> {
        if let Some(status) = author.status() {
            changeset.set_status(status);
        }
        match self.store.commit(changeset).await {
            Err(CommitError::Conflict(_)) => Ok(false),
            outcome => outcome.map(|()| true).map_err(IntegrationError::from_commit),
        }
    }
}
