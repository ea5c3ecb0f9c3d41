//! The use of codes and refresh tokens, and revocation, over the ports.

use kernel::{Entropy, StoreError, Timestamp};

use crate::{
    client::{GrantType, OAuthClient},
    code::{AuthorizationCode, CodeFault, StoredCode},
    error::{OAuthError, OAuthErrorCode},
    grant::{EndReason, Grant, GrantId},
    pkce::CodeVerifier,
    ports::OAuthStore,
    refresh::{RefreshDecision, RefreshState, RefreshToken},
    scope_names::{OFFLINE_ACCESS, ScopeNames},
};

/// The flows of the token and revocation endpoints.
#[derive(Clone, Copy)]
pub struct Flows<'a> {
    /// The store.
    pub store: &'a dyn OAuthStore,
    /// The source of tokens.
    pub entropy: &'a dyn Entropy,
}

/// The answer of the token endpoint, before tokens are signed.
#[derive(Clone, Debug)]
pub struct Issued {
    /// The grant.
    pub grant: Grant,
    /// The scopes of the access token.
    pub scopes: ScopeNames,
    /// The refresh token, with `offline_access`.
    pub refresh_token: Option<RefreshToken>,
    /// The code, for the ID token; `None` after a refresh.
    pub code: Option<StoredCode>,
}

