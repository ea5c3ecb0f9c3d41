//! Grants: what a person has permitted a client. Every token of a grant ends with it.

use auth::{TokenHash, UserId};
use kernel::{HasIdPrefix, Id, OrganizationId, Timestamp, string_enum};

use crate::{
    client::ClientId,
    refresh::{RefreshDecision, RefreshState, RefreshToken},
    scope_names::ScopeNames,
};

/// The identifier of a grant, the claim `grant` of its access tokens.
pub type GrantId = Id<Grant>;

/// A grant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Grant {
    /// The identifier.
    pub id: GrantId,
    /// The organization.
    pub organization: OrganizationId,
    /// The person.
    pub user: UserId,
    /// The client.
    pub client: ClientId,
    /// The granted scopes.
    pub scopes: ScopeNames,
    /// The time at which the code was used.
    pub created_at: Timestamp,
    /// The refresh tokens; `None` without `offline_access`.
    pub refresh: Option<RefreshState>,
    /// The end of the grant and its cause.
    pub ended: Option<(Timestamp, EndReason)>,
}

string_enum! {
    /// The cause of a grant's end.
    EndReason {
        /// The client, the person or an administrator revoked it.
        Revoked = "revoked",
        /// Its code was used twice.
        CodeReused = "code_reused",
        /// A refresh token that had been replaced was used again.
        RefreshReused = "refresh_reused",
    }
}

impl HasIdPrefix for Grant {
    const PREFIX: &'static str = "grant";
}

impl Grant {
    /// Returns whether the grant has not ended: the check of every call with one of its access tokens.
    #[must_use]
    pub const fn is_live(&self) -> bool {
        self.ended.is_none()
    }

    /// Decides on the use of a token of this grant by this client. `successor` is the token that would be issued.
    #[must_use]
    pub fn use_refresh_token(
        &self,
        client: ClientId,
        presented: TokenHash,
        successor: &RefreshToken,
        now: Timestamp,
    ) -> RefreshDecision {
        match self.refresh.filter(|_| self.is_live() && self.client == client) {
            Some(state) => state.decide(self.created_at, presented, successor, now),
            None => RefreshDecision::Refused,
        }
    }
}
