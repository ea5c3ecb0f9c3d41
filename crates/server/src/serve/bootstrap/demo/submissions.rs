//! The submissions of the demo: requirements and packages as a bundle imports them, and then the events that bring each
//! package to its status.

use std::{collections::HashMap, time::Duration};

use kernel::{
    Description, Id, Organization, OrganizationRef, Reader, RecordKey, Reference, Stored, Timestamp, Title,
    WriteContext,
};
use submissions::{
    NewSubmissionEvent,
    SubmissionEventKind::{self, Acceptance, Receipt, Rejection, Submission},
    SubmissionKind::{self, CertificationAttestation, IncidentNotification, RegulatorReport},
    SubmissionPackage,
    SubmissionPackageStatus::{self, Draft, InReview, Ready},
    SubmissionRequirement, SubmissionRequirementStatus, record_event,
};

use crate::{
    failure::Failure,
    operations::{Importer, Operator},
};

/// Number of packages.
pub(super) const COUNT: usize = PACKAGES.len();

const HOUR: Duration = Duration::from_secs(60 * 60);

/// Key, kind, title, recipient and cadence.
const REQUIREMENTS: &[(&str, SubmissionKind, &str, &str, &str)] = &[
    ("call-report", RegulatorReport, "Quarterly call report", "National Credit Union Administration", "quarterly"),
    (
        "incident-notice",
        IncidentNotification,
        "Notice of reportable cyber incidents",
        "National Credit Union Administration",
        "within 72 hours of recognition",
    ),
    (
        "card-attestation",
        CertificationAttestation,
        "Attestation of compliance for card data",
        "Prairie Card Network",
        "yearly",
    ),
];

/// A package of the demo.
struct Sample {
    requirement: &'static str,
    key: &'static str,
    title: &'static str,
    /// Number of hours until the package is due; negative if it was due before.
    due_in: i64,
    /// The status with which it is imported.
    imported: SubmissionPackageStatus,
    events: &'static [Event],
}

/// The kind of an event, how many hours ago it was, the reference of the recipient and a note.
type Event = (SubmissionEventKind, u32, Option<&'static str>, &'static str);

#[rustfmt::skip]
const PACKAGES: &[Sample] = &[
    Sample { requirement: "call-report", key: "call-report-previous", title: "Call report of the quarter before last", due_in: -24 * 92, imported: Ready, events: &[
        (Submission, 24 * 95, None, "Filed in the portal by the controller."),
        (Receipt, 24 * 95 - 1, Some("CUO-118824"), "Received by the portal."),
        (Acceptance, 24 * 93, None, "No questions."),
    ] },
    Sample { requirement: "call-report", key: "call-report-last", title: "Call report of the last quarter", due_in: 24 * 5, imported: Ready, events: &[
        (Submission, 24 * 3, None, "Filed in the portal by the controller."),
        (Receipt, 24 * 3 - 1, Some("CUO-121377"), "Received by the portal."),
        (Rejection, 20, None, "Schedule A does not add up: line 14 differs from the sum of the branches."),
    ] },
    Sample { requirement: "incident-notice", key: "incident-wire-desk", title: "Raised release limit of the wire desk", due_in: -24 * 20, imported: Ready, events: &[
        (Submission, 24 * 21, None, "Sent 31 hours after recognition."),
        (Receipt, 24 * 21 - 2, Some("IR-2207"), "The examiner has it."),
    ] },
    Sample { requirement: "incident-notice", key: "incident-vendor-access", title: "Vendor access to the ATM jump host without second factor", due_in: 40, imported: Ready, events: &[
        (Submission, 2, None, "Sent 30 hours after recognition."),
    ] },
    Sample { requirement: "card-attestation", key: "card-attestation-scan", title: "Quarterly scan report for the attestation", due_in: 24 * 12, imported: InReview, events: &[] },
    Sample { requirement: "card-attestation", key: "card-attestation-yearly", title: "Attestation of compliance with questionnaire", due_in: 24 * 40, imported: Draft, events: &[] },
];

