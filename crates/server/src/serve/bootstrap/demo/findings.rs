//! The findings of the demo: created, and then moved step by step to their status.

use std::{collections::HashMap, time::Duration};

use findings::{
    EventKind, Finding, FindingPatch, FindingSource, NewFinding, NewFindingEvent, Severity, SourceKind, Status, create,
    record_event, update,
};
use kernel::{
    Description, Organization, OrganizationRef, Reader, Record, RecordKey, Reference, Stored, SubjectGroup, Timestamp,
    Title,
};
use registers::{Assessment, Control};
use store::DynStore;

use super::people::{People, SECURITY};
use crate::{failure::Failure, operations::Operator};

const HOUR: Duration = Duration::from_secs(60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// Number of findings.
pub(super) const COUNT: usize = FINDINGS.len();

use Severity::{Critical, High, Info, Low, Medium};
use SourceKind::{Audit, ControlGap, EvidenceGap, Manual, ModuleSignal, ObligationGap, RiskReview};
use Status::{Accepted, Archived, Closed, Remediating, RemediationPlanned, Triaged, Verified};

/// A finding of the demo.
struct Sample {
    key: &'static str,
    severity: Severity,
    source: SourceKind,
    /// Key of the control that the finding is about.
    control: &'static str,
    title: &'static str,
    description: &'static str,
    /// Number of days until the finding is due; negative if it was due before.
    due_in: Option<i64>,
    /// The statuses that the finding passes through after `open`.
    transitions: &'static [Status],
}

#[rustfmt::skip]
const FINDINGS: &[Sample] = &[
    Sample { key: "scan-0001", severity: Critical, source: ModuleSignal, control: "vm-01", title: "Mail gateway runs a version with a known remote execution flaw", description: "The gateway answers with a version that has a public exploit. It is reachable from the internet.", due_in: Some(7), transitions: &[] },
    Sample { key: "scan-0002", severity: High, source: ModuleSignal, control: "cr-02", title: "TLS 1.0 offered by the branch router in Cedar Falls", description: "The management interface still accepts TLS 1.0 with CBC ciphers.", due_in: Some(30), transitions: &[] },
    Sample { key: "scan-0003", severity: High, source: ModuleSignal, control: "cm-02", title: "SMB signing not required on 14 teller workstations", description: "Workstations built from the previous image do not ask for signed sessions.", due_in: Some(30), transitions: &[Triaged] },
    Sample { key: "scan-0004", severity: Medium, source: ModuleSignal, control: "vm-01", title: "Print server with an outdated spooler", description: "The spooler of PRN-02 is two cumulative updates behind.", due_in: Some(-1), transitions: &[] },
    Sample { key: "scan-0005", severity: Medium, source: ModuleSignal, control: "cr-02", title: "Certificate of the statement portal ends in three weeks", description: "The certificate of statements.cedarvalley.example ends soon and its renewal is manual.", due_in: Some(14), transitions: &[Triaged, RemediationPlanned] },
    Sample { key: "scan-0006", severity: Low, source: ModuleSignal, control: "am-01", title: "Two unknown devices on the guest network of the main office", description: "They answer like media players and are not in the inventory.", due_in: None, transitions: &[] },
    Sample { key: "scan-0007", severity: Info, source: ModuleSignal, control: "am-01", title: "Inventory lists a server that no longer answers", description: "FILE-03 was decommissioned five months ago and is still listed.", due_in: None, transitions: &[Closed] },
    Sample { key: "scan-0008", severity: High, source: ModuleSignal, control: "vm-01", title: "Loan document service with a library that can be made to loop", description: "The PDF library is below the fixed version; a crafted file stops the service.", due_in: Some(30), transitions: &[Triaged, RemediationPlanned, Remediating] },
    Sample { key: "scan-0009", severity: Critical, source: ModuleSignal, control: "ac-03", title: "Remote desktop of a vendor reachable without second factor", description: "The jump host for the ATM vendor accepts a password alone.", due_in: Some(-2), transitions: &[Remediating] },
    Sample { key: "scan-0010", severity: Medium, source: ModuleSignal, control: "cm-02", title: "Local administrator with one password on kiosk machines", description: "The same password opens all lobby kiosks.", due_in: Some(60), transitions: &[Triaged, Remediating, Verified] },
    Sample { key: "audit-01", severity: High, source: Audit, control: "ac-02", title: "Privileged access review of last quarter missed two systems", description: "The wire desk and the imaging system were left out of the review.", due_in: Some(-9), transitions: &[RemediationPlanned] },
    Sample { key: "audit-02", severity: Medium, source: Audit, control: "ac-01", title: "Leavers kept access for up to nine days", description: "Of 25 leavers sampled, three still had an active account a week later.", due_in: Some(60), transitions: &[Triaged, RemediationPlanned, Remediating] },
    Sample { key: "audit-03", severity: Medium, source: Audit, control: "cm-01", title: "Emergency changes approved after the fact without a reason", description: "Four of eleven emergency changes have no reason on record.", due_in: Some(60), transitions: &[] },
    Sample { key: "audit-04", severity: Low, source: Audit, control: "tr-01", title: "Training records of seasonal staff are kept on paper", description: "They can't be evaluated with the rest.", due_in: None, transitions: &[Accepted] },
    Sample { key: "audit-05", severity: High, source: Audit, control: "ac-04", title: "Release limit of the wire desk was raised without approval", description: "The limit was 50,000 USD for eleven days last month.", due_in: Some(30), transitions: &[Remediating, Verified, Closed] },
    Sample { key: "assess-01", severity: Medium, source: SourceKind::Assessment, control: "bc-01", title: "Failover test left out the card processor's link", description: "The link was not switched; its failover is not proven.", due_in: Some(120), transitions: &[Triaged] },
    Sample { key: "assess-02", severity: Medium, source: SourceKind::Assessment, control: "ir-01", title: "Call tree of the incident plan has two numbers that are out of date", description: "The deputy of operations and the insurer could not be reached.", due_in: Some(-3), transitions: &[Remediating, Verified] },
    Sample { key: "assess-03", severity: Low, source: SourceKind::Assessment, control: "fr-01", title: "Business members are not reminded to announce wires", description: "A third of the wires that the desk holds are good and only announced late.", due_in: None, transitions: &[Accepted, Archived] },
    Sample { key: "evidence-01", severity: Medium, source: EvidenceGap, control: "bc-02", title: "No record of the latest restore test of the imaging system", description: "The test is said to have been done; its protocol is missing. Those of core banking are complete.", due_in: Some(-4), transitions: &[] },
    Sample { key: "evidence-02", severity: Low, source: EvidenceGap, control: "am-02", title: "Shredding certificates of the Waterloo branch are incomplete", description: "Two of twelve months are missing.", due_in: Some(45), transitions: &[Triaged] },
    Sample { key: "evidence-03", severity: High, source: EvidenceGap, control: "tp-02", title: "Assurance report of the card processor is older than a year", description: "The period of the latest report ended fourteen months ago.", due_in: Some(30), transitions: &[RemediationPlanned] },
    Sample { key: "gap-01", severity: High, source: ControlGap, control: "bc-03", title: "Branches can't take deposits when the network is down", description: "The control is drafted and not yet in force.", due_in: Some(90), transitions: &[RemediationPlanned, Remediating] },
    Sample { key: "gap-02", severity: Medium, source: ControlGap, control: "ld-02", title: "Pricing exceptions are not reviewed for fair lending", description: "The review is drafted and has no owner in lending.", due_in: Some(90), transitions: &[] },
    Sample { key: "obligation-01", severity: Critical, source: ObligationGap, control: "ir-02", title: "Notice procedure still names 96 hours", description: "The rule asks for 72 hours; the procedure and the plan say 96.", due_in: Some(2), transitions: &[Triaged] },
    Sample { key: "obligation-02", severity: Medium, source: ObligationGap, control: "fr-03", title: "Two activity reports were filed on day 31 and 33", description: "The limit is thirty days from detection.", due_in: Some(30), transitions: &[Closed] },
    Sample { key: "risk-01", severity: High, source: RiskReview, control: "tp-01", title: "Core vendor is sold and the exit plan is four years old", description: "The plan names systems that are no longer in use.", due_in: Some(120), transitions: &[] },
    Sample { key: "risk-02", severity: Medium, source: RiskReview, control: "cr-01", title: "Backup keys are kept in the same vault as the tapes", description: "One break-in takes both.", due_in: Some(60), transitions: &[Accepted] },
    Sample { key: "manual-01", severity: Low, source: Manual, control: "ac-01", title: "Badge readers of the annex keep a clock of their own", description: "They are eleven minutes off, so logs do not line up.", due_in: None, transitions: &[Closed, Archived] },
    Sample { key: "manual-02", severity: Info, source: Manual, control: "tr-01", title: "Tellers ask for examples of recent phone scams", description: "The training could show what happened at neighbouring institutions.", due_in: None, transitions: &[] },
    Sample { key: "scan-0011", severity: High, source: ModuleSignal, control: "cr-02", title: "Old TLS on the router of the Cedar Falls branch", description: "The same router as in scan-0002, seen by the other scanner.", due_in: None, transitions: &[] },
];

/// Keys of the findings of assessments, and of the assessments.
const ASSESSMENTS: &[(&str, &str)] =
    &[("assess-01", "failover-test"), ("assess-02", "failover-test"), ("assess-03", "wire-desk")];

/// Keys of the duplicate and of the original: two scanners reported the same router.
const DUPLICATE: (&str, &str) = ("scan-0011", "scan-0002");

/// Number of findings of high or critical severity that are not settled at the end.
pub(super) fn open_high_count() -> usize {
    let is_settled = |status: &Status| status.is_resolved() || *status == Archived;
    let is_open = |sample: &&Sample| sample.key != DUPLICATE.0 && !sample.transitions.last().is_some_and(is_settled);
    FINDINGS.iter().filter(|sample| matches!(sample.severity, High | Critical)).filter(is_open).count()
}

/// A step of a finding: its creation, or a change of its status.
#[derive(Clone, Copy)]
pub(super) struct FindingStep {
    /// The index of the sample.
    index: usize,
    /// The status that it gets; `None` for its creation.
    status: Option<Status>,
}

impl FindingStep {
    /// The steps of all findings, those of each in order, with the time that has passed since.
    pub(super) fn all() -> Vec<(Duration, Self)> {
        let of_sample = |(index, sample): (usize, &Sample)| {
            let recorded = sample.recorded_ago(index);
            let count = u32::try_from(sample.transitions.len()).unwrap_or_default();
            let moved = (1..)
                .zip(sample.transitions)
                .map(move |(step, status)| (recorded - recorded * step / (count + 1), Some(*status)));
            let steps = [(recorded, None)].into_iter().chain(moved);
            steps.map(move |(ago, status)| (ago, Self { index, status })).collect::<Vec<_>>()
        };
        FINDINGS.iter().enumerate().flat_map(of_sample).collect()
    }
}

/// The reason for which a finding gets a status.
const fn reason(status: Status) -> &'static str {
    match status {
        Status::Open => "It was seen again after it had been closed",
        Status::Triaged => "Assessed with the owner of the system",
        Status::RemediationPlanned => "The fix is agreed upon and has a date",
        Status::Remediating => "The work on the fix has begun",
        Status::Verified => "The fix was tested and holds",
        Status::Closed => "Nothing is left to be done about it",
        Status::Accepted => "The committee keeps the risk for this year",
        Status::Archived => "Kept for the record after the yearly review",
    }
}

