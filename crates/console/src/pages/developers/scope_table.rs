//! The scopes as a form offers them: a row for each resource, and presets for what programs usually do.

use maud::{Markup, html};
use scopes::{Scope, ScopeSet};

use super::account_state::is_read;
use crate::{
    components::{Icon, dotted},
    words::{sentence, words},
};

/// Scopes that are often granted together.
pub(super) struct Preset {
    /// Its name in the address.
    pub(super) name: &'static str,
    title: &'static str,
    /// The use of it, in words.
    meaning: &'static str,
    scopes: fn() -> ScopeSet,
}

/// The presets, in the order of the form.
pub(super) const PRESETS: &[Preset] = &[
    Preset {
        name: "push-findings",
        title: "Push findings",
        meaning: "For scanners: records findings and changes them, singly or 500 at a time, and reads those that exist, so that a scan changes the ones of the scan before.",
        scopes: || ScopeSet::from_iter([Scope::FindingsRead, Scope::FindingsWrite]),
    },
    Preset {
        name: "mirror-findings",
        title: "Mirror findings",
        meaning: "For ticket systems: reads findings, reports what happened to them, and is notified of changes.",
        scopes: || ScopeSet::from_iter([Scope::FindingsRead, Scope::FindingsWrite, Scope::WebhooksManage]),
    },
    Preset {
        name: "collect-evidence",
        title: "Collect evidence",
        meaning: "For collectors: reads what evidence is required for which controls and assets, and uploads it. It cannot approve it.",
        scopes: || {
            ScopeSet::from_iter([Scope::EvidenceRead, Scope::EvidenceWrite, Scope::ControlsRead, Scope::AssetsRead])
        },
    },
    Preset {
        name: "pull-everything",
        title: "Pull everything",
        meaning: "For warehouses and reports: reads all registers, and changes nothing. The audit log is left out.",
        scopes: || Scope::ALL.iter().copied().filter(|scope| is_read(*scope) && *scope != Scope::AuditRead).collect(),
    },
    Preset {
        name: "feed-a-siem",
        title: "Feed a SIEM",
        meaning: "For security monitoring: reads the audit log, with every call and change of everyone.",
        scopes: || ScopeSet::from_iter([Scope::AuditRead]),
    },
];

/// Returns the scopes of the preset with this name; none if there is none.
pub(super) fn preset_scopes(name: &str) -> ScopeSet {
    PRESETS.iter().find(|preset| preset.name == name).map_or(ScopeSet::EMPTY, |preset| (preset.scopes)())
}

/// The buttons of a form that tick the scopes of a preset, and what the chosen one means. They send the form to this
/// address, with what was typed.
pub(super) fn presets(address: &str, chosen: &str) -> Markup {
    let current = PRESETS.iter().find(|preset| preset.name == chosen);
    html! {
        div.row.small {
            span.soft { "Start from" }
            @for preset in PRESETS {
                button.chip.bare formaction=(address) name="preset" value=(preset.name) title=(preset.meaning) aria-current=[(preset.name == chosen).then_some("true")] { (preset.title) }
            }
            button.chip.bare formaction=(address) name="preset" value="" aria-current=[current.is_none().then_some("true")] { "Nothing" }
        }
        @if let Some(preset) = current { p.small.soft { (preset.meaning) } }
    }
}

/// The scopes of one resource.
struct Resource {
    name: &'static str,
    read: Option<Scope>,
    write: Option<Scope>,
}

impl Resource {
    fn title(&self) -> String {
        let name = self.name.rsplit_once('.').map_or(self.name, |(_, name)| name);
        sentence(name)
    }

    const fn area(&self) -> usize {
        match (self.read, self.write) {
            (Some(Scope::OrganizationRead | Scope::AuditRead), _) | (_, Some(Scope::WebhooksManage)) => 2,
            (_, None) => 1,
            _ => 0,
        }
    }
}

