//! The controls of the demo.

use kernel::{Description, Organization, RecordKey, Reference, Stored, Title};
use registers::{Control, DefinitionStatus};

use crate::{
    failure::Failure,
    operations::{Importer, Operator},
};

/// Number of controls.
pub(super) const COUNT: usize = CONTROLS.len();

use DefinitionStatus::{Active, Draft, Retired};

/// Key, status, title, description and owner.
const CONTROLS: &[(&str, DefinitionStatus, &str, &str, &str)] = &[
    (
        "ac-01",
        Active,
        "Joiner, mover and leaver process for core banking access",
        "Access to the core system is granted on a signed request, changed within two working days of a move and withdrawn on the last day of work.",
        "resp-iam-lead",
    ),
    (
        "ac-02",
        Active,
        "Quarterly review of privileged access",
        "System owners confirm every administrator of the core, the wire desk and the directory each quarter; what is not confirmed is withdrawn.",
        "resp-iam-lead",
    ),
    (
        "ac-03",
        Active,
        "Two factors for remote and administrative sign-in",
        "Staff outside the branches and all administrators sign in with a hardware key.",
        "resp-iam-lead",
    ),
    (
        "ac-04",
        Active,
        "Segregation of duties on the wire desk",
        "The employee who enters a wire above 5,000 USD can't release it; the system enforces it and the log shows both.",
        "resp-ops-payments",
    ),
    (
        "am-01",
        Active,
        "Inventory of systems and their owners",
        "Every system that holds member records is in the inventory with an owner and a recovery class.",
        "resp-it-operations",
    ),
    (
        "am-02",
        Active,
        "Disposal of media with member records",
        "Disks and paper leave the building only shredded, with a certificate.",
        "resp-it-operations",
    ),
    (
        "bc-01",
        Active,
        "Yearly failover test of core banking",
        "The core is run from the second site for one business day a year, tellers included.",
        "resp-continuity",
    ),
    (
        "bc-02",
        Active,
        "Restore test of member records",
        "A random day's backup is restored to an empty system each month and balanced against the ledger.",
        "resp-continuity",
    ),
    (
        "bc-03",
        Draft,
        "Branch operation without network",
        "Branches can take deposits for four hours on paper and post them the same day.",
        "resp-continuity",
    ),
    (
        "cm-01",
        Active,
        "Change approval before release",
        "No change reaches production without a reviewed request, a tested way back and a named approver.",
        "resp-change-manager",
    ),
    (
        "cm-02",
        Active,
        "Secure baseline of teller workstations",
        "Workstations are built from one image; drift is reported weekly.",
        "resp-it-operations",
    ),
    (
        "cm-03",
        Retired,
        "Manual patch register",
        "Replaced by the vulnerability scan and its register.",
        "resp-it-operations",
    ),
    (
        "cr-01",
        Active,
        "Encryption of member records at rest",
        "Databases, backups and laptops with member records are encrypted; keys are kept apart from them.",
        "resp-security",
    ),
    (
        "cr-02",
        Active,
        "Transport encryption between branches",
        "Traffic between branches and the data center is encrypted with current protocols only.",
        "resp-security",
    ),
    (
        "fr-01",
        Active,
        "Positive pay for business members",
        "Checks that a business has not announced are held for its answer.",
        "resp-ops-payments",
    ),
    (
        "fr-02",
        Active,
        "Screening of new members and wires",
        "Names are screened against sanctions lists when an account is opened and when a wire is sent.",
        "resp-bsa-officer",
    ),
    (
        "fr-03",
        Active,
        "Monitoring of unusual activity",
        "Alerts are worked within five business days; reports are filed within thirty days.",
        "resp-bsa-officer",
    ),
    (
        "ir-01",
        Active,
        "Incident response plan and exercise",
        "The plan names who decides and who calls whom; it is exercised twice a year.",
        "resp-security",
    ),
    (
        "ir-02",
        Active,
        "Notice of incidents to the regulator within 72 hours",
        "Reportable incidents reach the regulator within 72 hours of being recognised.",
        "resp-compliance",
    ),
    (
        "ld-01",
        Active,
        "Second look at loans above the branch limit",
        "Loans above 150,000 USD are decided by two underwriters who did not meet the member.",
        "resp-lending",
    ),
    (
        "ld-02",
        Draft,
        "Review of pricing exceptions",
        "Exceptions from the rate sheet are sampled monthly for fair lending.",
        "resp-lending",
    ),
    (
        "tp-01",
        Active,
        "Due diligence before a vendor gets member records",
        "Contract, assurance report and exit plan are reviewed before the first record is shared.",
        "resp-vendor-manager",
    ),
    (
        "tp-02",
        Active,
        "Yearly review of critical vendors",
        "Assurance reports and open issues of critical vendors are reviewed each year.",
        "resp-vendor-manager",
    ),
    (
        "tr-01",
        Active,
        "Security training for all staff",
        "Everybody is trained on joining and each year, tellers also on social engineering.",
        "resp-security",
    ),
    (
        "vm-01",
        Active,
        "Vulnerability scan of branch and data center networks",
        "Networks are scanned each night; critical findings are dealt with in seven days, high ones in thirty.",
        "resp-security",
    ),
];

/// Creates the controls in one write.
///
/// # Errors
/// If the store fails.
pub(super) async fn add(operator: &Operator, workspace: &Stored<Organization>) -> Result<(), Failure> {
    let controls = CONTROLS.iter().map(|(key, status, title, description, owner)| {
        Ok(Control {
            key: RecordKey::parse(key)?,
            title: Title::parse(title)?,
            description: Description::parse(description)?,
            status: *status,
            subject: None,
            owner_responsibility_assignment_id: Some(Reference::parse(owner)?),
            implementation_projection_id: None,
            compliance_projection_id: None,
        })
    });
    let controls = controls.collect::<Result<Vec<_>, Failure>>()?;
    Importer::new(operator, workspace, false).import_records(&controls).await
}
