//! The form with the filters of the audit log.

use maud::{Markup, html};

use super::{
    LIST, actions,
    filters::{CHANGES, Chosen, PERIODS, Resolved, TEXTS},
};
use crate::components::{Icon, submit_in_row};

/// The form with the filters, and the chosen ones as chips that can be removed.
pub(super) fn form(chosen: &Chosen, resolved: &Resolved) -> Markup {
    html! {
        div.stack {
            form.filters method="get" action=(LIST) aria-label="Filter the audit log" {
                (periods(chosen))
                @for (name, word) in TEXTS {
                    @let has_problem = resolved.problems.iter().any(|(field, _)| field == name);
                    label.vh for=(name) { (word) }
                    input.in.sm.m.subj id=(name) name=(name) value=(chosen.value(name)) placeholder=(word)
                        list=[(name == "action").then_some("actions")] size="18" autocomplete="off" spellcheck="false"
                        title=(explanation(name)) aria-invalid=[has_problem.then_some("true")];
                }
                datalist #actions { @for action in actions::all() { option value=(action) {} } }
                div.check {
                    input type="checkbox" id=(CHANGES.0) name=(CHANGES.0) value=(CHANGES.1) checked[!chosen.value(CHANGES.0).is_empty()];
                    label for=(CHANGES.0) { "Changes only" }
                }
                @for name in ["createdAfter", "createdBefore"] {
                    @if !chosen.value(name).is_empty() { input type="hidden" name=(name) value=(chosen.value(name)); }
                }
                (submit_in_row("Filter"))
            }
            @if !chosen.is_empty() {
                div.chips {
                    span { "Showing" }
                    @for (name, value) in chosen.all() {
                        a.chip href=(chosen.address(LIST, Some(name), None)) {
                            (Icon::Close)
                            span { span.vh { "Remove: " } (word_of(name)) " " (value_in_words(name, value, resolved)) }
                        }
                    }
                    a href=(LIST) { "Clear all" }
                }
            }
        }
    }
}

fn periods(chosen: &Chosen) -> Markup {
    let period = PERIODS.iter().find(|(name, _, _)| *name == chosen.value("time"));
    html! {
        details.pop.set[period.is_some()] name="pop" {
            summary { "Time" @if let Some((_, word, _)) = period { ": " span.v { (word) } } }
            div.sheet {
                fieldset {
                    legend.vh { "Time" }
                    @for (name, word, _) in PERIODS {
                        @let id = format!("t-{name}");
                        div.check {
                            input type="radio" id=(id) name="time" value=(name) checked[chosen.value("time") == name];
                            label for=(id) { (word) }
                        }
                    }
                }
                div.apply { button.btn.sm.primary { "Apply" } }
            }
        }
    }
}

fn explanation(name: &str) -> &'static str {
    match name {
        "action" => "The name of an action, such as service_account.rotated, or its beginning, such as service_account",
        "actorId" => {
            "The name, the e-mail address or the id of a person, or the name or the client id of a service account"
        }
        "subjectId" => "The key or the id of a record, or the name or the id of a person or a service account",
        _ => "The request id of an error, which begins with req_",
    }
}

fn word_of(name: &str) -> String {
    match name {
        "createdAfter" => "since".to_owned(),
        "createdBefore" => "before".to_owned(),
        name if name == CHANGES.0 => "changes".to_owned(),
        _ => {
            TEXTS.iter().find(|(key, _)| *key == name).map_or_else(|| name.to_owned(), |(_, word)| word.to_lowercase())
        }
    }
}

fn value_in_words(name: &str, value: &str, resolved: &Resolved) -> String {
    if let Some(named) = resolved.named.get(name) {
        return named.names.join(" or ");
    }
    let period = PERIODS.iter().find(|(period, _, _)| name == "time" && *period == value);
    period.map_or_else(|| value.replace(',', " or "), |(_, word, _)| word.to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_typed_is_inert() {
        let typed = [("action".to_owned(), "\"><script>alert(1)</script>".to_owned())];
        let html = form(&Chosen::read(&typed), &Resolved::default()).into_string();
        assert!(!html.contains("<script"), "{html}");
    }
}
