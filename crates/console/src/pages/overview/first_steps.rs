//! The first steps in a workspace that has nothing to show yet.

use auth::Permission;
use maud::{Markup, html};

use super::numbers::OverviewData;
use crate::{
    components::{Icon, NONE, card},
    viewer::Viewer,
};

/// A step: the permission that it needs, its address, its words and its icon.
const STEPS: [(Permission, &str, &str, &str, Icon); 4] = [
    (
        Permission::ManageIntegrations,
        "/app/developers/api/credentials/new",
        "Make a service account",
        "A scanner or a backup job pushes findings and evidence with it.",
        Icon::Key,
    ),
    (
        Permission::ImportRecords,
        "/app/import",
        "Import a table",
        "Risks, controls or assets that you have in a spreadsheet.",
        Icon::Upload,
    ),
    (
        Permission::ChangeRecords,
        "/app/risks/new",
        "Record the first risk",
        "Or a control, an asset or a finding: each register has its own form.",
        Icon::Plus,
    ),
    (
        Permission::ManagePeople,
        "/app/people/invite",
        "Invite somebody",
        "A lead decides on evidence, an auditor reads everything and changes nothing.",
        Icon::People,
    ),
];

/// The steps that this person may take, if the workspace has nothing to count yet.
pub(super) fn first_steps(viewer: &Viewer, data: &OverviewData) -> Markup {
    let steps: Vec<_> = STEPS.iter().filter(|(permission, ..)| viewer.role.permits(*permission)).collect();
    if steps.is_empty() || !data.is_empty() {
        return NONE;
    }
    card(
        "first-steps",
        "First steps",
        &NONE,
        &html! {
            div.body {
                ol.tl {
                    @for (_, href, title, text, icon) in steps {
                        li { span.dot.accent { (icon) } div { a.prime href=(href) { (title) } p.small.soft { (text) } } }
                    }
                }
            }
        },
    )
}
