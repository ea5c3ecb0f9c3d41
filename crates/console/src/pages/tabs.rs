//! The lists that belong together, as tabs above each of them.

use kernel::Kind;
use maud::Markup;

use crate::components::{NONE, tabs};

/// The lists of one section of the rail: the name of the group, and the address and the title of each list.
struct Lists {
    label: &'static str,
    links: &'static [(&'static str, &'static str)],
}

const EVIDENCE: Lists = Lists {
    label: "Lists of evidence",
    links: &[
        ("/app/evidence", "To review"),
        ("/app/evidence-claims", "All claims"),
        ("/app/evidence-requirements", "Requirements"),
    ],
};

const SUBMISSIONS: Lists = Lists {
    label: "Lists of submissions",
    links: &[
        ("/app/submissions", "Calendar"),
        ("/app/submission-packages", "All packages"),
        ("/app/submission-requirements", "Requirements"),
    ],
};

/// The sections whose lists are all registers.
const OF_REGISTERS: &[Lists] = &[
    Lists {
        label: "Lists of frameworks",
        links: &[
            ("/app/frameworks", "Frameworks"),
            ("/app/framework-versions", "Versions"),
            ("/app/framework-nodes", "Requirements"),
            ("/app/coverage-links", "Coverage"),
        ],
    },
    Lists {
        label: "Lists of monitoring",
        links: &[
            ("/app/monitor-definitions", "Monitors"),
            ("/app/monitor-runs", "Runs"),
            ("/app/monitor-run-items", "Results"),
        ],
    },
    Lists {
        label: "Lists of indicators",
        links: &[("/app/indicators", "Indicators"), ("/app/measurements", "Measurements")],
    },
    Lists { label: "Lists of assets", links: &[("/app/assets", "Assets"), ("/app/custody-assignments", "Custody")] },
    Lists {
        label: "Lists of engagements",
        links: &[("/app/engagements", "Engagements"), ("/app/due-diligence-reviews", "Due diligence")],
    },
    Lists {
        label: "Lists of changes",
        links: &[
            ("/app/change-requests", "Change requests"),
            ("/app/configuration-baselines", "Baselines"),
            ("/app/releases", "Releases"),
            ("/app/system-acceptances", "Acceptances"),
        ],
    },
    Lists {
        label: "Lists of vulnerabilities",
        links: &[
            ("/app/vulnerabilities", "Vulnerabilities"),
            ("/app/vulnerability-assessments", "Assessments"),
            ("/app/patch-requirements", "Patches"),
        ],
    },
];

impl Lists {
    fn tabs(&self, current: &str) -> Markup {
        tabs(self.label, self.links, current)
    }
}

/// The tabs of evidence, at this address.
pub(crate) fn evidence_tabs(current: &str) -> Markup {
    EVIDENCE.tabs(current)
}

/// The tabs of submissions, at this address.
pub(crate) fn submission_tabs(current: &str) -> Markup {
    SUBMISSIONS.tabs(current)
}

/// The tabs above the list of a register at this address.
pub(super) fn tabs_of(kind: Kind, path: &str) -> Markup {
    match kind {
        Kind::EvidenceClaim | Kind::EvidenceRequirement => evidence_tabs(path),
        Kind::SubmissionPackage | Kind::SubmissionRequirement => submission_tabs(path),
        _ => OF_REGISTERS
            .iter()
            .find(|lists| lists.links.iter().any(|(address, _)| *address == path))
            .map_or(NONE, |lists| lists.tabs(path)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::surface::route_table;

    #[test]
    fn every_tab_leads_to_a_page() {
        let all = [EVIDENCE, SUBMISSIONS];
        for (address, title) in all.iter().chain(OF_REGISTERS).flat_map(|lists| lists.links) {
            assert!(route_table().iter().any(|operation| operation.path == *address), "{title}: {address}");
        }
    }

    #[test]
    fn the_lists_of_a_section_lead_to_each_other() {
        let html = tabs_of(Kind::Release, "/app/releases").into_string();
        assert!(html.contains("<a href=\"/app/releases\" aria-current=\"page\">Releases</a>"), "{html}");
        assert!(html.contains("href=\"/app/change-requests\""), "{html}");
        assert!(tabs_of(Kind::Risk, "/app/risks").into_string().is_empty());
    }
}
