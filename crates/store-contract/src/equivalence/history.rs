//! Every version of every record that was stored: what drafts build on, the stale ones too.

use auth::ServiceAccount;
use findings::{Finding, FindingEvent, FindingSource};
use kernel::{Changeset, Entropy, Id, Named, Organization, OrganizationId, Resource, Stored, Timestamp};
use proptest::sample::Index;
use registers::Control;
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
}

/// A part of a changeset, to be added to that of either store.
pub(super) type Part = Box<dyn Fn(&mut Changeset, &TestEntropy)>;

/// Where and when records are drafted.
pub(super) struct Desk<'a> {
    pub(super) organization: OrganizationId,
    pub(super) at: Timestamp,
    pub(super) entropy: &'a TestEntropy,
}

/// One of the versions that are the organization's.
pub(super) fn pick<R: Named>(versions: &[Stored<R>], organization: OrganizationId, which: Index) -> Option<&Stored<R>> {
    let theirs: Vec<_> = versions.iter().filter(|stored| stored.meta.organization == organization).collect();
    if theirs.is_empty() { None } else { Some(*which.get(&theirs)) }
}

impl History {
    /// The part that stores what was drafted, which is history from then on; nothing where it is about nothing.
    pub(super) fn draft(&mut self, desk: &Desk<'_>, draft: &Draft) -> Option<Part> {
        match draft {
            Draft::Organization { over, slug } => {
                Some(desk.write(&mut self.organizations, Some(*over), samples::organization(slug)))
            }
            Draft::Account { over, name, full } => {
                let record = if *full { samples::full_account(name, desk.at) } else { samples::account(name) };
                Some(desk.write(&mut self.accounts, *over, record))
            }
            Draft::Control { over, key, status, full } => {
                let record = if *full { samples::full_control(key) } else { samples::control(key) };
                Some(desk.write(&mut self.controls, *over, Control { status: *status, ..record }))
            }
            Draft::Finding(draft) => {
                let record = self.finding(desk, draft);
                let part = desk.write(&mut self.findings, draft.over, record);
                let told = self.findings.last().filter(|_| draft.told).cloned();
                Some(Box::new(move |changeset, entropy| {
                    part(changeset, entropy);
                    if let Some(finding) = &told {
                        changeset.publish(samples::outbox_event(entropy, finding));
                    }
                }))
            }
            Draft::Event { about, kind } => {
                let finding = pick(&self.findings, desk.organization, *about)?.meta.id;
                let record = FindingEvent { kind: *kind, ..samples::finding_event(finding, desk.at) };
                Some(desk.write(&mut self.events, None, record))
            }
            Draft::Subscription { over, of, place, status, full } => {
                let account = pick(&self.accounts, desk.organization, *of)?.meta.id;
                let record = if *full {
                    samples::full_subscription(account, *place, desk.at)
                } else {
                    samples::with_status(&samples::subscription(account, *place), *status, None)
                };
                Some(desk.write(&mut self.subscriptions, *over, record))
            }
        }
    }

    fn finding(&self, desk: &Desk<'_>, draft: &FindingDraft) -> Finding {
        let repeated = draft.repeats.and_then(|which| pick(&self.findings, desk.organization, which));
        Finding {
            status: draft.status,
            severity: draft.severity,
            source: FindingSource { kind: draft.source, ..samples::finding(draft.key).source },
            subject: draft.subject.map(samples::subject),
            due_at: draft.told.then_some(desk.at),
            duplicate_of: repeated.map(|finding| finding.meta.id),
            ..samples::finding(draft.key)
        }
    }
}

impl Desk<'_> {
    fn write<R: Resource>(&self, versions: &mut Vec<Stored<R>>, over: Option<Index>, record: R) -> Part {
        let before = over.and_then(|which| pick(versions, self.organization, which)).cloned();
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
