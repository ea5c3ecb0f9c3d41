//! The sections of the web app, as the rail lists them.

use std::sync::OnceLock;

use auth::Role;
use axum::http::Method;
use http_api::{endpoints::Operation, request::Access};
use kernel::Kind;

use crate::icon::Icon;

/// One entry of the rail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Section {
    /// The address of its first page.
    pub(crate) href: &'static str,
    /// The word for it.
    pub(crate) title: &'static str,
    /// The icon beside the word.
    pub(crate) icon: Icon,
}

/// A group of entries under one heading.
pub(crate) struct Group {
    /// The heading; `None` for the group at the top.
    pub(crate) heading: Option<&'static str>,
    pub(crate) sections: &'static [Section],
}

const fn section(href: &'static str, title: &'static str, icon: Icon) -> Section {
    Section { href, title, icon }
}

/// The entries of the rail, in their order.
pub(crate) const GROUPS: &[Group] = &[
    Group { heading: None, sections: &[section("/app", "Overview", Icon::Overview)] },
    Group {
        heading: Some("Work"),
        sections: &[
            section("/app/findings", "Findings", Icon::Finding),
            section("/app/evidence", "Evidence", Icon::Evidence),
            section("/app/submissions", "Submissions", Icon::Submission),
        ],
    },
    Group {
        heading: Some("Registers"),
        sections: &[
            section("/app/frameworks", "Frameworks", Icon::Framework),
            section("/app/controls", "Controls", Icon::Control),
            section("/app/risks", "Risks", Icon::Risk),
            section("/app/assessments", "Assessments", Icon::Assessment),
            section("/app/exceptions", "Exceptions", Icon::Disable),
            section("/app/monitor-definitions", "Monitoring", Icon::Monitoring),
            section("/app/indicators", "Indicators", Icon::Indicator),
            section("/app/assets", "Assets", Icon::Assets),
            section("/app/engagements", "Party engagements", Icon::Party),
            section("/app/change-requests", "Change management", Icon::Change),
            section("/app/vulnerabilities", "Vulnerabilities", Icon::Vulnerability),
        ],
    },
    Group {
        heading: Some("Developers"),
        sections: &[
            section("/app/developers/api/credentials", "API credentials", Icon::Key),
            section("/app/developers/webhooks", "Webhooks", Icon::Webhook),
            section("/app/developers/api/reference", "API reference", Icon::Book),
        ],
    },
    Group { heading: Some("Assurance"), sections: &[section("/app/audit", "Audit log", Icon::AuditLog)] },
    Group {
        heading: Some("Settings"),
        sections: &[
            section("/app/people", "People", Icon::People),
            section("/app/workspace", "Workspace", Icon::Settings),
        ],
    },
];

/// The route table, by which the rail decides which sections it shows.
static ROUTES: OnceLock<&'static [Operation]> = OnceLock::new();

/// Sets the route table, before the first page is rendered.
pub(crate) fn set_routes(routes: &'static [Operation]) {
    // Another surface of the same process has the same table.
    let _ = ROUTES.set(routes);
}

/// Whether the page at this address exists and is open to people with this role, as the route table says.
pub(crate) fn is_open_to(role: Role, path: &str) -> bool {
    let routes = ROUTES.get().copied().unwrap_or_default().iter();
    let pages = routes.filter(|operation| operation.method == Method::GET && operation.path == path);
    pages.map(|operation| operation.access).any(|access| match access {
        Access::Permission(permission) => role.permits(permission),
        Access::SignedIn | Access::Public => true,
        Access::Scope(_) | Access::Unmatched | Access::UnmatchedPage => false,
    })
}

/// The actions of the addresses of the route table.
pub(crate) fn actions_of_pages() -> impl Iterator<Item = &'static str> {
    ROUTES.get().copied().unwrap_or_default().iter().map(|operation| operation.action)
}

/// Whether this address, with or without a query, is that of a page.
pub(crate) fn has_page(target: &str) -> bool {
    let path = target.split('?').next().unwrap_or_default();
    let matches = |template: &str| {
        template.split('/').count() == path.split('/').count()
            && template.split('/').zip(path.split('/')).all(|(part, given)| part.starts_with('{') || part == given)
    };
    let routes = ROUTES.get().copied().unwrap_or_default().iter();
    routes.filter(|operation| operation.method == Method::GET).any(|operation| matches(operation.path))
}

/// The address of the section that records of this kind belong to.
pub(crate) fn section_of(kind: Kind) -> &'static str {
    match kind {
        Kind::Finding | Kind::FindingEvent => "/app/findings",
        Kind::EvidenceRequirement | Kind::EvidenceClaim => "/app/evidence",
        Kind::SubmissionRequirement | Kind::SubmissionPackage | Kind::SubmissionEvent => "/app/submissions",
        Kind::Framework | Kind::FrameworkVersion | Kind::FrameworkNode | Kind::CoverageLink => "/app/frameworks",
        Kind::Control => "/app/controls",
        Kind::Risk => "/app/risks",
        Kind::Assessment => "/app/assessments",
        Kind::Exception => "/app/exceptions",
        Kind::MonitorDefinition | Kind::MonitorRun | Kind::MonitorRunItem => "/app/monitor-definitions",
        Kind::Indicator | Kind::Measurement => "/app/indicators",
        Kind::Asset | Kind::CustodyAssignment => "/app/assets",
        Kind::Engagement | Kind::DueDiligenceReview => "/app/engagements",
        Kind::ChangeRequest | Kind::ConfigurationBaseline | Kind::Release | Kind::SystemAcceptance => {
            "/app/change-requests"
        }
        Kind::Vulnerability | Kind::VulnerabilityAssessment | Kind::PatchRequirement => "/app/vulnerabilities",
        _ => "/app",
    }
}
