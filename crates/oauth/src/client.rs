//! Registered clients.

use std::{fmt, str::FromStr, time::Duration};

use auth::{ClientSecret, SecretHash, SecretHasher, StoredSecret};
use kernel::{Entropy, FieldError, OrganizationId, Timestamp, Ulid, string_enum};

use crate::{
    redirect_uri::RedirectUri,
    scope_names::{IDENTITY_SCOPES, ScopeNames},
};

/// The identifier of a client: `app-` and 32 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClientId(pub Ulid);

string_enum! {
    /// Whether a client can keep a secret.
    ClientKind {
        /// A client in the hands of people: a page in a browser, an app.
        Public = "public",
        /// A client on a server, which has a secret.
        Confidential = "confidential",
    }
}

string_enum! {
    /// A grant that a client can be registered for.
    GrantType {
        /// Codes, with PKCE.
        AuthorizationCode = "authorization_code",
        /// Refresh tokens.
        RefreshToken = "refresh_token",
    }
}

string_enum! {
    /// The algorithm that a client's ID tokens are signed with.
    IdTokenAlgorithm {
        /// RSA with SHA-256, which OpenID Connect requires of every provider.
        Rs256 = "RS256",
        /// Ed25519.
        EdDsa = "EdDSA",
    }
}

/// The longest time that a rotated secret works on, in seconds.
pub const MAX_SECRET_GRACE: u64 = 604_800;
const MAX_REDIRECT_URIS: usize = 10;
const MAX_NAME: usize = 100;

/// The registration of a client, as requested.
#[derive(Clone, Debug)]
pub struct ClientRequest {
    /// The name, which the consent page shows.
    pub name: String,
    /// Whether it can keep a secret.
    pub kind: ClientKind,
    /// The redirect URIs.
    pub redirect_uris: Vec<String>,
    /// The scopes of the API that it may request.
    pub scopes: String,
    /// The grants that it uses.
    pub grant_types: Vec<GrantType>,
    /// The algorithm of its ID tokens.
    pub id_token_algorithm: IdTokenAlgorithm,
}

/// A registered client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OAuthClient {
    /// The identifier.
    pub id: ClientId,
    /// The organization that registered it.
    pub organization: OrganizationId,
    /// The name.
    pub name: String,
    /// Whether it has a secret.
    pub kind: ClientKind,
    /// The redirect URIs.
    pub redirect_uris: Vec<RedirectUri>,
    /// The scopes of the API that it may request.
    pub scopes: ScopeNames,
    /// The grants that it uses.
    pub grant_types: Vec<GrantType>,
    /// The algorithm of its ID tokens.
    pub id_token_algorithm: IdTokenAlgorithm,
    /// The hashes of the secrets, the current one first: at most two, none of a public client.
    pub secrets: Vec<StoredSecret>,
}

