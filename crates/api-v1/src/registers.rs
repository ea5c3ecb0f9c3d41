//! The list and get endpoints of the registers. A new register adds its line to `serve!`.

use axum::http::Method;
use http_api::{
    endpoints::Operation,
    request::{Access, Charge},
};
use kernel::{Kind, Reader, Record};
use scopes::Scope;
use serde_json::Value;
use store::DynStore;

use crate::{
    media_types::{JSON, JSON_OR_NDJSON},
    record_view::{Parent, RecordView, collection_id, list_register, list_register_document, parent},
    view::{component, get, get_document},
};

/// Serves registers: `Type: path, tag, scope;`. A representation that differs from the default follows in braces, as
/// overrides of [`RecordView`]. A path with a parameter is that of a list within a parent, which [`RecordView::PARENT`]
/// names.
macro_rules! serve {
    ($($register:ident: $path:literal, $tag:literal, $scope:ident $({ $($override:tt)* })?;)*) => {
        $(impl RecordView for registers::$register { $($($override)*)? })*

        /// The endpoints of all registers.
        pub(crate) fn operations() -> Vec<Operation> {
            [$(endpoints::<registers::$register>($path, $tag, Scope::$scope),)*].into_iter().flatten().collect()
        }

        /// The path of the collection of records of this kind, if it is a register.
        pub(crate) const fn path(kind: Kind) -> Option<&'static str> {
            match kind {
                $(Kind::$register => Some($path),)*
                _ => None,
            }
        }

        /// The scope that reads records of this kind, if it is a register.
        pub(crate) const fn read_scope(kind: Kind) -> Option<Scope> {
            match kind {
                $(Kind::$register => Some(Scope::$scope),)*
                _ => None,
            }
        }
    };
}

serve! {
    Control: "/api/v1/governance/controls", "Controls", ControlsRead;
    Framework: "/api/v1/governance/frameworks", "Frameworks", FrameworksRead;
    FrameworkVersion: "/api/v1/governance/frameworks/versions", "Frameworks", FrameworksRead {
        const SINGULAR: &'static str = "version";
        const PLURAL: &'static str = "versions";
    };
    FrameworkNode: "/api/v1/governance/frameworks/versions/{versionId}/nodes", "Frameworks", FrameworksRead {
        const PLURAL: &'static str = "nodes";
        const HAS_GET: bool = false;
        const PARENT: Option<Parent> = Some(parent::<registers::FrameworkVersion>("framework_version_id"));
    };
    CoverageLink: "/api/v1/governance/frameworks/coverage-links", "Frameworks", FrameworksRead {
        const HAS_GET: bool = false;
    };
    Risk: "/api/v1/governance/risks", "Risks", RisksRead;
    Assessment: "/api/v1/governance/assessments", "Assessments", AssessmentsRead;
    Exception: "/api/v1/governance/exceptions", "Exceptions", ExceptionsRead;
    MonitorDefinition: "/api/v1/governance/monitoring/definitions", "Monitoring", MonitoringRead {
        const ID_PARAMETER: Option<&'static str> = Some("monitorId");
    };
    MonitorRun: "/api/v1/governance/monitoring/runs", "Monitoring", MonitoringRead {
        const ID_PARAMETER: Option<&'static str> = Some("runId");
    };
    MonitorRunItem: "/api/v1/governance/monitoring/runs/{runId}/items", "Monitoring", MonitoringRead {
        const PLURAL: &'static str = "items";
        const HAS_GET: bool = false;
        const PARENT: Option<Parent> = Some(parent::<registers::MonitorRun>("monitor_run_id"));
    };
    Indicator: "/api/v1/governance/indicators", "Indicators", IndicatorsRead;
    Measurement: "/api/v1/governance/indicators/measurements", "Indicators", IndicatorsRead {
        const HAS_GET: bool = false;
    };
    Asset: "/api/v1/assets", "Assets", AssetsRead;
    CustodyAssignment: "/api/v1/assets/custody-assignments", "Assets", AssetsRead {
        const HAS_GET: bool = false;
    };
    Engagement: "/api/v1/party-engagements", "Party engagements", PartyEngagementsRead;
    DueDiligenceReview: "/api/v1/party-engagements/due-diligence-reviews", "Party engagements", PartyEngagementsRead {
        const HAS_GET: bool = false;
    };
    ChangeRequest: "/api/v1/change-management/change-requests", "Change management", ChangeManagementRead;
    ConfigurationBaseline: "/api/v1/change-management/configuration-baselines", "Change management", ChangeManagementRead {
        const HAS_GET: bool = false;
    };
    Release: "/api/v1/change-management/releases", "Change management", ChangeManagementRead {
        const HAS_GET: bool = false;
    };
    SystemAcceptance: "/api/v1/change-management/system-acceptances", "Change management", ChangeManagementRead {
        const HAS_GET: bool = false;
    };
    Vulnerability: "/api/v1/vulnerability-management/vulnerabilities", "Vulnerability management", VulnerabilityManagementRead;
    VulnerabilityAssessment: "/api/v1/vulnerability-management/vulnerability-assessments", "Vulnerability management", VulnerabilityManagementRead {
        const HAS_GET: bool = false;
    };
    PatchRequirement: "/api/v1/vulnerability-management/patch-requirements", "Vulnerability management", VulnerabilityManagementRead {
        const HAS_GET: bool = false;
    };
    SubmissionRequirement: "/api/v1/governance/submissions/requirements", "Submissions", SubmissionsRead {
        const ID_PARAMETER: Option<&'static str> = Some("requirementId");
    };
    SubmissionPackage: "/api/v1/governance/submissions/packages", "Submissions", SubmissionsRead {
        const ID_PARAMETER: Option<&'static str> = Some("packageId");
    };
    EvidenceRequirement: "/api/v1/governance/evidence/requirements", "Evidence", EvidenceRead {
        const SINGULAR: &'static str = "requirement";
        const PLURAL: &'static str = "requirements";
    };
    EvidenceClaim: "/api/v1/governance/evidence/claims", "Evidence", EvidenceRead {
        const SINGULAR: &'static str = "claim";
        const PLURAL: &'static str = "claims";
    };
}