/// The findings of the demo, for the controls and assessments that are imported already.
pub(super) struct FindingHistory<'d> {
    operator: &'d Operator,
    organization: OrganizationRef,
    people: &'d People,
    now: Timestamp,
    controls: HashMap<String, String>,
    assessments: HashMap<String, String>,
    created: HashMap<&'static str, Stored<Finding>>,
}

impl<'d> FindingHistory<'d> {
    /// Begins the history.
    ///
    /// # Errors
    /// If the store fails.
    pub(super) async fn open(
        operator: &'d Operator,
        workspace: &Stored<Organization>,
        people: &'d People,
        now: Timestamp,
    ) -> Result<Self, Failure> {
        let mut keys: Vec<&str> = FINDINGS.iter().map(|sample| sample.control).collect();
        keys.sort_unstable();
        keys.dedup();
        let controls = ids_by_key::<Control>(operator, workspace, &keys).await?;
        let assessments: Vec<&str> = ASSESSMENTS.iter().map(|(_, assessment)| *assessment).collect();
        let assessments = ids_by_key::<Assessment>(operator, workspace, &assessments).await?;
        let organization = OrganizationRef::from(workspace);
        Ok(Self { operator, organization, people, now, controls, assessments, created: HashMap::new() })
    }

    /// Takes a step. Scanners and importers create findings, and people move them.
    ///
    /// # Errors
    /// If the store fails.
    pub(super) async fn run(&mut self, step: FindingStep) -> Result<(), Failure> {
        let sample = &FINDINGS[step.index];
        let (store, renderer) = (&self.operator.installation.store, &api_v1::PayloadRenderer);
        let finding = match (self.created.get(sample.key), step.status) {
            (Some(finding), Some(status)) => {
                let person = self.people.operator(self.operator, SECURITY, reason(status))?;
                let attribution = person.attribution();
                let context = person.write_context(&self.organization, &attribution);
                let patch = FindingPatch { status: Some(status), ..FindingPatch::default() };
                person.write(async || Ok(update(&context, renderer, store.begin_write(), finding, &patch)?)).await?
            }
            _ => {
                let attribution = self.operator.attribution();
                let context = self.operator.write_context(&self.organization, &attribution);
                let new = sample.finding(self.now, &self.controls, &self.assessments)?;
                self.operator.write(async || Ok(create(&context, renderer, store.begin_write(), new.clone()))).await?
            }
        };
        self.created.insert(sample.key, finding);
        Ok(())
    }

