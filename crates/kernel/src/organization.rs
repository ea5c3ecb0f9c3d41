//! The tenant: every record a service account can read belongs to one organization (called a workspace on the command
//! line).

use std::sync::Arc;

use crate::{
    entry::FieldValue,
    fields::AuditFields,
    id::{HasIdPrefix, Id},
    resource::{Criteria, Kind, Resource, Stored},
    text::{RecordKey, TextError, Title},
};

/// The identifier of the organization that a record, a credential or a query belongs to.
pub type OrganizationId = Id<Organization>;

/// A workspace with its own records, users and service accounts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Organization {
    /// The name on the command line, unique in the installation.
    pub slug: Slug,
    /// The display name.
    pub name: Title,
    /// The BCP 47 language tag, for example `en-US`.
    pub locale: RecordKey,
    /// The IANA time zone, for example `America/Denver`.
    pub timezone: RecordKey,
}

impl HasIdPrefix for Organization {
    const PREFIX: &'static str = "org";
}

/// The filter of organizations, which is empty: they are read one at a time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OrganizationFilter;

impl Criteria<Organization> for OrganizationFilter {
    fn matches(&self, _: &Stored<Organization>) -> bool {
        true
    }
}

impl Resource for Organization {
    const KIND: Kind = Kind::Organization;
    type Filter = OrganizationFilter;

    fn unique_key(&self) -> Option<&str> {
        Some(self.slug.as_str())
    }
}

impl AuditFields for Organization {
    fn fields(&self) -> Vec<(&'static str, FieldValue)> {
        vec![
            ("slug", FieldValue::Text(self.slug.as_str().to_owned())),
            ("name", FieldValue::Text(self.name.to_string())),
            ("locale", FieldValue::Text(self.locale.to_string())),
            ("timezone", FieldValue::Text(self.timezone.to_string())),
        ]
    }
}

/// A reference to an organization: all that writes and events need to know about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrganizationRef {
    /// The identifier.
    pub id: OrganizationId,
    /// The slug, which event payloads contain.
    pub slug: Arc<str>,
}

impl From<&Stored<Organization>> for OrganizationRef {
    fn from(organization: &Stored<Organization>) -> Self {
        Self { id: organization.meta.id, slug: organization.record.slug.as_str().into() }
    }
}

impl OrganizationRef {
    /// The installation itself, for changes that belong to no organization. It has no slug.
    #[must_use]
    pub fn installation() -> Self {
        Self { id: OrganizationId::INSTALLATION, slug: "".into() }
    }
}

impl OrganizationId {
    /// The organization of audit entries that belong to no tenant, for example of calls without an existing account:
    /// the installation's own log. Its ULID is nil.
    pub const INSTALLATION: Self = Self::new(ulid::Ulid::nil());
}

/// The slug of an organization: 1 to 63 lower-case letters, digits and inner hyphens.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Slug(String);

impl Slug {
    /// Checks `text` against the rule.
    ///
    /// # Errors
    /// [`TextError`] with the description of the rule.
    pub fn parse(text: &str) -> Result<Self, TextError> {
        let valid = (1..=63).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
            && !text.starts_with('-')
            && !text.ends_with('-');
        if valid {
            Ok(Self(text.to_owned()))
        } else {
            Err(TextError("must be 1 to 63 lower-case letters, digits and inner hyphens"))
        }
    }

    /// The text itself.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}
