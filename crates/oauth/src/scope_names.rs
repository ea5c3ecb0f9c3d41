//! Sets of scope names (RFC 6749 § 3.3), with areas that stand for all their finer scopes.

use std::{collections::BTreeSet, fmt};

use crate::error::{OAuthError, OAuthErrorCode};

/// The scope of OpenID Connect: without it there is no ID token and no userinfo.
pub const OPENID: &str = "openid";
/// The scope without which there is no refresh token.
pub const OFFLINE_ACCESS: &str = "offline_access";
/// The scopes that every client with authorization codes may request (contract § 12).
pub const IDENTITY_SCOPES: [&str; 4] = [OPENID, "profile", "email", OFFLINE_ACCESS];

/// A set of scope names, displayed in the order of their texts with single spaces between them.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct ScopeNames(BTreeSet<String>);

impl ScopeNames {
    /// Reads a requested set. `catalogue` lists the scopes of this API.
    ///
    /// # Errors
    /// `invalid_scope`, which names the scope, if one is in neither the catalogue nor [`IDENTITY_SCOPES`].
    pub fn parse(text: &str, catalogue: &[&str]) -> Result<Self, OAuthError> {
        let names: Self = text.split(' ').filter(|name| !name.is_empty()).collect();
        let is_unknown = |name: &&str| !IDENTITY_SCOPES.contains(name) && !catalogue.contains(name);
        if let Some(name) = names.iter().find(is_unknown) {
            return Err(OAuthError::new(OAuthErrorCode::InvalidScope, format!("there is no scope {name:?}")));
        }
        Ok(names)
    }

    /// Returns whether the set contains the scope or its area.
    #[must_use]
    pub fn covers(&self, name: &str) -> bool {
        self.contains(name) || name.split_once(':').is_some_and(|(area, _)| self.contains(area))
    }

    /// Returns whether the set covers each scope of `other`.
    #[must_use]
    pub fn covers_all(&self, other: &Self) -> bool {
        other.iter().all(|name| self.covers(name))
    }

    /// Returns whether the set contains exactly this name.
    #[must_use]
    pub fn contains(&self, name: &str) -> bool {
        self.0.contains(name)
    }

    /// Returns what both sets permit: of an area and one of its finer scopes, the finer one.
    #[must_use]
    pub fn intersection(&self, other: &Self) -> Self {
        let of_self = self.iter().filter(|name| other.covers(name));
        of_self.chain(other.iter().filter(|name| self.covers(name))).collect()
    }

    /// Returns the scopes to grant: those requested that the client is registered for and the person or account holds.
    /// Identity scopes are granted as requested when `identity` is true.
    ///
    /// # Errors
    /// `invalid_scope` if nothing remains.
    pub fn granted(&self, registered: &Self, held: &Self, identity: bool) -> Result<Self, OAuthError> {
        let mut granted = self.intersection(registered).intersection(held);
        granted.0.retain(|name| !IDENTITY_SCOPES.contains(&name.as_str()));
        if identity {
            granted.0.extend(self.0.iter().filter(|name| IDENTITY_SCOPES.contains(&name.as_str())).cloned());
        }
        if granted.is_empty() {
            return Err(OAuthError::new(OAuthErrorCode::InvalidScope, "none of these scopes can be granted"));
        }
        Ok(granted)
    }

    /// Returns whether the set is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Iterates over the names in the order of their texts.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

impl<'a> FromIterator<&'a str> for ScopeNames {
    fn from_iter<I: IntoIterator<Item = &'a str>>(names: I) -> Self {
        Self(names.into_iter().map(str::to_owned).collect())
    }
}

impl fmt::Display for ScopeNames {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, name) in self.iter().enumerate() {
            write!(f, "{}{name}", if index > 0 { " " } else { "" })?;
        }
        Ok(())
    }
}

impl fmt::Debug for ScopeNames {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{{{self}}}")
    }
}