    /// Reports a finding as a duplicate of another, which closes it.
    ///
    /// # Errors
    /// If the store fails.
    pub(super) async fn report_duplicate(&self) -> Result<(), Failure> {
        let (Some(duplicate), Some(original)) = (self.created.get(DUPLICATE.0), self.created.get(DUPLICATE.1)) else {
            return Ok(());
        };
        let event = NewFindingEvent {
            kind: EventKind::VerifiedAsDuplicate,
            note: Some(Description::parse("Both scanners look at the same router.")?),
            external_reference: None,
            duplicate_of: Some(original.meta.id),
            occurred_at: None,
        };
        let person = self.people.operator(self.operator, SECURITY, "Compared the two reports of the router")?;
        let attribution = person.attribution();
        let context = person.write_context(&self.organization, &attribution);
        person
            .write(async || {
                let timestamp = person.installation.store.begin_write();
                let originals = std::slice::from_ref(original);
                let (changeset, _, _) =
                    record_event(&context, &api_v1::PayloadRenderer, timestamp, duplicate, event.clone(), originals)?;
                Ok((changeset, ()))
            })
            .await
    }
}

/// The identifiers of the records with these keys, by key.
async fn ids_by_key<R: Record>(
    operator: &Operator,
    workspace: &Stored<Organization>,
    keys: &[&str],
) -> Result<HashMap<String, String>, Failure>
where
    DynStore: Reader<R>,
{
    let found = Reader::<R>::get_by_keys(&*operator.installation.store, workspace.meta.id, keys).await?;
    Ok(found
        .iter()
        .filter_map(|stored| Some((stored.record.unique_key()?.to_owned(), stored.meta.id.to_string())))
        .collect())
}

