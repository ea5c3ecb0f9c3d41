//! The tenant: everything a service account can see belongs to one organization (a workspace, on the command line).

use crate::{
    entry::FieldValue,
    fields::Fields,
    id::{Id, Named},
    resource::{Criteria, Kind, Resource, Stored},
    text::{RecordKey, TextError, Title},
};

/// Names the organization a record, a credential or a query belongs to.
pub type OrganizationId = Id<Organization>;

/// A workspace with records, people and service accounts of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Organization {
    /// Names it on command lines; unique in the installation.
    pub slug: Slug,
    /// What people call it.
    pub name: Title,
    /// BCP 47 language tag, for example `en-US`.
    pub locale: RecordKey,
    /// IANA time zone, for example `America/Denver`.
    pub timezone: RecordKey,
}

impl Named for Organization {
    const PREFIX: &'static str = "org";
}

/// Organizations are read one at a time: there is nothing to filter.
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

impl Fields for Organization {
    fn fields(&self) -> Vec<(&'static str, FieldValue)> {
        vec![
            ("slug", FieldValue::Text(self.slug.as_str().to_owned())),
            ("name", FieldValue::Text(self.name.to_string())),
            ("locale", FieldValue::Text(self.locale.to_string())),
            ("timezone", FieldValue::Text(self.timezone.to_string())),
        ]
    }
}

impl Organization {
    /// Where entries stand that belong to no organization, such as calls that name no known account: the
    /// installation's own log.
    #[must_use]
    pub const fn installation() -> OrganizationId {
        Id::new(ulid::Ulid::nil())
    }
}

/// 1 to 63 lower-case letters, digits and inner hyphens.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Slug(String);

impl Slug {
    /// Holds `text` to the rule.
    ///
    /// # Errors
    /// [`TextError`] with what the rule asks for.
    pub fn parse(text: &str) -> Result<Self, TextError> {
        let fits = (1..=63).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
            && !text.starts_with('-')
            && !text.ends_with('-');
        if fits {
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
