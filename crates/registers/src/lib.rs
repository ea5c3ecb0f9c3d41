//! The registers: records that people and importers maintain and integrations read. The read-mostly modules have one file
//! each, and assessments, which a few commands move, a folder. A module with a write API is a crate of its own, and its
//! registers are in the list here.

mod assessment;
mod asset;
mod change_request;
mod configuration_baseline;
mod control;
mod coverage_link;
mod coverage_target;
mod custody_assignment;
mod definition_status;
mod due_diligence_review;
mod engagement;
mod exception;
mod framework;
mod framework_node;
mod framework_version;
mod indicator;
mod measurement;
mod monitor_definition;
mod monitor_run;
mod monitor_run_item;
mod patch_requirement;
mod release;
mod risk;
mod sync;
mod system_acceptance;
mod vulnerability;
mod vulnerability_assessment;

pub use assessment::{
    Assessment, AssessmentCommand, AssessmentCompletion, AssessmentError, AssessmentStatus, CompletionRenderer,
    change_assessment, publish_completion,
};
pub use asset::{Asset, AssetStatus};
pub use change_request::{ChangeRequest, ChangeStatus};
pub use configuration_baseline::ConfigurationBaseline;
pub use control::Control;
pub use coverage_link::{Coverage, CoverageLink};
pub use coverage_target::TargetKind;
pub use custody_assignment::{CustodyAssignment, CustodyKind, CustodyStatus};
pub use definition_status::DefinitionStatus;
pub use due_diligence_review::{DueDiligenceReview, ReviewKind, ReviewStatus};
pub use engagement::{Engagement, EngagementStatus, Party};
pub use evidence::{EvidenceClaim, EvidenceRequirement};
pub use exception::{Exception, ExceptionStatus};
pub use framework::{Framework, FrameworkSource};
pub use framework_node::{FrameworkNode, NodeKind};
pub use framework_version::FrameworkVersion;
pub use indicator::{Indicator, IndicatorKind, IndicatorStatus};
pub use measurement::Measurement;
pub use monitor_definition::{MonitorDefinition, MonitorStatus};
pub use monitor_run::{MonitorResult, MonitorRun, MonitorTrigger};
pub use monitor_run_item::MonitorRunItem;
pub use patch_requirement::{PatchRequirement, PatchStatus, PatchUrgency};
pub use release::{Release, ReleaseStatus};
pub use risk::{Risk, RiskStatus};
pub use submissions::{SubmissionPackage, SubmissionRequirement};
pub use sync::{SyncOutcome, sync, update};
pub use system_acceptance::{AcceptanceStatus, SystemAcceptance};
pub use vulnerability::{Vulnerability, VulnerabilityStatus};
pub use vulnerability_assessment::{VulnerabilityAssessment, VulnerabilityAssessmentStatus};

/// Calls `$with!` with every register, as `Kind => Type` pairs behind those of `$before`. A new register adds its line
/// here: stores, the API, bundles and tests take it from this list.
#[macro_export]
macro_rules! for_each_register {
    ($with:ident $(, $($before:tt)*)?) => {
        $with! {
            $($($before)*)?
            Control => ::registers::Control,
            Framework => ::registers::Framework,
            FrameworkVersion => ::registers::FrameworkVersion,
            FrameworkNode => ::registers::FrameworkNode,
            CoverageLink => ::registers::CoverageLink,
            Risk => ::registers::Risk,
            Assessment => ::registers::Assessment,
            Exception => ::registers::Exception,
            MonitorDefinition => ::registers::MonitorDefinition,
            MonitorRun => ::registers::MonitorRun,
            MonitorRunItem => ::registers::MonitorRunItem,
            Indicator => ::registers::Indicator,
            Measurement => ::registers::Measurement,
            Asset => ::registers::Asset,
            CustodyAssignment => ::registers::CustodyAssignment,
            Engagement => ::registers::Engagement,
            DueDiligenceReview => ::registers::DueDiligenceReview,
            ChangeRequest => ::registers::ChangeRequest,
            ConfigurationBaseline => ::registers::ConfigurationBaseline,
            Release => ::registers::Release,
            SystemAcceptance => ::registers::SystemAcceptance,
            Vulnerability => ::registers::Vulnerability,
            VulnerabilityAssessment => ::registers::VulnerabilityAssessment,
            PatchRequirement => ::registers::PatchRequirement,
            SubmissionRequirement => ::registers::SubmissionRequirement,
            SubmissionPackage => ::registers::SubmissionPackage,
            EvidenceRequirement => ::registers::EvidenceRequirement,
            EvidenceClaim => ::registers::EvidenceClaim,
        }
    };
}
