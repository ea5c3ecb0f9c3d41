//! The frame of a page: the rail with all sections, the bar with the way back and the person's menu, and the foot.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::{Icon, avatar};
use crate::{
    assets::{ICON, SCRIPT, STYLESHEET},
    navigation::{GROUPS, Group, Section, is_open_to},
    viewer::{Theme, Viewer},
};

/// The properties of a page beside its content.
#[derive(Clone, Debug, Default)]
pub(crate) struct Head<'p> {
    /// The title of the browser's window, without workspace and product.
    pub(crate) title: &'p str,
    /// The address of the section in the rail that the page belongs to.
    pub(crate) section: &'p str,
    /// The pages above this one, with their addresses, the uppermost first.
    pub(crate) above: &'p [(&'p str, &'p str)],
    /// Whether the page shows what is wrong with what was sent.
    pub(crate) has_problem: bool,
    /// Whether the page is one column that is easy to read: a form or a message.
    pub(crate) is_narrow: bool,
}

/// The whole page of a person who is signed in.
pub(crate) fn page(viewer: &Viewer, head: &Head<'_>, content: &Markup) -> Markup {
    let title =
        format!("{}{} · {} · Novantra", if head.has_problem { "Error: " } else { "" }, head.title, viewer.workspace);
    let body = html! {
        div.app {
            (rail(viewer, head.section))
            div.main {
                (bar(viewer, head))
                main.page.narrow[head.is_narrow] #main tabindex="-1" { (content) }
                footer.foot {
                    span { "Novantra " (env!("CARGO_PKG_VERSION")) }
                    span { "Times in " (viewer.zone.name()) }
                }
            }
        }
    };
    document(&title, viewer.theme, &body)
}

/// The page of a person who is not signed in: a box without the rail.
pub(crate) fn gate(title: &str, has_problem: bool, content: &Markup) -> Markup {
    gate_of("box", title, has_problem, content)
}

/// The page of a person who is not signed in, with room for a long form.
pub(crate) fn wide_gate(title: &str, has_problem: bool, content: &Markup) -> Markup {
    gate_of("box wide", title, has_problem, content)
}

fn gate_of(class: &str, title: &str, has_problem: bool, content: &Markup) -> Markup {
    let title = format!("{}{title} · Novantra", if has_problem { "Error: " } else { "" });
    let body = html! {
        div.gate {
            header { span.brand { (mark()) "Novantra" } }
            main #main tabindex="-1" { div class=(class) { (content) } }
            footer.foot { span { "Novantra " (env!("CARGO_PKG_VERSION")) } }
        }
    };
    document(&title, Theme::Device, &body)
}

fn document(title: &str, theme: Theme, body: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en-US" data-theme=[theme.attribute()] {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { (title) }
                link rel="icon" type="image/svg+xml" href=(ICON.path);
                link rel="stylesheet" href=(STYLESHEET.path);
                script src=(SCRIPT.path) defer {}
            }
            body {
                a.skip href="#main" { "Skip to the content" }
                (body)
                div #live .vh role="status" aria-live="polite" {}
            }
        }
    }
}

fn mark() -> Markup {
    html! {
        svg.mark viewBox="0 0 24 24" aria-hidden="true" {
            rect.m1 width="24" height="24" rx="6.500" {}
            path.m2 d="M7.500 17V7.250L16.500 17V7.250" {}
        }
    }
}

fn rail(viewer: &Viewer, current: &str) -> Markup {
    html! {
        nav.rail #rail popover="auto" aria-label="Main" {
            div.brand {
                a.brand href="/app" { (mark()) "Novantra" }
                button.btn.quiet.close type="button" popovertarget="rail" popovertargetaction="hide" {
                    (Icon::Close) span.vh { "Close the menu" }
                }
            }
            p.workspace { b { (viewer.workspace) } span { (viewer.workspace_slug) } }
            @for group in GROUPS { (rail_group(viewer, group, current)) }
        }
    }
}

