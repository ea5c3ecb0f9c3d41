//! The evidence claims of the demo, which are made with a file each, reviewed and withdrawn by the commands of the module. Those whose validity is over expire once the server runs.

use std::{collections::HashMap, time::Duration};

use bytes::Bytes;
use evidence::{
    ClaimFiles, ClaimSource, ContentType, EvidenceClaim,
    EvidenceClaimStatus::{self, Approved, Expired, Pending, Rejected, Withdrawn},
    EvidenceRequirement, FileName, NewAttachment, NewClaim, create_claim,
};
use kernel::{
    Action, Description, Kind, Organization, OrganizationRef, Reader, RecordKey, Reference, Stored, Timestamp, Title,
};
use registers::update;

use crate::{
    failure::Failure,
    operations::{ClaimDecision, Operator, decide_claim},
};

/// Number of claims.
pub(super) const COUNT: usize = CLAIMS.len();

const HOUR: Duration = Duration::from_secs(60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A claim of the demo.
struct Sample {
    requirement: &'static str,
    key: &'static str,
    title: &'static str,
    /// Number of days ago at which the validity begins.
    valid_since: u32,
    /// Number of days until the validity ends, if it does; negative if it is over.
    valid_for: Option<i64>,
    /// The status once the server has run for a while.
    status: EvidenceClaimStatus,
    review: Option<Review>,
    /// The reference of the system that made the claim; `None` if a person did.
    system: Option<&'static str>,
    /// The name of the file, and the columns of its rows.
    file: (&'static str, &'static str),
}

/// The review of a claim: how many hours ago it was, by whom, and what the reviewer found.
#[derive(Clone, Copy)]
struct Review(u32, &'static str, &'static str);

const fn sample(
    (requirement, key): (&'static str, &'static str),
    title: &'static str,
    (valid_since, valid_for): (u32, Option<i64>),
    (status, review): (EvidenceClaimStatus, Option<Review>),
    system: Option<&'static str>,
    file: (&'static str, &'static str),
) -> Sample {
    Sample { requirement, key, title, valid_since, valid_for, status, review, system, file }
}

const AUDIT: &str = "Ines Moreno, internal audit";
const SECURITY: &str = "Paul Achterberg, security";
const PAYMENTS: &str = "Dana Whitfield, payments";
const PEOPLE: &str = "Kofi Asante, people";
const SUPPLIERS: &str = "Ruth Lindqvist, suppliers";

#[rustfmt::skip]
const CLAIMS: &[Sample] = &[
    sample(("restore-test", "restore-test-1"), "Restore test, two quarters ago", (180, Some(-90)), (Expired, Some(Review(178 * 24 - 3, AUDIT, "Complete."))), Some("backup-job/87514"), ("restore-1.csv", "table,rows,restored")),
    sample(("restore-test", "restore-test-2"), "Restore test, last quarter", (88, Some(2)), (Approved, Some(Review(85 * 24 + 5, AUDIT, "Matches the job log."))), Some("backup-job/87822"), ("restore-2.csv", "table,rows,restored")),
    sample(("restore-test", "restore-test-3"), "Restore test, this quarter", (1, Some(89)), (Pending, None), Some("backup-job/88101"), ("restore-3.csv", "table,rows,restored")),
    sample(("restore-test", "restore-test-partial"), "Restore test of the card system alone", (40, Some(50)), (Rejected, Some(Review(39 * 24 + 1, AUDIT, "The requirement is about core banking."))), Some("backup-job/87990"), ("restore-cards.csv", "table,rows,restored")),
    sample(("access-review", "access-review-1"), "Access review, last quarter", (100, Some(-8)), (Expired, Some(Review(96 * 24 + 4, SECURITY, "Two accounts were removed."))), None, ("access-1.csv", "account,owner,decision")),
    sample(("access-review", "access-review-2"), "Access review, this quarter", (9, Some(83)), (Approved, Some(Review(7 * 24 + 2, SECURITY, "Three accounts were removed."))), None, ("access-2.csv", "account,owner,decision")),
    sample(("access-review", "access-review-draft"), "Access review, before the owners answered", (12, None), (Withdrawn, None), None, ("access-draft.csv", "account,owner,decision")),
    sample(("branch-scan", "branch-scan-1"), "Scan of the branches, 5 weeks ago", (36, Some(-6)), (Expired, Some(Review(35 * 24 - 2, SECURITY, "Complete."))), Some("branch-scanner/run/5098"), ("scan-1.csv", "branch,hosts,critical")),
    sample(("branch-scan", "branch-scan-2"), "Scan of the branches, last week", (7, Some(23)), (Approved, Some(Review(6 * 24 + 6, SECURITY, "Complete."))), Some("branch-scanner/run/5127"), ("scan-2.csv", "branch,hosts,critical")),
    sample(("branch-scan", "branch-scan-lobby"), "Scan without the Lakewood branch", (8, Some(22)), (Rejected, Some(Review(8 * 24 - 5, SECURITY, "A branch is missing."))), Some("branch-scanner/run/5126"), ("scan-partial.csv", "branch,hosts,critical")),
    sample(("branch-scan", "branch-scan-3"), "Scan of the branches, today", (0, Some(30)), (Pending, None), Some("branch-scanner/run/5134"), ("scan-3.csv", "branch,hosts,critical")),
    sample(("training", "training-1"), "Training, previous year", (400, Some(-35)), (Expired, Some(Review(391 * 24, PEOPLE, "97 percent."))), Some("training-platform/export/61"), ("training-1.csv", "employee,course,completed")),
    sample(("training", "training-2"), "Training, this year", (30, Some(335)), (Approved, Some(Review(26 * 24 + 3, PEOPLE, "99 percent."))), Some("training-platform/export/73"), ("training-2.csv", "employee,course,completed")),
    sample(("training", "training-contractors"), "Training of contractors", (5, Some(360)), (Pending, None), Some("training-platform/export/75"), ("training-contractors.csv", "employee,course,completed")),
    sample(("wire-callbacks", "wire-callbacks-1"), "Callbacks, two weeks ago", (14, None), (Approved, Some(Review(13 * 24 + 1, PAYMENTS, "Every wire has one."))), None, ("callbacks-1.txt", "wire,called,by")),
    sample(("wire-callbacks", "wire-callbacks-2"), "Callbacks, last week", (7, None), (Rejected, Some(Review(7 * 24 - 4, PAYMENTS, "Two wires lack a callback."))), None, ("callbacks-2.txt", "wire,called,by")),
    sample(("wire-callbacks", "wire-callbacks-2b"), "Callbacks, last week, completed", (6, None), (Approved, Some(Review(5 * 24 + 7, PAYMENTS, "Complete now."))), None, ("callbacks-2b.txt", "wire,called,by")),
    sample(("wire-callbacks", "wire-callbacks-3"), "Callbacks, this week", (0, None), (Pending, None), None, ("callbacks-3.txt", "wire,called,by")),
    sample(("vendor-report", "vendor-report-1"), "SOC 2 report of the supplier", (200, Some(5)), (Approved, Some(Review(187 * 24 + 2, SUPPLIERS, "No exceptions that concern us."))), None, ("soc2-summary.txt", "criterion,tested,exception")),
    sample(("vendor-report", "vendor-report-bridge"), "Bridge letter of the supplier", (3, Some(87)), (Withdrawn, None), None, ("bridge-letter.txt", "criterion,tested,exception")),
];

/// Makes claims for the requirements, which are imported already, and decides about them.
///
/// # Errors
/// If the store of records or of attachments fails.
pub(super) async fn add(operator: &Operator, workspace: &Stored<Organization>) -> Result<(), Failure> {
    let keys: Vec<&str> = CLAIMS.iter().map(|sample| sample.requirement).collect();
    let (store, organization) = (&*operator.installation.store, workspace.meta.id);
    let found = Reader::<EvidenceRequirement>::get_by_keys(store, organization, &keys).await?;
    let requirements: HashMap<&str, &Stored<EvidenceRequirement>> =
        found.iter().map(|requirement| (requirement.record.key.as_str(), requirement)).collect();
    let now = operator.installation.clock.now();
    let mut claims = Vec::new();
    for sample in CLAIMS {
        let requirement = requirements.get(sample.requirement);
        let requirement = requirement.ok_or_else(|| Failure::new(format!("no requirement {}", sample.requirement)))?;
        let mut claim = sample.create(operator, workspace, requirement, now).await?;
        if let Some(decision) = sample.decision()? {
            claim = decide_claim(operator, workspace, sample.key, &decision).await?;
        }
        claims.push((claim, sample));
    }
    add_history(operator, workspace, &claims, now).await
}

/// Dates the reviews back, and ends the validity of those claims that have expired: a command reviews now, and no claim can
/// be made for a time that is over. The audit log shows the change as what it is.
async fn add_history(
    operator: &Operator,
    workspace: &Stored<Organization>,
    claims: &[(Stored<EvidenceClaim>, &Sample)],
    now: Timestamp,
) -> Result<(), Failure> {
    let organization = OrganizationRef::from(workspace);
    operator
        .write(async || {
            let action = Action::on_record(Kind::EvidenceClaim, "batch_written");
            let timestamp = operator.installation.store.begin_write().after(claims.iter().map(|(claim, _)| claim));
            let mut changeset = operator.changeset_at(timestamp, &organization, action, None);
            for (claim, sample) in claims {
                let record = EvidenceClaim {
                    valid_until: sample.valid_until(now),
                    reviewed_at: sample.reviewed_at(now),
                    ..claim.record.clone()
                };
                update(&mut changeset, &*operator.installation.entropy, claim, record);
            }
            Ok((changeset, ()))
        })
        .await
}

impl Sample {
    fn valid_until(&self, now: Timestamp) -> Option<Timestamp> {
        let days = self.valid_for?;
        let duration = DAY * u32::try_from(days.unsigned_abs()).ok()?;
        Some(if days < 0 { now - duration } else { now + duration })
    }

    fn reviewed_at(&self, now: Timestamp) -> Option<Timestamp> {
        self.review.map(|Review(hours, ..)| now - HOUR * hours)
    }

    fn decision(&self) -> Result<Option<ClaimDecision>, Failure> {
        let note = match self.review {
            Some(Review(_, reviewer, note)) => Some(Description::parse(&format!("{reviewer}: {note}"))?),
            None => None,
        };
        Ok(match self.status {
            Pending => None,
            Approved | Expired => Some(ClaimDecision::Approve(note)),
            Rejected => Some(ClaimDecision::Reject(note)),
            Withdrawn => Some(ClaimDecision::Withdraw),
        })
    }

    async fn create(
        &self,
        operator: &Operator,
        workspace: &Stored<Organization>,
        requirement: &Stored<EvidenceRequirement>,
        now: Timestamp,
    ) -> Result<Stored<EvidenceClaim>, Failure> {
        let organization = OrganizationRef::from(workspace);
        let new = NewClaim {
            key: RecordKey::parse(self.key)?,
            title: Title::parse(self.title)?,
            description: None,
            valid_from: Some(now - DAY * self.valid_since),
            valid_until: if self.status == Expired { None } else { self.valid_until(now) },
            source_kind: if self.system.is_some() { ClaimSource::Integration } else { ClaimSource::Manual },
            source_reference: self.system.map(Reference::parse).transpose()?,
        };
        let files = ClaimFiles::New(vec![(self.store_file(operator, workspace).await?, None)]);
        let attribution = operator.attribution();
        let context = operator.write_context(&organization, &attribution);
        operator
            .write(async || {
                let timestamp = operator.installation.store.begin_write();
                let renderer = &api_v1::PayloadRenderer;
                Ok(create_claim(&context, renderer, timestamp, None, requirement, new.clone(), &files)?)
            })
            .await
    }

    /// Stores the file of the claim.
    async fn store_file(
        &self,
        operator: &Operator,
        workspace: &Stored<Organization>,
    ) -> Result<NewAttachment, Failure> {
        let (name, columns) = self.file;
        let installation = &operator.installation;
        let fresh = || installation.entropy.ulid(installation.clock.now());
        let mut upload = installation.attachments.contents.begin_upload(workspace.meta.id, fresh()).await?;
        upload.write(Bytes::from(content(self.key, columns))).await?;
        let content = upload.finish().await?.store(fresh()).await?;
        let content_type = if name.ends_with(".csv") { "text/csv" } else { "text/plain" };
        Ok(NewAttachment {
            file_name: FileName::parse(name)?,
            content_type: ContentType::parse(content_type)?,
            content,
        })
    }
}

/// The rows of a sample file.
fn content(key: &str, columns: &str) -> String {
    let row = |number: u32| format!("{key}-{number},{},yes\n", 1000 + 37 * number);
    format!("{columns}\n{}", (1..=12).map(row).collect::<String>())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_claims_of_the_demo_have_every_status_and_some_expire_soon() {
        let statuses: BTreeSet<_> = CLAIMS.iter().map(|sample| sample.status).collect();
        assert_eq!(statuses.into_iter().collect::<Vec<_>>(), EvidenceClaimStatus::ALL);
        assert!(CLAIMS.iter().any(|sample| sample.status == Approved && sample.valid_for.is_some_and(|days| days < 7)));
        let keys: BTreeSet<_> = CLAIMS.iter().map(|sample| sample.key).collect();
        let contents: BTreeSet<_> = CLAIMS.iter().map(|sample| content(sample.key, sample.file.1)).collect();
        assert_eq!((keys.len(), contents.len()), (COUNT, COUNT), "a file's bytes are stored once");
        for sample in CLAIMS {
            let is_over = sample.valid_for.is_some_and(|days| days < 0);
            assert_eq!(is_over, sample.status == Expired, "{}", sample.key);
        }
    }

    #[test]
    fn every_claim_was_reviewed_while_it_was_valid_by_one_of_several_people() {
        let now = Timestamp::from_millis(1_779_718_113_000);
        for sample in CLAIMS {
            let is_reviewed = matches!(sample.status, Approved | Rejected | Expired);
            assert_eq!(sample.review.is_some(), is_reviewed, "{}", sample.key);
            let Some(reviewed_at) = sample.reviewed_at(now) else { continue };
            assert!(now - DAY * sample.valid_since < reviewed_at && reviewed_at < now, "{}", sample.key);
            assert!(sample.valid_until(now).is_none_or(|until| reviewed_at < until), "{}", sample.key);
        }
        let reviewers: BTreeSet<_> = CLAIMS.iter().filter_map(|sample| sample.review).map(|review| review.1).collect();
        assert_eq!(reviewers.len(), 5);
    }
}
