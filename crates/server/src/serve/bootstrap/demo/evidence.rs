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

use crate::{
    failure::Failure,
    operations::{ClaimDecision, Operator, decide_claim},
};

/// Number of claims.
pub(super) const COUNT: usize = CLAIMS.len();

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
    note: &'static str,
    /// The name of the file, and the columns of its rows.
    file: (&'static str, &'static str),
}

const fn sample(
    requirement: &'static str,
    key: &'static str,
    title: &'static str,
    (valid_since, valid_for): (u32, Option<i64>),
    (status, note): (EvidenceClaimStatus, &'static str),
    file: (&'static str, &'static str),
) -> Sample {
    Sample { requirement, key, title, valid_since, valid_for, status, note, file }
}

#[rustfmt::skip]
const CLAIMS: &[Sample] = &[
    sample("restore-test", "restore-test-1", "Restore test, two quarters ago", (180, Some(-90)), (Expired, "Complete."), ("restore-1.csv", "table,rows,restored")),
    sample("restore-test", "restore-test-2", "Restore test, last quarter", (88, Some(2)), (Approved, "Matches the job log."), ("restore-2.csv", "table,rows,restored")),
    sample("restore-test", "restore-test-3", "Restore test, this quarter", (1, Some(89)), (Pending, ""), ("restore-3.csv", "table,rows,restored")),
    sample("restore-test", "restore-test-partial", "Restore test of the card system alone", (40, Some(50)), (Rejected, "The requirement is about core banking."), ("restore-cards.csv", "table,rows,restored")),
    sample("access-review", "access-review-1", "Access review, last quarter", (100, Some(-8)), (Expired, "Two accounts were removed."), ("access-1.csv", "account,owner,decision")),
    sample("access-review", "access-review-2", "Access review, this quarter", (9, Some(83)), (Approved, "Three accounts were removed."), ("access-2.csv", "account,owner,decision")),
    sample("access-review", "access-review-draft", "Access review, before the owners answered", (12, None), (Withdrawn, ""), ("access-draft.csv", "account,owner,decision")),
    sample("branch-scan", "branch-scan-1", "Scan of the branches, 5 weeks ago", (36, Some(-6)), (Expired, "Complete."), ("scan-1.csv", "branch,hosts,critical")),
    sample("branch-scan", "branch-scan-2", "Scan of the branches, last week", (7, Some(23)), (Approved, "Complete."), ("scan-2.csv", "branch,hosts,critical")),
    sample("branch-scan", "branch-scan-lobby", "Scan without the Lakewood branch", (8, Some(22)), (Rejected, "A branch is missing."), ("scan-partial.csv", "branch,hosts,critical")),
    sample("branch-scan", "branch-scan-3", "Scan of the branches, today", (0, Some(30)), (Pending, ""), ("scan-3.csv", "branch,hosts,critical")),
    sample("training", "training-1", "Training, previous year", (400, Some(-35)), (Expired, "97 percent."), ("training-1.csv", "employee,course,completed")),
    sample("training", "training-2", "Training, this year", (30, Some(335)), (Approved, "99 percent."), ("training-2.csv", "employee,course,completed")),
    sample("training", "training-contractors", "Training of contractors", (5, Some(360)), (Pending, ""), ("training-contractors.csv", "employee,course,completed")),
    sample("wire-callbacks", "wire-callbacks-1", "Callbacks, two weeks ago", (14, None), (Approved, "Every wire has one."), ("callbacks-1.txt", "wire,called,by")),
    sample("wire-callbacks", "wire-callbacks-2", "Callbacks, last week", (7, None), (Rejected, "Two wires lack a callback."), ("callbacks-2.txt", "wire,called,by")),
    sample("wire-callbacks", "wire-callbacks-2b", "Callbacks, last week, completed", (6, None), (Approved, "Complete now."), ("callbacks-2b.txt", "wire,called,by")),
    sample("wire-callbacks", "wire-callbacks-3", "Callbacks, this week", (0, None), (Pending, ""), ("callbacks-3.txt", "wire,called,by")),
    sample("vendor-report", "vendor-report-1", "SOC 2 report of the supplier", (200, Some(5)), (Approved, "No exceptions that concern us."), ("soc2-summary.txt", "criterion,tested,exception")),
    sample("vendor-report", "vendor-report-bridge", "Bridge letter of the supplier", (3, Some(87)), (Withdrawn, ""), ("bridge-letter.txt", "criterion,tested,exception")),
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
    let mut over = Vec::new();
    for sample in CLAIMS {
        let requirement = requirements.get(sample.requirement);
        let requirement = requirement.ok_or_else(|| Failure::new(format!("no requirement {}", sample.requirement)))?;
        let mut claim = sample.create(operator, workspace, requirement, now).await?;
        if let Some(decision) = sample.decision()? {
            claim = decide_claim(operator, workspace, sample.key, &decision).await?;
        }
        if sample.status == Expired {
            over.push((claim.clone(), EvidenceClaim { valid_until: sample.valid_until(now)?, ..claim.record }));
        }
    }
    // A claim can't be made for a time that is over, as those were that have expired, and no command changes it later.
    let organization = OrganizationRef::from(workspace);
    let action = || Action::on_record(Kind::EvidenceClaim, "batch_written");
    operator
        .write(async || {
            let mut changeset = operator.changeset(&organization, action(), None);
            for (current, record) in &over {
                registers::update(&mut changeset, &*operator.installation.entropy, current, record.clone());
            }
            Ok((changeset, ()))
        })
        .await
}

impl Sample {
    fn valid_until(&self, now: Timestamp) -> Result<Option<Timestamp>, Failure> {
        let Some(days) = self.valid_for else { return Ok(None) };
        let duration = DAY * u32::try_from(days.unsigned_abs())?;
        Ok(Some(if days < 0 { now - duration } else { now + duration }))
    }

    fn decision(&self) -> Result<Option<ClaimDecision>, Failure> {
        let note = Some(Description::parse(self.note)?);
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
            valid_until: if self.status == Expired { None } else { self.valid_until(now)? },
            source_kind: ClaimSource::Integration,
            source_reference: Some(Reference::parse(&format!("demo/{}", self.key))?),
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
}