impl OAuthClient {
    /// Registers a client. A confidential one gets its first secret, which is returned once.
    ///
    /// # Errors
    /// All faults of the request at once.
    pub fn register(
        id: ClientId,
        organization: OrganizationId,
        request: ClientRequest,
        catalogue: &[&str],
        hasher: &dyn SecretHasher,
        entropy: &dyn Entropy,
    ) -> Result<(Self, Option<ClientSecret>), Vec<FieldError>> {
        let mut faults = Vec::new();
        let name = request.name.trim().to_owned();
        if name.is_empty() || name.chars().count() > MAX_NAME || !name.chars().all(kernel::is_allowed_in_line) {
            faults.push(FieldError::new("name", "must be one line of 1 to 100 characters"));
        }
        if !(1..=MAX_REDIRECT_URIS).contains(&request.redirect_uris.len()) {
            faults.push(FieldError::new("redirect_uris", "must be 1 to 10 URIs"));
        }
        let mut redirect_uris = Vec::new();
        for text in request.redirect_uris.iter().take(MAX_REDIRECT_URIS) {
            match RedirectUri::parse(text) {
                Ok(uri) if redirect_uris.contains(&uri) => {
                    faults.push(FieldError::new("redirect_uris", "must be different URIs"));
                }
                Ok(uri) => redirect_uris.push(uri),
                Err(message) => faults.push(FieldError::new("redirect_uris", message)),
            }
        }
        let scopes = ScopeNames::parse(&request.scopes, catalogue).unwrap_or_else(|error| {
            faults.push(FieldError::new("scopes", error.description));
            ScopeNames::default()
        });
        if scopes.iter().any(|name| IDENTITY_SCOPES.contains(&name)) {
            faults.push(FieldError::new("scopes", "must not list openid, profile, email and offline_access"));
        }
        if !request.grant_types.contains(&GrantType::AuthorizationCode) {
            faults.push(FieldError::new("grant_types", "must contain authorization_code"));
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        let mut client = Self {
            id,
            organization,
            name,
            kind: request.kind,
            redirect_uris,
            scopes,
            grant_types: request.grant_types,
            id_token_algorithm: request.id_token_algorithm,
            secrets: Vec::new(),
        };
        let secret = (client.kind == ClientKind::Confidential).then(|| ClientSecret::generate(entropy));
        client
            .secrets
            .extend(secret.iter().map(|secret| StoredSecret { hash: hasher.hash(secret, None), expires_at: None }));
        Ok((client, secret))
    }

    /// Replaces the secret. The previous one works for `grace` seconds; any older one ends at once.
    ///
    /// # Errors
    /// A [`FieldError`] if the client is public or the time is longer than [`MAX_SECRET_GRACE`].
    pub fn rotate_secret(
        &mut self,
        grace: u64,
        hasher: &dyn SecretHasher,
        entropy: &dyn Entropy,
        now: Timestamp,
    ) -> Result<ClientSecret, FieldError> {
        if self.kind == ClientKind::Public {
            return Err(FieldError::new("client_type", "a public client has no secret"));
        }
        if grace > MAX_SECRET_GRACE {
            return Err(FieldError::new("grace_seconds", "must be 0 to 604800"));
        }
        let secret = ClientSecret::generate(entropy);
        let previous = self.secrets.first().map(|stored| stored.hash.clone());
        let hash = hasher.hash(&secret, previous.as_ref());
        self.secrets = vec![StoredSecret { hash, expires_at: None }];
        if let Some(hash) = previous.filter(|_| grace > 0) {
            self.secrets.push(StoredSecret { hash, expires_at: Some(now + Duration::from_secs(grace)) });
        }
        Ok(secret)
    }

    /// The hashes of the secrets that are valid at this time.
    pub fn valid_secrets(&self, now: Timestamp) -> impl Iterator<Item = &SecretHash> {
        self.secrets
            .iter()
            .filter(move |secret| secret.expires_at.is_none_or(|end| now < end))
            .map(|secret| &secret.hash)
    }

    /// Returns whether a redirect URI of a request is one of this client's.
    #[must_use]
    pub fn has_redirect_uri(&self, requested: &str) -> bool {
        self.redirect_uris.iter().any(|registered| registered.matches(requested))
    }
}

impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "app-{:032x}", self.0.0)
    }
}

impl fmt::Debug for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The text is not the identifier of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an identifier of the form app-…")]
pub struct MalformedClientId;

impl FromStr for ClientId {
    type Err = MalformedClientId;

    fn from_str(text: &str) -> Result<Self, MalformedClientId> {
        let digits = text.strip_prefix("app-").filter(|digits| digits.len() == 32).ok_or(MalformedClientId)?;
        let id = u128::from_str_radix(digits, 16).map(|bits| Self(Ulid(bits))).map_err(|_| MalformedClientId)?;
        // An identifier has exactly one spelling.
        if id.to_string() == text { Ok(id) } else { Err(MalformedClientId) }
    }
}
