//! Identities of an OpenID Connect provider by which users sign in.

use kernel::{OrganizationId, Timestamp};

use crate::user::UserId;

/// An identity at a provider that is linked with a user: who proves to be it signs in as the user. The pair of issuer and
/// subject names it for ever; an email address does not, since providers give it to other people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExternalIdentity {
    /// The organization of the user.
    pub organization: OrganizationId,
    /// The issuer identifier of the provider.
    pub issuer: String,
    /// The identifier of the person at the provider.
    pub subject: String,
    /// The user.
    pub user: UserId,
    /// The time at which the identity was linked.
    pub linked_at: Timestamp,
    /// The time of the last sign-in by the identity; that of the link if there was none.
    pub last_used_at: Timestamp,
}

impl ExternalIdentity {
    /// The maximum length of an issuer in bytes.
    pub const MAX_ISSUER: usize = 512;
    /// The maximum length of a subject in bytes (OpenID Connect Core, section 2).
    pub const MAX_SUBJECT: usize = 255;
    /// The maximum number of identities of a user.
    pub const MAX_PER_USER: usize = 10;

    /// Whether the text may be a subject: short, and without control characters.
    #[must_use]
    pub fn is_subject(text: &str) -> bool {
        (1..=Self::MAX_SUBJECT).contains(&text.len()) && !text.chars().any(char::is_control)
    }
}
