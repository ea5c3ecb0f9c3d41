//! Judging a call: from a token's claims and the account as it stands now, to what the caller may do.

use std::sync::Arc;

use kernel::{Actor, ActorKind, StandingProof, Timestamp};
use scopes::{Scope, ScopeSet};

use crate::{account::Account, token::Claims};

/// An admitted caller.
#[derive(Clone, Debug)]
pub struct Caller {
    /// The account, as it stood when the call was admitted.
    pub account: Arc<Account>,
    /// What it may do on this call: the token's scopes that the account still has.
    pub scopes: ScopeSet,
}

/// Why a caller is turned away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The account is disabled or expired.
    #[error("the service account may not call")]
    Standing,
    /// The scope is not among those of token and account.
    #[error("scope {0} is needed")]
    Scope(Scope),
}

impl Caller {
    /// Judges the claims of a token by the account as it stands at `now`: removing a scope or disabling the account acts
    /// on the next call.
    ///
    /// # Errors
    /// [`Refused::Standing`].
    pub fn admit(claims: &Claims, account: Arc<Account>, now: Timestamp) -> Result<Self, Refused> {
        if account.meta.id != claims.account
            || account.meta.organization != claims.organization
            || !account.record.stands(now)
        {
            return Err(Refused::Standing);
        }
        let scopes = claims.scopes.intersection(account.record.scopes);
        Ok(Self { account, scopes })
    }

    /// Asks for a scope.
    ///
    /// # Errors
    /// [`Refused::Scope`] when the caller lacks it.
    pub fn need(&self, scope: Scope) -> Result<(), Refused> {
        if self.scopes.contains(scope) { Ok(()) } else { Err(Refused::Scope(scope)) }
    }

    /// What a commit checks again.
    #[must_use]
    pub fn standing(&self) -> StandingProof {
        StandingProof { account: self.account.meta.id.ulid(), revision: self.account.meta.revision }
    }

    /// As the audit log names it.
    #[must_use]
    pub fn actor(&self) -> Actor {
        actor(&self.account)
    }
}

/// The account as the audit log names it.
#[must_use]
pub fn actor(account: &Account) -> Actor {
    Actor {
        kind: ActorKind::ServiceAccount,
        id: Some(account.meta.id.to_string().into()),
        name: account.record.name.as_str().into(),
    }
}