impl Sample {
    /// The time since the finding at this place of the list was recorded: from 3 days to half a year, in no order.
    fn recorded_ago(&self, index: usize) -> Duration {
        let spread = u32::try_from(index * 11 % COUNT).unwrap_or_default();
        // A finding was recorded two weeks before it was due.
        let overdue = self.due_in.filter(|days| *days < 0).map_or(0, |days| days.unsigned_abs() + 14);
        let days = (3 + spread * 6).max(u32::try_from(overdue).unwrap_or_default());
        DAY * days + HOUR * (spread % 9)
    }

    fn finding(
        &self,
        now: Timestamp,
        controls: &HashMap<String, String>,
        assessments: &HashMap<String, String>,
    ) -> Result<NewFinding, Failure> {
        let subject = match controls.get(self.control) {
            Some(id) => Some(SubjectGroup {
                module_key: Reference::parse("controls")?,
                resource_type: Reference::parse("control")?,
                resource_id: Reference::parse(id)?,
            }),
            None => None,
        };
        let assessment = ASSESSMENTS.iter().find(|(finding, _)| *finding == self.key);
        let source = match assessment.and_then(|(_, assessment)| assessments.get(*assessment)) {
            Some(id) => Some(["assessments", "assessment", id]),
            None if self.source == ModuleSignal => Some(["branch-scanner", "scan", "nightly"]),
            None => None,
        };
        let [module_key, resource_type, resource_id] = match source {
            Some(parts) => parts.map(|part| Reference::parse(part).map(Some)),
            None => [Ok(None), Ok(None), Ok(None)],
        };
        Ok(NewFinding {
            key: RecordKey::parse(self.key)?,
            title: Title::parse(self.title)?,
            description: Some(Description::parse(self.description)?),
            severity: self.severity,
            source: FindingSource {
                kind: self.source,
                module_key: module_key?,
                scope: None,
                resource_type: resource_type?,
                resource_id: resource_id?,
            },
            subject,
            owner_responsibility_id: Some(Reference::parse("resp-security")?),
            owner_member_user_id: None,
            due_at: self.due_in.map(|days| {
                let span = DAY * u32::try_from(days.unsigned_abs()).unwrap_or_default();
                if days < 0 { now - span } else { now + span }
            }),
            status: None,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{super::records::date_in, *};

    #[test]
    fn no_text_of_a_finding_names_a_month_or_a_year() {
        let texts = FINDINGS.iter().flat_map(|sample| [sample.key, sample.title, sample.description]);
        assert_eq!(texts.filter_map(date_in).collect::<Vec<_>>(), [""; 0]);
    }

    #[test]
    fn a_finding_of_an_assessment_names_it() {
        let of_assessments = FINDINGS.iter().filter(|sample| sample.source == SourceKind::Assessment);
        assert_eq!(
            of_assessments.map(|sample| sample.key).collect::<Vec<_>>(),
            ASSESSMENTS.iter().map(|(finding, _)| *finding).collect::<Vec<_>>()
        );
    }

    #[test]
    fn the_demo_has_findings_in_every_status_reached_by_allowed_transitions() {
        let mut seen = BTreeSet::from([Status::Open]);
        for sample in FINDINGS {
            let mut current = Status::Open;
            for status in sample.transitions {
                assert!(
                    current.allowed_next().contains(status),
                    "{}: {} to {}",
                    sample.key,
                    current.name(),
                    status.name()
                );
                current = *status;
            }
            seen.insert(current);
        }
        assert_eq!(seen.len(), Status::ALL.len());
    }
}
