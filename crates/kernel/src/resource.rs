//! Records: what is common to every kind, so that thirty kinds don't repeat it.

use std::{any::Any, fmt};

use ulid::Ulid;

use crate::{
    id::{Id, Named},
    organization::OrganizationId,
    timestamp::Timestamp,
};

/// Every kind of record there is. A new module adds its kinds here; tests walk [`Kind::ALL`] to find what was forgotten.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// [`crate::Organization`].
    Organization,
    /// A service account of the `auth` crate.
    ServiceAccount,
    /// A control of the `registers` crate.
    Control,
    /// A finding of the `findings` crate.
    Finding,
    /// Something reported about a finding, of the `findings` crate.
    FindingEvent,
    /// Whom to tell what, of the `webhooks` crate.
    WebhookSubscription,
    /// An event on its way to a subscription, of the `webhooks` crate.
    WebhookDelivery,
}

impl Kind {
    /// All of them, in the order they were added.
    pub const ALL: &'static [Self] = &[
        Self::Organization,
        Self::ServiceAccount,
        Self::Control,
        Self::Finding,
        Self::FindingEvent,
        Self::WebhookSubscription,
        Self::WebhookDelivery,
    ];

    /// The word for one of them, as audit entries and import files have it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Organization => "organization",
            Self::ServiceAccount => "service_account",
            Self::Control => "control",
            Self::Finding => "finding",
            Self::FindingEvent => "finding_event",
            Self::WebhookSubscription => "webhook_subscription",
            Self::WebhookDelivery => "webhook_delivery",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A record type that stores keep.
pub trait Resource: Named + Clone + fmt::Debug + PartialEq + Send + Sync + Sized + 'static {
    /// Which kind it is.
    const KIND: Kind;
    /// What a list of them can be narrowed by.
    type Filter: Criteria<Self> + Clone + fmt::Debug + Default + Send + Sync + 'static;

    /// The key that is unique among the organization's records of this kind, where the kind has one.
    fn unique_key(&self) -> Option<&str>;
}

/// The reference meaning of a filter. What a database makes of it is checked against this.
pub trait Criteria<R: Resource> {
    /// Whether the record belongs in the list.
    fn matches(&self, stored: &Stored<R>) -> bool;
}

/// How often a record was written: 1 when created, one more with each change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Revision(pub i64);

impl Revision {
    /// Of a record just created.
    pub const FIRST: Self = Self(1);

    /// Of the same record after one more change.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

/// What every stored record carries beside its own fields.
pub struct Meta<R: ?Sized> {
    /// Names the record.
    pub id: Id<R>,
    /// Whose it is.
    pub organization: OrganizationId,
    /// How often it was written.
    pub revision: Revision,
    /// When it was created; the identifier holds the same millisecond.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

impl<R: ?Sized> Clone for Meta<R> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<R: ?Sized> Copy for Meta<R> {}

impl<R: ?Sized> PartialEq for Meta<R> {
    fn eq(&self, other: &Self) -> bool {
        (self.id, self.organization, self.revision, self.created_at, self.updated_at)
            == (other.id, other.organization, other.revision, other.created_at, other.updated_at)
    }
}

impl<R: ?Sized> fmt::Debug for Meta<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} r{} of {} ({} – {})",
            self.ulid(),
            self.revision.0,
            self.organization,
            self.created_at,
            self.updated_at
        )
    }
}

/// A record as a store holds it.
#[derive(Clone, Debug, PartialEq)]
pub struct Stored<R: Named> {
    /// What all records carry.
    pub meta: Meta<R>,
    /// The record's own fields.
    pub record: R,
}

impl<R: Named> Stored<R> {
    /// A record that did not exist before, created `at` this moment.
    #[must_use]
    pub fn new(organization: OrganizationId, id: Id<R>, at: Timestamp, record: R) -> Self {
        Self { meta: Meta { id, organization, revision: Revision::FIRST, created_at: at, updated_at: at }, record }
    }

    /// The same record with other fields, changed `at` this moment, one revision on.
    #[must_use]
    pub fn changed(&self, at: Timestamp, record: R) -> Self {
        Self {
            // The clock may step back; a record's own history may not.
            meta: Meta { revision: self.meta.revision.next(), updated_at: at.max(self.meta.updated_at), ..self.meta },
            record,
        }
    }
}

/// A record of any kind, for places that carry several kinds at once.
pub trait AnyRecord: fmt::Debug + Send + Sync {
    /// Which kind it is.
    fn kind(&self) -> Kind;
    /// The key that is unique among the organization's records of this kind.
    fn unique_key(&self) -> Option<&str>;
    /// For the store's one dispatch over kinds.
    fn as_any(&self) -> &(dyn Any + Send + Sync);
}

impl<R: Resource> AnyRecord for R {
    fn kind(&self) -> Kind {
        R::KIND
    }

    fn unique_key(&self) -> Option<&str> {
        Resource::unique_key(self)
    }

    fn as_any(&self) -> &(dyn Any + Send + Sync) {
        self
    }
}

impl<R: ?Sized> Meta<R> {
    /// The same without its kind, for places that carry several kinds at once.
    #[must_use]
    pub fn erased(self) -> Meta<dyn AnyRecord> {
        self.cast()
    }

    /// The same as that of another kind; the caller knows which.
    #[must_use]
    pub fn cast<S: ?Sized>(self) -> Meta<S> {
        Meta {
            id: Id::new(self.id.ulid()),
            organization: self.organization,
            revision: self.revision,
            created_at: self.created_at,
            updated_at: self.updated_at,
        }
    }

    /// The identifier without its prefix.
    #[must_use]
    pub const fn ulid(&self) -> Ulid {
        self.id.ulid()
    }
}
