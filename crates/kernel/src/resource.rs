//! Records: the metadata and operations that all kinds have in common.

use std::{any::Any, borrow::Cow, fmt};

use ulid::Ulid;

use crate::{
    id::{HasIdPrefix, Id},
    organization::OrganizationId,
    timestamp::Timestamp,
};

crate::string_enum! {
    /// The kinds of records. A kind's name is that of its records in audit entries and import files. A new module adds its
    /// kinds here; tests iterate over [`Kind::ALL`] to find omissions.
    Kind {
        /// [`crate::Organization`].
        Organization = "organization",
        /// A service account of the `auth` crate.
        ServiceAccount = "service_account",
        /// A control of the `registers` crate.
        Control = "control",
        /// A finding of the `findings` crate.
        Finding = "finding",
        /// A finding event of the `findings` crate.
        FindingEvent = "finding_event",
        /// A webhook subscription of the `webhooks` crate.
        WebhookSubscription = "webhook_subscription",
        /// The delivery of an event to a subscription, of the `webhooks` crate.
        WebhookDelivery = "webhook_delivery",
        /// A framework of the `registers` crate.
        Framework = "framework",
        /// A framework version of the `registers` crate.
        FrameworkVersion = "framework_version",
        /// A framework node of the `registers` crate.
        FrameworkNode = "framework_node",
        /// A coverage link of the `registers` crate.
        CoverageLink = "coverage_link",
        /// A risk of the `registers` crate.
        Risk = "risk",
        /// An assessment of the `registers` crate.
        Assessment = "assessment",
        /// An exception of the `registers` crate.
        Exception = "exception",
        /// A monitor definition of the `registers` crate.
        MonitorDefinition = "monitor_definition",
        /// A monitor run of the `registers` crate.
        MonitorRun = "monitor_run",
        /// A monitor run item of the `registers` crate.
        MonitorRunItem = "monitor_run_item",
        /// An indicator of the `registers` crate.
        Indicator = "indicator",
        /// A measurement of the `registers` crate.
        Measurement = "measurement",
        /// An asset of the `registers` crate.
        Asset = "asset",
        /// A custody assignment of the `registers` crate.
        CustodyAssignment = "custody_assignment",
        /// An engagement of the `registers` crate.
        Engagement = "engagement",
        /// A due diligence review of the `registers` crate.
        DueDiligenceReview = "due_diligence_review",
        /// A change request of the `registers` crate.
        ChangeRequest = "change_request",
        /// A configuration baseline of the `registers` crate.
        ConfigurationBaseline = "configuration_baseline",
        /// A release of the `registers` crate.
        Release = "release",
        /// A system acceptance of the `registers` crate.
        SystemAcceptance = "system_acceptance",
        /// A vulnerability of the `registers` crate.
        Vulnerability = "vulnerability",
        /// A vulnerability assessment of the `registers` crate.
        VulnerabilityAssessment = "vulnerability_assessment",
        /// A patch requirement of the `registers` crate.
        PatchRequirement = "patch_requirement",
        /// A submission requirement of the `submissions` crate.
        SubmissionRequirement = "submission_requirement",
        /// A submission package of the `submissions` crate.
        SubmissionPackage = "submission_package",
        /// A submission event of the `submissions` crate.
        SubmissionEvent = "submission_event",
        /// An evidence requirement of the `evidence` crate.
        EvidenceRequirement = "evidence_requirement",
        /// An evidence claim of the `evidence` crate.
        EvidenceClaim = "evidence_claim",
        /// An evidence attachment of the `evidence` crate.
        EvidenceAttachment = "evidence_attachment",
        /// The stored bytes of evidence attachments, of the `evidence` crate.
        EvidenceContent = "evidence_content",
        /// A user of the `auth` crate.
        User = "user",
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A type of record that stores can hold.
pub trait Resource: HasIdPrefix + Clone + fmt::Debug + PartialEq + Send + Sync + Sized + 'static {
    /// The kind of the records.
    const KIND: Kind;
    /// The filter for lists of these records.
    type Filter: Criteria<Self> + Clone + fmt::Debug + Default + Send + Sync + 'static;

    /// The key that is unique among the organization's records of this kind, if the kind has one.
    fn unique_key(&self) -> Option<&str>;

    /// The parent within which [`Self::unique_key`] is unique; `None` for the whole organization.
    fn unique_within(&self) -> Option<Ulid> {
        None
    }

    /// The values that identify the record among the organization's records of this kind, as one text, if the kind has no
    /// key but such values.
    fn unique_identity(&self) -> Option<String> {
        None
    }

    /// Whether records of this kind have a title, by whose words the search finds them.
    const HAS_TITLE: bool = false;

    /// The title: lists show it as the name of the record. `None` if the kind has no titles.
    fn title(&self) -> Option<&str> {
        None
    }

    /// Whether lists of these records can be ordered by due date and restricted to a range of due dates.
    const HAS_DUE_DATE: bool = false;

    /// The time by which the record must be dealt with, if lists can be ordered by it.
    fn due_at(&self) -> Option<Timestamp> {
        None
    }
}

/// The reference semantics of a filter. Tests compare the queries of the stores with it.
pub trait Criteria<R: Resource> {
    /// Returns whether the record matches the filter.
    fn matches(&self, stored: &Stored<R>) -> bool;
}

/// The number of times a record was written: 1 after its creation, incremented with each change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Revision(pub i64);

impl Revision {
    /// The revision of a new record.
    pub const FIRST: Self = Self(1);

    /// Returns the revision after one more change.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

/// The metadata that every stored record has in addition to its own fields.
pub struct Meta<R: ?Sized> {
    /// The record's identifier.
    pub id: Id<R>,
    /// The organization that the record belongs to.
    pub organization: OrganizationId,
    /// The record's revision.
    pub revision: Revision,
    /// The time of creation; the identifier contains the same millisecond.
    pub created_at: Timestamp,
    /// The time of the last change.
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

/// A record with its metadata, as a store holds it.
#[derive(Clone, Debug, PartialEq)]
pub struct Stored<R: HasIdPrefix> {
    /// The metadata.
    pub meta: Meta<R>,
    /// The record's own fields.
    pub record: R,
}

impl<R: HasIdPrefix> Stored<R> {
    /// Creates a new record with the first revision.
    #[must_use]
    pub fn new(organization: OrganizationId, id: Id<R>, at: Timestamp, record: R) -> Self {
        Self { meta: Meta { id, organization, revision: Revision::FIRST, created_at: at, updated_at: at }, record }
    }

    /// Returns the record with other fields, the next revision, and a time of change that is later than the last one.
    #[must_use]
    pub fn changed(&self, at: Timestamp, record: R) -> Self {
        let updated_at = at.later_than(self.meta.updated_at);
        Self { meta: Meta { revision: self.meta.revision.next(), updated_at, ..self.meta }, record }
    }
}

/// A record of any kind, for collections of several kinds.
pub trait AnyRecord: fmt::Debug + Send + Sync {
    /// The kind of the record.
    fn kind(&self) -> Kind;
    /// The key that is unique among the organization's records of this kind, if the kind has one.
    fn unique_key(&self) -> Option<&str>;
    /// The key that is unique, or the text of the values that are unique together, if there are any.
    fn unique_value(&self) -> Option<Cow<'_, str>>;
    /// The parent within which the key is unique; `None` for the whole organization.
    fn unique_within(&self) -> Option<Ulid>;
    /// The time by which the record must be dealt with, if lists can be ordered by it.
    fn due_at(&self) -> Option<Timestamp>;
    /// The record as [`Any`], for the store's dispatch over kinds.
    fn as_any(&self) -> &(dyn Any + Send + Sync);
}

impl<R: Resource> AnyRecord for R {
    fn kind(&self) -> Kind {
        R::KIND
    }

    fn unique_key(&self) -> Option<&str> {
        Resource::unique_key(self)
    }

    fn unique_value(&self) -> Option<Cow<'_, str>> {
        Resource::unique_key(self).map(Cow::Borrowed).or_else(|| self.unique_identity().map(Cow::Owned))
    }

    fn unique_within(&self) -> Option<Ulid> {
        Resource::unique_within(self)
    }

    fn due_at(&self) -> Option<Timestamp> {
        Resource::due_at(self)
    }

    fn as_any(&self) -> &(dyn Any + Send + Sync) {
        self
    }
}

impl<R: ?Sized> Meta<R> {
    /// Returns the metadata without the kind, for collections of several kinds.
    #[must_use]
    pub fn erased(self) -> Meta<dyn AnyRecord> {
        self.cast()
    }

    /// Returns the metadata as that of another kind, which the caller must know to be the right one.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Organization, Record as _};

    fn stored() -> Stored<Organization> {
        Stored::new(Id::new(Ulid(1)), Id::new(Ulid(2)), Timestamp::from_millis(10), Organization::example())
    }

    #[test]
    fn a_changed_record_has_the_next_revision_and_a_new_time_of_change() {
        let before = stored();
        assert_eq!((before.meta.revision, before.meta.updated_at), (Revision(1), before.meta.created_at));
        let after = before.changed(Timestamp::from_millis(20), Organization::example());
        assert_eq!(after.meta.revision, Revision(2));
        assert_eq!(after.meta.updated_at, Timestamp::from_millis(20));
        assert_eq!(
            (after.meta.id, after.meta.organization, after.meta.created_at),
            (before.meta.id, before.meta.organization, before.meta.created_at)
        );
        assert_eq!(after.changed(after.meta.updated_at, after.record.clone()).meta.revision, Revision(3));
    }

    #[test]
    fn every_change_is_later_than_the_one_before_whatever_the_clock_says() {
        let mut current = stored();
        for clock in [10, 5, 5, 11, 30, 30, 29] {
            let after = current.changed(Timestamp::from_millis(clock), Organization::example());
            assert!(after.meta.updated_at > current.meta.updated_at, "{after:?} replaces {current:?}");
            assert!(after.meta.updated_at >= Timestamp::from_millis(clock));
            current = after;
        }
        assert_eq!(current.meta.updated_at, Timestamp::from_millis(32), "no later than needed");
    }

    #[test]
    fn metadata_is_equal_if_all_of_it_is() {
        let meta = stored().meta;
        assert_eq!(meta, meta.clone());
        for other in [
            Meta { id: Id::new(Ulid(9)), ..meta },
            Meta { organization: Id::new(Ulid(9)), ..meta },
            Meta { revision: Revision(9), ..meta },
            Meta { created_at: Timestamp::from_millis(9), ..meta },
            Meta { updated_at: Timestamp::from_millis(9), ..meta },
        ] {
            assert_ne!(meta, other);
        }
    }

    #[test]
    fn metadata_of_any_kind_has_the_same_values() {
        let meta = stored().meta;
        assert_eq!(meta.erased().cast::<Organization>(), meta);
        assert_eq!(
            format!("{meta:?}"),
            format!("{} r1 of {} ({} – {})", Ulid(2), meta.organization, meta.created_at, meta.updated_at)
        );
    }

    #[test]
    fn a_record_of_any_kind_tells_its_kind_and_its_key() {
        let record: &dyn AnyRecord = &Organization::example();
        assert_eq!((record.kind(), record.kind().to_string()), (Kind::Organization, "organization".to_owned()));
        assert_eq!((record.unique_key(), record.unique_within()), (Some("cedar-valley"), None));
        assert_eq!(record.as_any().downcast_ref(), Some(&Organization::example()));
    }
}
