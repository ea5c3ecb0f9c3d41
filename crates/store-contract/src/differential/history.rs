//! All versions of all records that were stored, stale ones included: the base versions of later drafts.

use std::cell::Cell;

use auth::ServiceAccount;
use findings::{Finding, FindingEvent, FindingSource};
use kernel::{
    Changeset, Entropy, HasIdPrefix, Id, Organization, OrganizationId, Record as _, Resource, Stored, Timestamp, Ulid,
};
use proptest::sample::Index;
use registers::{Control, Measurement};
use submissions::{SubmissionEvent, SubmissionPackage};
use webhooks::WebhookSubscription;

use super::command::{Draft, FindingDraft};
use crate::{TestEntropy, samples};

#[derive(Clone, Default)]
pub(super) struct History {
    pub(super) organizations: Vec<Stored<Organization>>,
    pub(super) accounts: Vec<Stored<ServiceAccount>>,
    pub(super) controls: Vec<Stored<Control>>,
    pub(super) findings: Vec<Stored<Finding>>,
    pub(super) events: Vec<Stored<FindingEvent>>,
    pub(super) subscriptions: Vec<Stored<WebhookSubscription>>,
    pub(super) packages: Vec<Stored<SubmissionPackage>>,
    pub(super) package_events: Vec<Stored<SubmissionEvent>>,
    pub(super) measurements: Vec<Stored<Measurement>>,
}

/// The identifier of one of a few parents, which need not be stored.
pub(super) fn parent<R: HasIdPrefix>(number: u8) -> Id<R> {
    Id::new(Ulid(u128::from(number) + 1))
}

/// The time of a measurement.
pub(super) fn measured_at(minute: u8) -> Timestamp {
    Timestamp::from_millis(60_000 * i64::from(minute))
}

/// A part of a changeset that can be added to the changeset of either store.
pub(super) type ChangesetPart = Box<dyn Fn(&mut Changeset, &TestEntropy)>;

/// The organization, the timestamp and the entropy of the records that are drafted.
pub(super) struct DraftContext<'a> {
    pub(super) organization: OrganizationId,
    pub(super) at: Timestamp,
    pub(super) entropy: &'a TestEntropy,
    /// The latest change that the drafts replace.
    pub(super) replaced: Cell<Timestamp>,
}

/// One of the versions that belong to the organization.
pub(super) fn pick<R: HasIdPrefix>(
    versions: &[Stored<R>],
    organization: OrganizationId,
    which: Index,
) -> Option<&Stored<R>> {
    let candidates: Vec<_> = versions.iter().filter(|stored| stored.meta.organization == organization).collect();
    if candidates.is_empty() { None } else { Some(*which.get(&candidates)) }
}

impl History {
    /// Adds the drafted version to the history and returns the part that stores it. Returns `None` if the record that
    /// the draft refers to does not exist.
    pub(super) fn add_draft(&mut self, context: &DraftContext<'_>, draft: &Draft) -> Option<ChangesetPart> {
        match draft {
            Draft::Organization { base, slug } => {
                Some(context.add_version(&mut self.organizations, Some(*base), samples::organization(slug)))
            }
            Draft::Account { base, name, full } => {
                let record = if *full { samples::full_account(name, context.at) } else { samples::account(name) };
                Some(context.add_version(&mut self.accounts, *base, record))
            }
            Draft::Control { base, key, status, full } => {
                let record = if *full { samples::full_control(key) } else { samples::control(key) };
                Some(context.add_version(&mut self.controls, *base, Control { status: *status, ..record }))
            }
            Draft::Finding(draft) => {
                let record = self.draft_finding(context, draft);
                let part = context.add_version(&mut self.findings, draft.base, record);
                let published = self.findings.last().filter(|_| draft.published).cloned();
                Some(Box::new(move |changeset, entropy| {
                    part(changeset, entropy);
                    if let Some(finding) = &published {
                        changeset.publish(samples::outbox_event(entropy, finding));
                    }
                }))
            }
            Draft::Event { finding, kind } => {
                let finding = pick(&self.findings, context.organization, *finding)?.meta.id;
                let record = FindingEvent { kind: *kind, ..samples::finding_event(finding, context.at) };
                Some(context.add_version(&mut self.events, None, record))
            }
            Draft::Subscription { base, account: owner, slot, status, full } => {
                let account = pick(&self.accounts, context.organization, *owner)?.meta.id;
                let record = if *full {
                    samples::full_subscription(account, *slot, context.at)
                } else {
                    samples::with_status(&samples::subscription(account, *slot), *status, None)
                };
                Some(context.add_version(&mut self.subscriptions, *base, record))
            }
            Draft::Package { base, key, requirement, status } => {
                let record = SubmissionPackage {
                    key: samples::key(key),
                    submission_requirement_id: parent(*requirement),
                    status: *status,
                    ..SubmissionPackage::example()
                };
                Some(context.add_version(&mut self.packages, *base, record))
            }
            Draft::PackageEvent { package, kind } => {
                let submission_package_id = pick(&self.packages, context.organization, *package)?.meta.id;
                let record = SubmissionEvent { submission_package_id, kind: *kind, ..SubmissionEvent::example() };
                Some(context.add_version(&mut self.package_events, None, record))
            }
            Draft::Measurement { base, indicator, minute } => {
                let record = Measurement {
                    indicator_definition_id: parent(*indicator),
                    measured_at: measured_at(*minute),
                    ..Measurement::example()
                };
                Some(context.add_version(&mut self.measurements, *base, record))
            }
        }
    }

    fn draft_finding(&self, context: &DraftContext<'_>, draft: &FindingDraft) -> Finding {
        let original = draft.duplicate_of.and_then(|which| pick(&self.findings, context.organization, which));
        Finding {
            status: draft.status,
            severity: draft.severity,
            source: FindingSource { kind: draft.source, ..samples::finding(draft.key).source },
            subject: draft.subject.map(samples::subject),
            owner_member_user_id: draft.subject.map(samples::reference),
            owner_responsibility_id: draft.published.then(|| samples::reference("team")),
            due_at: draft.published.then_some(context.at),
            duplicate_of: original.map(|finding| finding.meta.id),
            ..samples::finding(draft.key)
        }
    }
}

impl DraftContext<'_> {
    fn add_version<R: Resource>(&self, versions: &mut Vec<Stored<R>>, base: Option<Index>, record: R) -> ChangesetPart {
        let before = base.and_then(|which| pick(versions, self.organization, which)).cloned();
        if let Some(before) = &before {
            self.replaced.set(self.replaced.get().max(before.meta.updated_at));
        }
        let after = match &before {
            None => Stored::new(self.organization, Id::new(self.entropy.ulid(self.at)), self.at, record),
            Some(before) => before.changed(self.at, record),
        };
        versions.push(after.clone());
        Box::new(move |changeset, _| match &before {
            None => changeset.create(&after),
            Some(before) => changeset.update(before, &after),
        })
    }
}
