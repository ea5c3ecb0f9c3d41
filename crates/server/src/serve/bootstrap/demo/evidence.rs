//! The evidence claims of the demo, which are made with a file each, reviewed, withdrawn and expired by the commands of the
//! module, at their times and by the people who did so.

use std::{collections::HashMap, time::Duration};

use bytes::Bytes;
use evidence::{
    ClaimFiles, ClaimSource, ContentType,
    EvidenceClaimStatus::{self, Approved, Expired, Pending, Rejected, Withdrawn},
    EvidenceRequirement, FileName, NewAttachment, NewClaim, create_claim, expire,
};
use kernel::{Description, Organization, OrganizationRef, Reader, RecordKey, Reference, Stored, Timestamp, Title};

use super::people::{AUDIT, CONTROLLER, PAYMENTS, People, SECURITY, STAFF, SUPPLIERS};
use crate::{
    failure::Failure,
    operations::{ClaimDecision, Operator, decide_claim, find_claim},
};

/// Number of claims.
pub(super) const COUNT: usize = CLAIMS.len();

const HOUR: Duration = Duration::from_secs(60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Number of days ago at which the first claims were made.
const OLDEST: u32 = 189;

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
    sample(("training", "training-1"), "Training, previous year", (400, Some(-35)), (Expired, Some(Review(186 * 24, STAFF, "97 percent."))), Some("training-platform/export/61"), ("training-1.csv", "employee,course,completed")),
    sample(("training", "training-2"), "Training, this year", (30, Some(335)), (Approved, Some(Review(26 * 24 + 3, STAFF, "99 percent."))), Some("training-platform/export/73"), ("training-2.csv", "employee,course,completed")),
    sample(("training", "training-contractors"), "Training of contractors", (5, Some(360)), (Pending, None), Some("training-platform/export/75"), ("training-contractors.csv", "employee,course,completed")),
    sample(("wire-callbacks", "wire-callbacks-1"), "Callbacks, two weeks ago", (14, None), (Approved, Some(Review(13 * 24 + 1, PAYMENTS, "Every wire has one."))), None, ("callbacks-1.txt", "wire,called,by")),
    sample(("wire-callbacks", "wire-callbacks-2"), "Callbacks, last week", (7, None), (Rejected, Some(Review(7 * 24 - 4, PAYMENTS, "Two wires lack a callback."))), None, ("callbacks-2.txt", "wire,called,by")),
    sample(("wire-callbacks", "wire-callbacks-2b"), "Callbacks, last week, completed", (6, None), (Approved, Some(Review(5 * 24 + 7, PAYMENTS, "Complete now."))), None, ("callbacks-2b.txt", "wire,called,by")),
    sample(("wire-callbacks", "wire-callbacks-3"), "Callbacks, this week", (0, None), (Pending, None), None, ("callbacks-3.txt", "wire,called,by")),
    sample(("vendor-report", "vendor-report-1"), "SOC 2 report of the supplier", (200, Some(5)), (Approved, Some(Review(187 * 24 + 2, SUPPLIERS, "No exceptions that concern us."))), None, ("soc2-summary.txt", "criterion,tested,exception")),
    sample(("vendor-report", "vendor-report-bridge"), "Bridge letter of the supplier", (3, Some(87)), (Withdrawn, None), None, ("bridge-letter.txt", "criterion,tested,exception")),
];

/// A step of a claim.
#[derive(Clone, Copy)]
pub(super) struct ClaimStep {
    /// The index of the sample.
    index: usize,
    kind: StepKind,
}

#[derive(Clone, Copy)]
enum StepKind {
    Create,
    Decide,
    Expire,
}

impl ClaimStep {
    /// The steps of all claims, those of each in order, with the time that has passed since.
    pub(super) fn all() -> Vec<(Duration, Self)> {
        let of_sample = |(index, sample): (usize, &Sample)| {
            let decided = sample.decided_ago().map(|ago| (ago, StepKind::Decide));
            let expired = sample.expired_ago().map(|ago| (ago, StepKind::Expire));
            let steps = [(sample.created_ago(), StepKind::Create)].into_iter().chain(decided).chain(expired);
            steps.map(move |(ago, kind)| (ago, Self { index, kind })).collect::<Vec<_>>()
        };
        CLAIMS.iter().enumerate().flat_map(of_sample).collect()
    }
}

/// The claims of the demo, for the requirements that are imported already.
pub(super) struct ClaimHistory<'d> {
    operator: &'d Operator,
    workspace: &'d Stored<Organization>,
    people: &'d People,
    now: Timestamp,
    requirements: HashMap<String, Stored<EvidenceRequirement>>,
}

impl<'d> ClaimHistory<'d> {
    /// Begins the history.
    ///
    /// # Errors
    /// If the store fails.
    pub(super) async fn open(
        operator: &'d Operator,
        workspace: &'d Stored<Organization>,
        people: &'d People,
        now: Timestamp,
    ) -> Result<Self, Failure> {
        let keys: Vec<&str> = CLAIMS.iter().map(|sample| sample.requirement).collect();
        let store = &*operator.installation.store;
        let found = Reader::<EvidenceRequirement>::get_by_keys(store, workspace.meta.id, &keys).await?;
        let requirements =
            found.into_iter().map(|requirement| (requirement.record.key.to_string(), requirement)).collect();
        Ok(Self { operator, workspace, people, now, requirements })
    }