/// The resources, in the order of the catalogue.
fn resources() -> Vec<Resource> {
    let mut resources: Vec<Resource> = Vec::new();
    for scope in Scope::ALL.iter().copied() {
        let name = scope.name().split_once(':').map_or(scope.name(), |(name, _)| name);
        if resources.iter().all(|resource| resource.name != name) {
            resources.push(Resource { name, read: None, write: None });
        }
        if let Some(resource) = resources.iter_mut().find(|resource| resource.name == name) {
            if is_read(scope) { resource.read = Some(scope) } else { resource.write = Some(scope) }
        }
    }
    resources
}

const AREAS: [Option<&str>; 3] = [None, Some("Registers, read only"), Some("Workspace")];

/// The table of all scopes, each with a box to tick.
pub(super) fn scope_table(chosen: ScopeSet, error: Option<&str>) -> Markup {
    const LABEL: &str = "Scopes, with a column for reading and one for writing";
    let resources = resources();
    html! {
        div.f.err[error.is_some()] #scopes {
            @if let Some(error) = error {
                span.msg id="scopes-e" { (Icon::AlertCircle) span { span.vh { "Error: " } (error) } }
            }
            div.card {
                div.tbl role="group" aria-label=(LABEL) tabindex="0" {
                    table.scope-t.plain.cards role="table" {
                        caption.vh { (LABEL) }
                        thead role="rowgroup" {
                            tr role="row" {
                                th.p scope="col" role="columnheader" { "Resource" }
                                th scope="col" role="columnheader" { "Read" }
                                th scope="col" role="columnheader" { "Write" }
                            }
                        }
                        tbody role="rowgroup" {
                            @for (area, title) in AREAS.into_iter().enumerate() {
                                @if let Some(title) = title {
                                    tr.area role="row" { th.p scope="row" colspan="3" role="rowheader" { (title) } }
                                }
                                @for resource in resources.iter().filter(|resource| resource.area() == area) {
                                    tr role="row" {
                                        th.p scope="row" role="rowheader" { b { (resource.title()) } }
                                        (cell(resource.read, chosen))
                                        (cell(resource.write, chosen))
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

fn cell(scope: Option<Scope>, chosen: ScopeSet) -> Markup {
    let Some(scope) = scope else {
        return html! { td.gone role="cell" { span.muted.small { "Not offered" } } };
    };
    let id = format!("s-{}", words(scope.name()).replace(['.', ':', ' '], "-"));
    html! {
        td role="cell" {
            div.check {
                input type="checkbox" id=(id) name="scope" value=(scope.name()) checked[chosen.contains(scope)] aria-describedby={ (id) "-h" };
                label for=(id) { code { (dotted(scope.name())) } }
                span.hint id={ (id) "-h" } { (hint(scope)) }
            }
        }
    }
}

/// Describes what the scope allows, with what an administrator should consider before granting it.
fn hint(scope: Scope) -> String {
    let more = match scope {
        Scope::AuditRead => " It has every call and change of everyone: give it to a SIEM only.",
        Scope::WebhooksManage => " Each event also needs the read scope of what it is about.",
        Scope::EvidenceWrite => " It cannot approve them.",
        _ => "",
    };
    format!("{}{more}", scope.description())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_offers_every_scope_once() {
        let html = scope_table(ScopeSet::EMPTY, None).into_string();
        for scope in Scope::ALL {
            assert_eq!(html.matches(&format!("value=\"{scope}\"")).count(), 1, "{scope}");
        }
        assert!(!html.contains("checked"));
    }

    #[test]
    fn the_chosen_scopes_are_ticked() {
        let html = scope_table(preset_scopes("mirror-findings"), None).into_string();
        assert_eq!(html.matches(" checked").count(), 3);
    }

    #[test]
    fn presets_grant_no_more_than_they_say() {
        assert!(preset_scopes("unknown").is_empty());
        let pull = preset_scopes("pull-everything");
        assert!(pull.iter().all(is_read) && !pull.contains(Scope::AuditRead));
        let push = ScopeSet::from_iter([Scope::FindingsRead, Scope::FindingsWrite]);
        assert_eq!(preset_scopes("push-findings"), push, "as the guide to pushing a scan says");
    }
}
