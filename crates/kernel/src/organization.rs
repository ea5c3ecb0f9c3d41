//! The tenant: every record a service account can read belongs to one organization (called a workspace on the command
//! line).

use std::sync::Arc;

use crate::{
    id::Id,
    resource::Stored,
    text::{RecordKey, Slug, Title},
};

/// The identifier of the organization that a record, a credential or a query belongs to.
pub type OrganizationId = Id<Organization>;

crate::record! {
    /// A workspace with its own records, users and service accounts.
    #[record(kind = Organization, prefix = "org", plural = "organizations")]
    pub struct Organization {
        /// The name of the workspace on the command line, unique in the installation.
        #[column(installation_key, example("cedar-valley"))]
        pub slug: Slug,
        /// The display name of the workspace.
        #[column(example("Cedar Valley Credit Union"))]
        pub name: Title,
        /// The BCP 47 language tag of the workspace.
        #[column(example("en-US"))]
        pub locale: RecordKey,
        /// The IANA time zone of the workspace.
        #[column(example("America/Denver"))]
        pub timezone: RecordKey,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Record as _, Timestamp, Ulid};

    #[test]
    fn a_reference_to_an_organization_has_its_identifier_and_slug() {
        let stored = Stored::new(Id::new(Ulid(1)), Id::new(Ulid(1)), Timestamp::MIN, Organization::example());
        let expected = OrganizationRef { id: Id::new(Ulid(1)), slug: "cedar-valley".into() };
        assert_eq!(OrganizationRef::from(&stored), expected);
    }

    #[test]
    fn the_installation_has_no_slug_and_the_nil_identifier() {
        let installation = OrganizationRef::installation();
        assert_eq!((installation.id.ulid(), &*installation.slug), (Ulid::nil(), ""));
    }
}