    /// Takes a step.
    ///
    /// # Errors
    /// If it is not allowed, or the store of records or of attachments fails.
    pub(super) async fn run(&mut self, step: ClaimStep) -> Result<(), Failure> {
        let sample = &CLAIMS[step.index];
        match (step.kind, sample.decision()?) {
            (StepKind::Create, _) => self.create(sample).await,
            (StepKind::Decide, Some((person, reason, decision))) => {
                let person = self.people.operator(self.operator, person, reason)?;
                decide_claim(&person, self.workspace, sample.key, &decision).await.map(drop)
            }
            (StepKind::Decide, None) => Ok(()),
            (StepKind::Expire, _) => self.expire(sample).await,
        }
    }

    async fn create(&self, sample: &Sample) -> Result<(), Failure> {
        let requirement = self.requirements.get(sample.requirement);
        let requirement = requirement.ok_or_else(|| Failure::new(format!("no requirement {}", sample.requirement)))?;
        // Integrations make their claims themselves.
        if sample.system.is_some() {
            return sample.create(self.operator, self.workspace, requirement, self.now).await;
        }
        let author = self.people.operator(self.operator, CONTROLLER, "Collected for the requirement of this period")?;
        sample.create(&author, self.workspace, requirement, self.now).await
    }

    async fn expire(&self, sample: &Sample) -> Result<(), Failure> {
        let organization = OrganizationRef::from(self.workspace);
        let store = &*self.operator.installation.store;
        self.operator
            .write(async || {
                let claim = find_claim(store, organization.id, sample.key).await?;
                let attribution = self.operator.attribution();
                let context = self.operator.write_context(&organization, &attribution);
                Ok(expire(&context, store.begin_write(), &claim)?)
            })
            .await
            .map(drop)
    }
}

impl Sample {
    fn valid_until(&self, now: Timestamp) -> Option<Timestamp> {
        let days = self.valid_for?;
        let duration = DAY * u32::try_from(days.unsigned_abs()).ok()?;
        Some(if days < 0 { now - duration } else { now + duration })
    }

    /// The time since the claim was made: when its validity began, or soon after the workspace was created.
    fn created_ago(&self) -> Duration {
        DAY * self.valid_since.min(OLDEST)
    }

    /// The time since the claim was reviewed or withdrawn.
    fn decided_ago(&self) -> Option<Duration> {
        let withdrawn = (self.status == Withdrawn).then(|| self.created_ago().saturating_sub(DAY));
        self.review.map(|Review(hours, ..)| HOUR * hours).or(withdrawn)
    }

    /// The time since the claim has expired.
    fn expired_ago(&self) -> Option<Duration> {
        let days = self.valid_for.filter(|days| *days < 0)?;
        Some(DAY * u32::try_from(days.unsigned_abs()).ok()?)
    }

    /// The decision about the claim, with who took it and why.
    fn decision(&self) -> Result<Option<(&'static str, &'static str, ClaimDecision)>, Failure> {
        let note = || self.review.map(|Review(.., note)| Description::parse(note)).transpose();
        let reviewer = self.review.map_or(CONTROLLER, |Review(_, reviewer, _)| reviewer);
        Ok(match self.status {
            Pending => None,
            Approved | Expired => {
                Some((reviewer, "Read in full and compared with its source", ClaimDecision::Approve(note()?)))
            }
            Rejected => Some((reviewer, "It does not meet the requirement", ClaimDecision::Reject(note()?))),
            Withdrawn => Some((reviewer, "It was uploaded too early", ClaimDecision::Withdraw)),
        })
    }

    async fn create(
        &self,
        operator: &Operator,
        workspace: &Stored<Organization>,
        requirement: &Stored<EvidenceRequirement>,
        now: Timestamp,
    ) -> Result<(), Failure> {
        let organization = OrganizationRef::from(workspace);
        let new = NewClaim {
            key: RecordKey::parse(self.key)?,
            title: Title::parse(self.title)?,
            description: None,
            valid_from: Some(now - DAY * self.valid_since),
            valid_until: self.valid_until(now),
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
            .map(drop)
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
    fn every_claim_was_made_before_it_was_decided_on_and_decided_on_while_it_was_valid() {
        for sample in CLAIMS {
            let is_reviewed = matches!(sample.status, Approved | Rejected | Expired);
            assert_eq!(sample.review.is_some(), is_reviewed, "{}", sample.key);
            assert!(sample.created_ago() <= DAY * sample.valid_since, "{}", sample.key);
            let Some(decided) = sample.decided_ago() else { continue };
            assert!(decided < sample.created_ago() && !decided.is_zero(), "{}", sample.key);
            assert!(sample.expired_ago().is_none_or(|expired| expired < decided), "{}", sample.key);
        }
        let reviewers: BTreeSet<_> = CLAIMS.iter().filter_map(|sample| sample.review).map(|review| review.1).collect();
        assert_eq!(reviewers.len(), 5);
    }
}
