//! The catalogue of scopes (contract v1 § 2). A write scope does not imply its read scope.

use std::{fmt, str::FromStr};

/// The error of a text that is not the name of a scope.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no scope {0:?}")]
pub struct UnknownScope(pub String);

macro_rules! scopes {
    ($($scope:ident = $name:literal, $description:literal;)*) => {
        /// One permission, written `<resource>:<action>`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum Scope {
            $(#[doc = $description] $scope,)*
        }

        impl Scope {
            /// All scopes, in the order of the catalogue.
            pub const ALL: &'static [Self] = &[$(Self::$scope,)*];

            /// The scope's name in tokens and requests.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$scope => $name,)* }
            }

            /// The human-readable description of the permission.
            #[must_use]
            pub const fn description(self) -> &'static str {
                match self { $(Self::$scope => $description,)* }
            }
        }
    };
}

scopes! {
    ControlsRead = "governance.controls:read", "Read controls.";
    RisksRead = "governance.risks:read", "Read risks.";
    EvidenceRead = "governance.evidence:read", "Read evidence requirements and claims, and download attachments.";
    EvidenceWrite = "governance.evidence:write", "Upload attachments and make evidence claims.";
    AssessmentsRead = "governance.assessments:read", "Read assessments.";
    FindingsRead = "governance.findings:read", "Read findings and the events reported about them.";
    FindingsWrite = "governance.findings:write", "Create and change findings, and report events about them.";
    ExceptionsRead = "governance.exceptions:read", "Read exceptions.";
    MonitoringRead = "governance.monitoring:read", "Read monitor definitions, runs and run items.";
    IndicatorsRead = "governance.indicators:read", "Read indicators and measurements.";
    SubmissionsRead = "governance.submissions:read", "Read submission requirements and packages, and the events recorded about them.";
    SubmissionsWrite = "governance.submissions:write", "Record events about submission packages.";
    FrameworksRead = "governance.frameworks:read", "Read frameworks, their versions, nodes and coverage.";
    AssetsRead = "assets:read", "Read assets and custody assignments.";
    PartyEngagementsRead = "party-engagements:read", "Read engagements and due diligence reviews.";
    ChangeManagementRead = "change-management:read", "Read change requests, baselines, releases and acceptances.";
    VulnerabilityManagementRead = "vulnerability-management:read", "Read vulnerabilities, their assessments and patch requirements.";
    WebhooksManage = "webhooks:manage", "Manage the account's own webhook subscriptions.";
    OrganizationRead = "organization:read", "Read the organization's own record.";
    AuditRead = "audit:read", "Read the organization's audit log.";
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Scope {
    type Err = UnknownScope;

    fn from_str(text: &str) -> Result<Self, UnknownScope> {
        Self::ALL.iter().copied().find(|scope| scope.name() == text).ok_or_else(|| UnknownScope(text.to_owned()))
    }
}