/// The names and the JSON Schemas of all registers' records.
pub(crate) fn schemas() -> Vec<(&'static str, Value)> {
    macro_rules! components {
        ($($kind:ident => $register:ty,)*) => { vec![$(component::<$register>()),*] };
    }
    registers::for_each_register!(components)
}

/// The list of one register, and the get unless it has none. Both live as long as the process, and so do their names.
fn endpoints<R: RecordView>(path: &'static str, tag: &'static str, scope: Scope) -> Vec<Operation>
where
    DynStore: Reader<R>,
{
    let singular = R::KIND.name().replace('_', " ");
    let article = if singular.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" };
    let plural = <R as Record>::PLURAL.replace('_', " ");
    let list = Operation {
        method: Method::GET,
        path,
        id: format!("list{}", collection_id::<R>()).leak(),
        tag,
        summary: format!("List {plural}").leak(),
        description: "Returns the records by creation time, newest first, or with `order=updated` by change time, oldest first.",
        access: Access::Scope(scope),
        charge: Charge::Read,
        media_types: JSON_OR_NDJSON,
        action: format!("{}.listed", R::KIND.name()).leak(),
        handler: list_register::<R>,
        document: list_register_document::<R>,
    };
    let get = || Operation {
        method: Method::GET,
        path: format!("{path}/{{{}}}", R::ID_PARAMETER.map_or_else(|| format!("{}Id", R::SINGULAR), str::to_owned))
            .leak(),
        id: format!("get{}", R::COMPONENT).leak(),
        tag,
        summary: format!("Get {article} {singular}").leak(),
        description: "The response has an `ETag` that identifies the revision.",
        access: Access::Scope(scope),
        charge: Charge::Read,
        media_types: JSON,
        action: format!("{}.read", R::KIND.name()).leak(),
        handler: get::<R>,
        document: get_document::<R>,
    };
    [list].into_iter().chain(R::HAS_GET.then(get)).collect()
}