/// Imports the requirements and the packages, and records the events.
///
/// # Errors
/// If the store fails.
pub(super) async fn add(operator: &Operator, workspace: &Stored<Organization>) -> Result<(), Failure> {
    let (importer, store) = (Importer::new(operator, workspace, false), &operator.installation.store);
    let organization = workspace.meta.id;
    let mut requirements = Vec::new();
    for (key, kind, title, recipient, cadence) in REQUIREMENTS {
        requirements.push(SubmissionRequirement {
            key: RecordKey::parse(key)?,
            title: Title::parse(title)?,
            submission_kind: *kind,
            recipient_name: Some(Title::parse(recipient)?),
            cadence: Some(Title::parse(cadence)?),
            status: SubmissionRequirementStatus::Active,
        });
    }
    importer.import_records(&requirements).await?;
    let keys: Vec<&str> = REQUIREMENTS.iter().map(|(key, ..)| *key).collect();
    let requirements = Reader::<SubmissionRequirement>::get_by_keys(&**store, organization, &keys).await?;
    let requirements: HashMap<&str, Id<SubmissionRequirement>> =
        requirements.iter().map(|stored| (stored.record.key.as_str(), stored.meta.id)).collect();
    let now = operator.installation.clock.now();
    let mut packages = Vec::new();
    for sample in PACKAGES {
        let requirement = requirements.get(sample.requirement);
        let requirement = requirement.ok_or_else(|| Failure::new(format!("no requirement {}", sample.requirement)))?;
        packages.push(sample.package(*requirement, now)?);
    }
    importer.import_records(&packages).await?;
    let keys: Vec<&str> = PACKAGES.iter().map(|sample| sample.key).collect();
    let packages = Reader::<SubmissionPackage>::get_by_keys(&**store, organization, &keys).await?;
    let (organization, attribution) = (OrganizationRef::from(workspace), operator.attribution());
    let context = operator.write_context(&organization, &attribution);
    for package in packages {
        let sample = PACKAGES.iter().find(|sample| sample.key == package.record.key.as_str());
        record_events(operator, &context, package, sample.map_or(&[], |sample| sample.events), now).await?;
    }
    Ok(())
}

/// Records the events of one package, the earliest first.
async fn record_events(
    operator: &Operator,
    context: &WriteContext<'_>,
    mut package: Stored<SubmissionPackage>,
    events: &[Event],
    now: Timestamp,
) -> Result<(), Failure> {
    for (kind, hours_ago, reference, note) in events {
        let event = NewSubmissionEvent {
            kind: *kind,
            occurred_at: now - HOUR * *hours_ago,
            recipient_reference: reference.map(Reference::parse).transpose()?,
            note: Some(Description::parse(note)?),
        };
        package = operator
            .write(async || {
                let timestamp = operator.installation.store.begin_write();
                let (changeset, _, package) =
                    record_event(context, &api_v1::PayloadRenderer, timestamp, &package, event.clone())?;
                Ok((changeset, package))
            })
            .await?;
    }
    Ok(())
}

impl Sample {
    fn package(&self, requirement: Id<SubmissionRequirement>, now: Timestamp) -> Result<SubmissionPackage, Failure> {
        let hours = HOUR * u32::try_from(self.due_in.unsigned_abs())?;
        Ok(SubmissionPackage {
            submission_requirement_id: requirement,
            key: RecordKey::parse(self.key)?,
            title: Title::parse(self.title)?,
            status: self.imported,
            due_at: Some(if self.due_in < 0 { now - hours } else { now + hours }),
            submitted_at: None,
            acknowledged_at: None,
            decided_at: None,
            recipient_reference: None,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_packages_of_the_demo_have_different_statuses_reached_by_allowed_events_in_their_order() {
        let mut seen = BTreeSet::new();
        for sample in PACKAGES {
            assert!(REQUIREMENTS.iter().any(|(key, ..)| *key == sample.requirement), "{}", sample.key);
            let (mut status, mut last) = (sample.imported, u32::MAX);
            for (kind, hours_ago, ..) in sample.events {
                assert!(kind.allowed_from().contains(&status), "{}: {}", sample.key, kind.name());
                assert!(*hours_ago < last, "{}: {} is earlier than the event before it", sample.key, kind.name());
                (status, last) = (kind.resulting_status().unwrap_or(status), *hours_ago);
            }
            seen.insert(status);
        }
        assert_eq!(seen.len(), PACKAGES.len());
    }
}