/// The sections of a group that exist and are open to the viewer.
fn rail_group(viewer: &Viewer, group: &Group, current: &str) -> Markup {
    let sections: Vec<&Section> =
        group.sections.iter().filter(|section| is_open_to(viewer.role, section.href)).collect();
    if sections.is_empty() {
        return NONE;
    }
    let id = group.heading.map(|heading| format!("nav-{}", heading.to_lowercase()));
    html! {
        div.nav-group {
            @if let (Some(heading), Some(id)) = (group.heading, &id) { h2 id=(id) { (heading) } }
            ul aria-labelledby=[id.as_deref()] {
                @for section in sections { li { (rail_entry(section, section.href == current)) } }
            }
        }
    }
}

fn rail_entry(section: &Section, is_current: bool) -> Markup {
    html! {
        a href=(section.href) aria-current=[is_current.then_some("page")] { (section.icon) (section.title) }
    }
}

fn bar(viewer: &Viewer, head: &Head<'_>) -> Markup {
    html! {
        header.bar-top {
            button.btn.quiet.menu-btn type="button" popovertarget="rail" { (Icon::Menu) span.vh { "Menu" } }
            nav.crumbs aria-label="Breadcrumb" {
                ol {
                    @for (title, href) in head.above { li { a dir="auto" href=(href) { (title) } } }
                    li { span dir="auto" aria-current="page" { (own_crumb(head)) } }
                }
            }
            form.jump role="search" action="/app/go" {
                (Icon::Search)
                label.vh for="jump" { "Search, or go to a key or an id" }
                input #jump name="q" placeholder="Search or go to  ( / )" autocomplete="off" spellcheck="false";
            }
            details.pop.right.dots name="pop" {
                summary { (avatar(&viewer.name)) span.user-name { (viewer.name) } span.vh { "Your account" } }
                div.sheet {
                    a href="/app/account" { (Icon::Account) "Your account and sessions" }
                    a href="/app/account#appearance" { (Icon::Moon) "Appearance: " (appearance(viewer.theme)) }
                    hr;
                    form method="post" action="/app/sign-out" {
                        (form_token(viewer))
                        button.btn.quiet.sm { (Icon::SignOut) "Sign out" }
                    }
                }
            }
        }
    }
}

/// The title of the page in the breadcrumb, without the name of the page above: "Edit" instead of "Edit Tape library".
fn own_crumb<'p>(head: &Head<'p>) -> &'p str {
    let above =
        head.above.last().and_then(|(title, _)| head.title.strip_suffix(title)).unwrap_or(head.title).trim_end();
    let shorter = [" of", " to", " from", " for"].iter().find_map(|word| above.strip_suffix(word)).unwrap_or(above);
    if shorter.is_empty() { head.title } else { shorter }
}

const fn appearance(theme: Theme) -> &'static str {
    match theme {
        Theme::Device => "as the device",
        Theme::Light => "light",
        Theme::Dark => "dark",
    }
}

/// The hidden field that shows that a form was made by this server for this session.
pub(crate) fn form_token(viewer: &Viewer) -> Markup {
    html! { input type="hidden" name="formToken" value=(viewer.form_token); }
}

/// The heading of a page with what belongs beside it.
pub(crate) fn heading(title: &str, below: &Markup, actions: &Markup) -> Markup {
    let has_actions = !actions.0.is_empty();
    html! {
        div.head {
            div { h1 { bdi { (title) } } (below) }
            @if has_actions { div.actions { (actions) } }
        }
    }
}

/// Nothing.
pub(crate) const NONE: Markup = PreEscaped(String::new());

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_breadcrumb_does_not_repeat_the_page_above() {
        let crumb = |title, above: &[(&str, &str)]| own_crumb(&Head { title, above, ..Head::default() }).to_owned();
        let above = [("Assets", "/app/assets"), ("Tape library", "/app/assets/1")];
        assert_eq!(crumb("Edit Tape library", &above), "Edit");
        assert_eq!(crumb("Change the limits of Tape library", &above), "Change the limits");
        assert_eq!(crumb("Secret", &above), "Secret");
        assert_eq!(crumb("Tape library", &above), "Tape library");
        assert_eq!(crumb("Assets", &[]), "Assets");
    }
}
