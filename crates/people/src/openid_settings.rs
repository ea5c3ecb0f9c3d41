//! The provider of sign-ins by OpenID Connect, and what is required of them.

use std::sync::Arc;

use auth::{IdentityProvider, OpenIdFlows, OpenIdRules};
use kernel::Slug;

/// The provider by which people sign in, and what is required of them.
#[derive(Clone)]
pub struct OpenIdConnect {
    /// The client of the provider.
    pub provider: Arc<dyn IdentityProvider>,
    /// The cookies of sign-ins that were begun.
    pub flows: Arc<dyn OpenIdFlows>,
    /// The settings.
    pub settings: OpenIdSettings,
}

/// The settings of sign-in by OpenID Connect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenIdSettings {
    /// The label of the button.
    pub label: String,
    /// The workspace whose people sign in by the provider; `None` for the only one.
    pub workspace: Option<Slug>,
    /// Whether the people of this workspace may sign in with a password, too.
    pub allows_passwords: bool,
    /// The rules.
    pub rules: OpenIdRules,
}