/// The failure of a flow.
#[derive(Debug, thiserror::Error)]
pub enum ExchangeError {
    /// The client is answered with this error.
    #[error(transparent)]
    Refused(#[from] OAuthError),
    /// The grant has ended because a code or token was used again. The client is answered with `invalid_grant`; the
    /// audit log has an entry.
    #[error("a code or refresh token was used again: {1:?}")]
    Reused(Box<Grant>, EndReason),
    /// The store failed.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Flows<'_> {
    /// Uses a code of an authenticated client.
    ///
    /// # Errors
    /// [`ExchangeError`]; a second use ends the grant of the first.
    pub async fn use_code(
        &self,
        client: &OAuthClient,
        code: &str,
        redirect_uri: &str,
        verifier: &CodeVerifier,
        now: Timestamp,
    ) -> Result<Issued, ExchangeError> {
        require(client, GrantType::AuthorizationCode)?;
        let hash = AuthorizationCode::parse(code).ok_or_else(OAuthError::invalid_grant)?.hash();
        let mut code = self.store.code(hash).await?.ok_or_else(OAuthError::invalid_grant)?;
        match code.check(client, redirect_uri, verifier, now) {
            Ok(()) => {}
            Err(CodeFault::Reused) => return Err(self.code_reused(&code, now).await),
            Err(_) => return Err(OAuthError::invalid_grant().into()),
        }
        let may_refresh = code.scopes.contains(OFFLINE_ACCESS) && client.grant_types.contains(&GrantType::RefreshToken);
        let refresh_token = may_refresh.then(|| RefreshToken::generate(self.entropy));
        let grant = Grant {
            id: code.grant,
            organization: code.organization,
            user: code.user,
            client: code.client,
            scopes: code.scopes.clone(),
            created_at: now,
            refresh: refresh_token.as_ref().map(|token| RefreshState::first(token, now)),
            ended: None,
        };
        if !self.store.use_code(hash, grant.clone(), now).await? {
            return Err(self.code_reused(&code, now).await);
        }
        code.used_at = Some(now);
        Ok(Issued { scopes: grant.scopes.clone(), grant, refresh_token, code: Some(code) })
    }

    /// Uses a refresh token of an authenticated client. `scopes` narrows the access token. `held` is what the client is
    /// registered for and the person holds now.
    ///
    /// # Errors
    /// [`ExchangeError`]; the use of a replaced token ends the grant.
    pub async fn refresh(
        &self,
        client: &OAuthClient,
        token: &str,
        scopes: Option<&ScopeNames>,
        held: impl Fn(&Grant) -> ScopeNames + Send,
        now: Timestamp,
    ) -> Result<Issued, ExchangeError> {
        require(client, GrantType::RefreshToken)?;
        let presented = RefreshToken::parse(token).ok_or_else(OAuthError::invalid_grant)?.hash();
        // A lost race is decided again with what the winner wrote. Each attempt that loses means that another one won.
        for _ in 0..3 {
            let found = self.store.grant_by_refresh_token(presented).await?;
            let mut grant = found.ok_or_else(OAuthError::invalid_grant)?;
            let successor = RefreshToken::generate(self.entropy);
            let state = match grant.use_refresh_token(client.id, presented, &successor, now) {
                RefreshDecision::Rotate(state) => state,
                RefreshDecision::Refused => return Err(OAuthError::invalid_grant().into()),
                RefreshDecision::Reused => return Err(self.end(grant, EndReason::RefreshReused, now).await),
            };
            if scopes.is_some_and(|scopes| !grant.scopes.covers_all(scopes)) {
                let error = OAuthError::new(OAuthErrorCode::InvalidScope, "scope exceeds what was granted");
                return Err(error.into());
            }
            let granted = scopes.unwrap_or(&grant.scopes).granted(&client.scopes, &held(&grant), true)?;
            let Some(expected) = grant.refresh else { return Err(OAuthError::invalid_grant().into()) };
            if self.store.rotate(&grant, expected, state).await? {
                grant.refresh = Some(state);
                return Ok(Issued { grant, scopes: granted, refresh_token: Some(successor), code: None });
            }
        }
        Err(OAuthError::invalid_grant().into())
    }

    /// Ends the grant of a refresh token, if it is this client's. Returns the grant if it has ended now; an unknown
    /// token is no error (RFC 7009 § 2.2).
    ///
    /// # Errors
    /// [`StoreError`] if the store fails.
    pub async fn revoke_refresh_token(
        &self,
        client: &OAuthClient,
        token: &str,
        now: Timestamp,
    ) -> Result<Option<Grant>, StoreError> {
        let Some(token) = RefreshToken::parse(token) else { return Ok(None) };
        let grant = self.store.grant_by_refresh_token(token.hash()).await?;
        self.revoke(client, grant, now).await
    }

    /// Ends the grant that a verified access token names, if it is this client's. Returns it if it has ended now.
    ///
    /// # Errors
    /// [`StoreError`] if the store fails.
    pub async fn revoke_grant(
        &self,
        client: &OAuthClient,
        organization: kernel::OrganizationId,
        id: GrantId,
        now: Timestamp,
    ) -> Result<Option<Grant>, StoreError> {
        let grant = self.store.grant(organization, id).await?;
        self.revoke(client, grant, now).await
    }

    async fn revoke(
        &self,
        client: &OAuthClient,
        grant: Option<Grant>,
        now: Timestamp,
    ) -> Result<Option<Grant>, StoreError> {
        let Some(grant) = grant.filter(|grant| grant.client == client.id) else { return Ok(None) };
        let ended = self.store.end_grant(grant.organization, grant.id, EndReason::Revoked, now).await?;
        Ok(ended.then_some(grant))
    }

    async fn code_reused(&self, code: &StoredCode, now: Timestamp) -> ExchangeError {
        match self.store.grant(code.organization, code.grant).await {
            Ok(Some(grant)) => self.end(grant, EndReason::CodeReused, now).await,
            Ok(None) => OAuthError::invalid_grant().into(),
            Err(error) => error.into(),
        }
    }

    async fn end(&self, grant: Grant, reason: EndReason, now: Timestamp) -> ExchangeError {
        match self.store.end_grant(grant.organization, grant.id, reason, now).await {
            Ok(_) => ExchangeError::Reused(Box::new(grant), reason),
            Err(error) => error.into(),
        }
    }
}

fn require(client: &OAuthClient, grant_type: GrantType) -> Result<(), OAuthError> {
    if client.grant_types.contains(&grant_type) {
        return Ok(());
    }
    let description = format!("the client is not registered for {}", grant_type.name());
    Err(OAuthError::new(OAuthErrorCode::UnauthorizedClient, description))
}
