//! The filters of the audit log, in the words of the API.

use std::{collections::BTreeSet, time::Duration};

use audit::AuditFilter;
use http_api::request::Query;
use kernel::{Reference, Timestamp};
use maud::{Markup, html};
use serde_json::Value;

use super::LIST;
use crate::components::{Icon, submit_in_row};

/// The periods that the list can be restricted to: their names in the address, their words, and their lengths in hours.
const PERIODS: [(&str, &str, u64); 4] = [
    ("hour", "Last hour", 1),
    ("day", "Last 24 hours", 24),
    ("week", "Last 7 days", 7 * 24),
    ("month", "Last 30 days", 30 * 24),
];

/// The filters of texts: their names in the address, and their words.
const TEXTS: [(&str, &str); 3] = [("action", "Action"), ("actorId", "Actor id"), ("subjectId", "Subject id")];

/// The actions that the field for them suggests.
const ACTIONS: [&str; 14] = [
    "finding.created",
    "finding.updated",
    "finding.event_recorded",
    "finding.batch_written",
    "evidence_claim.approved",
    "evidence_claim.rejected",
    "token.issued",
    "service_account.created",
    "service_account.rotated",
    "service_account.disabled",
    "webhook_subscription.created",
    "webhook_delivery.redelivered",
    "user.signed_in",
    "user.sign_in_failed",
];

/// The chosen filters, by their names, as they stand in the address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Chosen(Vec<(&'static str, String)>);

impl Chosen {
    /// Reads the filters from the pairs of a query. Others and empty ones are left out.
    pub(super) fn read(pairs: &[(String, String)]) -> Self {
        let names = TEXTS.iter().map(|(name, _)| *name).chain(["time", "createdAfter", "createdBefore"]);
        let value = |name: &str| {
            let (_, value) = pairs.iter().find(|(key, _)| key == name)?;
            Some(value.trim().to_owned()).filter(|value| !value.is_empty())
        };
        Self(names.filter_map(|name| Some((name, value(name)?))).collect())
    }

    fn value(&self, name: &str) -> &str {
        self.0.iter().find(|(key, _)| *key == name).map_or("", |(_, value)| value)
    }

    /// Whether nothing is chosen.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The address of the list, or of its export, with the filters.
    pub(super) fn address(&self, path: &str, without: Option<&str>, more: Option<(&str, &str)>) -> String {
        let kept =
            self.0.iter().filter(|(name, _)| Some(*name) != without).map(|(name, value)| (*name, value.as_str()));
        let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(kept.chain(more)).finish();
        if query.is_empty() { path.to_owned() } else { format!("{path}?{query}") }
    }

    /// The earliest time of the chosen period.
    pub(super) fn since(&self, now: Timestamp) -> Option<Timestamp> {
        let (_, _, hours) = PERIODS.iter().find(|(name, _, _)| *name == self.value("time"))?;
        let length = Duration::from_secs(hours * 60 * 60);
        Some(Timestamp::from_millis(now.millis() - i64::try_from(length.as_millis()).unwrap_or(i64::MAX)))
    }
}

/// Whether a form has sent empty fields, which the address is better without.
pub(super) fn is_canonical(pairs: &[(String, String)]) -> bool {
    pairs.iter().all(|(_, value)| !value.is_empty())
}

/// Reads the filter of the log, and takes the period from the query.
pub(super) fn read(query: &mut Query<'_>) -> AuditFilter {
    let _: Option<String> = query.optional(
        "time",
        "",
        || Value::Null,
        |text| {
            let is_offered = PERIODS.iter().any(|(name, _, _)| *name == text);
            if is_offered { Ok(text.to_owned()) } else { Err("must be hour, day, week or month") }
        },
    );
    let mut texts = |name| -> BTreeSet<String> {
        query.choices(
            name,
            "",
            || Value::Null,
            |text| Reference::parse(text.trim()).map(|text| text.as_str().to_owned()),
        )
    };
    AuditFilter { actions: texts("action"), actors: texts("actorId"), subjects: texts("subjectId") }
}

/// The form with the filters, and the chosen ones as chips that can be removed.
pub(super) fn form(chosen: &Chosen) -> Markup {
    let period = PERIODS.iter().find(|(name, _, _)| *name == chosen.value("time"));
    html! {
        div.stack {
            form.filters method="get" action=(LIST) aria-label="Filter the audit log" {
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
                @for (name, word) in TEXTS {
                    label.vh for=(name) { (word) }
                    input.in.sm.m.subj id=(name) name=(name) value=(chosen.value(name)) placeholder=(word)
                        list=[(name == "action").then_some("actions")] size="18" autocomplete="off" spellcheck="false";
                }
                datalist #actions { @for action in ACTIONS { option value=(action) {} } }
                @for name in ["createdAfter", "createdBefore"] {
                    @if !chosen.value(name).is_empty() { input type="hidden" name=(name) value=(chosen.value(name)); }
                }
                (submit_in_row("Filter"))
            }
            @if !chosen.is_empty() {
                div.chips {
                    span { "Showing" }
                    @for (name, value) in &chosen.0 {
                        a.chip href=(chosen.address(LIST, Some(name), None)) {
                            (Icon::Close)
                            span { span.vh { "Remove: " } (word_of(name)) " " (value_in_words(name, value)) }
                        }
                    }
                    a href=(LIST) { "Clear all" }
                }
            }
        }
    }
}

fn word_of(name: &str) -> String {
    match name {
        "createdAfter" => "since".to_owned(),
        "createdBefore" => "before".to_owned(),
        _ => {
            TEXTS.iter().find(|(key, _)| *key == name).map_or_else(|| name.to_owned(), |(_, word)| word.to_lowercase())
        }
    }
}

fn value_in_words(name: &str, value: &str) -> String {
    let period = PERIODS.iter().find(|(period, _, _)| name == "time" && *period == value);
    period.map_or_else(|| value.replace(',', " or "), |(_, word, _)| word.to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(pairs: &[(&str, &str)]) -> Chosen {
        Chosen::read(&pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect::<Vec<_>>())
    }

    #[test]
    fn the_address_has_the_filters_without_the_removed_one() {
        let chosen =
            chosen(&[("action", "finding.created"), ("actorId", " svc_1 "), ("other", "x"), ("subjectId", "")]);
        assert_eq!(chosen.address(LIST, None, None), "/app/audit?action=finding.created&actorId=svc_1");
        assert_eq!(chosen.address(LIST, Some("action"), Some(("cursor", "c"))), "/app/audit?actorId=svc_1&cursor=c");
        assert_eq!(Chosen::default().address(LIST, None, None), "/app/audit");
    }

    #[test]
    fn a_period_ends_now() {
        let now = Timestamp::from_millis(10 * 3_600_000);
        assert_eq!(chosen(&[("time", "hour")]).since(now), Some(Timestamp::from_millis(9 * 3_600_000)));
        assert_eq!(chosen(&[("time", "ever")]).since(now), None);
    }

    #[test]
    fn what_was_typed_is_inert() {
        let html = form(&chosen(&[("action", "\"><script>alert(1)</script>")])).into_string();
        assert!(!html.contains("<script"), "{html}");
    }
}
