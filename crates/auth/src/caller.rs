//! Authorization of a call by the claims of its token and the current state of the account.

use std::sync::Arc;

use kernel::{Actor, ActorKind, ActorRevision, Kind, Meta, Timestamp};
use scopes::{Scope, ScopeSet};

use crate::{account::Account, token::Claims};

/// An authorized caller.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The account, as it was when the call was authorized.
    pub account: Arc<Account>,
    /// The scopes of this call: those of the token that the account still has.
    pub scopes: ScopeSet,
}

/// The reason that a call is not authorized.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuthorizationError {
    /// The account is disabled or expired.
    #[error("the service account is disabled or expired")]
    InactiveAccount,
    /// The token or the account lacks the scope.
    #[error("the scope {0} is required")]
    MissingScope(Scope),
}

impl Caller {
    /// Checks the claims of a token against the account at `now`: removing a scope or disabling the account takes
    /// effect on the next call.
    ///
    /// # Errors
    /// [`AuthorizationError::InactiveAccount`].
    pub fn authorize(claims: &Claims, account: Arc<Account>, now: Timestamp) -> Result<Self, AuthorizationError> {
        if account.meta.id != claims.account
            || account.meta.organization != claims.organization
            || !account.record.is_active_at(now)
        {
            return Err(AuthorizationError::InactiveAccount);
        }
        let scopes = claims.scopes.intersection(account.record.scopes);
        Ok(Self { account, scopes })
    }

    /// Checks that the caller has a scope.
    ///
    /// # Errors
    /// [`AuthorizationError::MissingScope`] if the caller lacks it.
    pub fn require_scope(&self, scope: Scope) -> Result<(), AuthorizationError> {
        if self.scopes.contains(scope) { Ok(()) } else { Err(AuthorizationError::MissingScope(scope)) }
    }

    /// The account's revision, which a commit checks again.
    #[must_use]
    pub fn actor_revision(&self) -> ActorRevision {
        let Meta { id, revision, .. } = self.account.meta;
        ActorRevision { kind: Kind::ServiceAccount, id: id.ulid(), revision }
    }

    /// The caller as the actor of audit entries.
    #[must_use]
    pub fn actor(&self) -> Actor {
        actor(&self.account)
    }
}

/// Returns the account as the actor of audit entries.
#[must_use]
pub fn actor(account: &Account) -> Actor {
    Actor {
        kind: ActorKind::ServiceAccount,
        id: Some(account.meta.id.to_string().into()),
        name: account.record.name.as_str().into(),
    }
}
