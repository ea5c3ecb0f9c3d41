//! The coverage of a requirement by the records that its links name, and whether these exist and are in force.

use std::collections::BTreeSet;

use http_api::{pipeline::App, response::Problem};
use kernel::{OrganizationId, Stored};
use maud::{Markup, html};
use registers::{Coverage, CoverageLink, TargetKind};

use crate::{
    components::status,
    pages::references::{MAX_NAMES, load_names},
    registers::{RecordName, RecordNames},
    words::{sentence, words},
};

/// The statuses of records that nobody works by, yet or any more.
const NOT_IN_FORCE: [&str; 18] = [
    "pending",
    "onboarding",
    "suspended",
    "closed",
    "draft",
    "planned",
    "proposed",
    "prospective",
    "paused",
    "retired",
    "archived",
    "superseded",
    "withdrawn",
    "rejected",
    "expired",
    "revoked",
    "terminated",
    "disposed",
];

/// The target of a link.
#[derive(Clone, Copy, Debug)]
enum Target<'n> {
    /// A record of the workspace.
    Record(&'n RecordName),
    /// A record that the workspace ought to have, and does not.
    Missing,
    /// A thing in another system.
    External,
}

impl<'n> Target<'n> {
    fn of(link: &CoverageLink, names: &'n RecordNames) -> Self {
        if let Some(name) = names.get(link.target_resource_id.as_str()) {
            return Self::Record(name);
        }
        match TargetKind::find(link.target_module_key.as_str(), link.target_resource_type.as_str()) {
            Ok(None) => Self::External,
            Ok(Some(_)) | Err(_) => Self::Missing,
        }
    }

    /// The status of a record that is not in force.
    fn not_in_force(self) -> Option<&'n str> {
        match self {
            Self::Record(name) => name.status.as_deref().filter(|status| NOT_IN_FORCE.contains(status)),
            Self::Missing | Self::External => None,
        }
    }
}

/// Loads the names of the targets of links.
///
/// # Errors
/// The error response if the store fails.
pub(super) async fn load_targets<'l>(
    app: &App,
    organization: OrganizationId,
    links: impl Iterator<Item = &'l CoverageLink>,
) -> Result<RecordNames, Problem> {
    let ids: BTreeSet<String> = links.map(|link| link.target_resource_id.to_string()).collect();
    let mut targets = RecordNames::default();
    for ids in ids.into_iter().collect::<Vec<_>>().chunks(MAX_NAMES) {
        targets.extend(load_names(app, organization, &ids.iter().cloned().collect()).await?);
    }
    Ok(targets)
}

/// Whether the target of a link covers now: it is a record in force, or a thing in another system.
pub(super) fn is_in_force(link: &CoverageLink, names: &RecordNames) -> bool {
    let target = Target::of(link, names);
    !matches!(target, Target::Missing) && target.not_in_force().is_none()
}

/// The coverage by these links: full if one of them is. Links to records that do not exist cover nothing, and where only
/// records cover that are not in force, their status stands beside it.
pub(super) fn coverage<'l>(links: impl Iterator<Item = &'l Stored<CoverageLink>>, names: &RecordNames) -> Markup {
    let (mut in_force, mut others, mut is_missing) = (Vec::new(), Vec::new(), false);
    for link in links {
        let target = Target::of(&link.record, names);
        match (target, target.not_in_force()) {
            (Target::Missing, _) => is_missing = true,
            (_, Some(status)) => others.push((link.record.coverage, status)),
            (_, None) => in_force.push(link.record.coverage),
        }
    }
    let is_full = |coverage: &Coverage| *coverage == Coverage::Full;
    let best = others.iter().find(|(coverage, _)| is_full(coverage)).or(others.first());
    html! {
        @if in_force.iter().any(is_full) { span.b.good { "Full" } }
        @else if !in_force.is_empty() { span.b.warn { "Partial" } }
        @else if let Some((coverage, status)) = best {
            span.b.warn { (sentence(coverage.name())) ", only " (words(status)) }
        }
        @else if is_missing { span.b.bad { "Target missing" } }
        @else { (status("none")) }
    }
}

/// One link: what covers, how far, and whether that is in force.
pub(super) fn covering(link: &CoverageLink, names: &RecordNames) -> Markup {
    let target = Target::of(link, names);
    let (kind, id) = (sentence(link.target_resource_type.as_str()), link.target_resource_id.as_str());
    html! {
        @match target {
            Target::Record(name) => { (name.link()) },
            Target::External => { span { (kind) " " span.key { (id) } } span.small.muted { "in " (link.target_module_key.as_str()) } },
            Target::Missing => { span { (kind) " " span.key { (id) } } span.b.bad { "Does not exist" } },
        }
        @if !matches!(target, Target::Missing) {
            @if link.coverage == Coverage::Full { span.b.good { "Full" } } @else { span.b.warn { "Partial" } }
        }
        @if let Some(name) = target.not_in_force() { (status(name)) }
    }
}
