//! The filters of the audit log, in the words of the API; people, programs and records can also be named.

use std::{collections::BTreeMap, time::Duration};

use audit::AuditFilter;
use http_api::{
    pipeline::App,
    request::{ApiRequest, Query},
    response::Problem,
};
use kernel::{Id, RequestId, Timestamp};
use serde_json::Value;

use super::{
    actions,
    names::{self, Meant, Named},
    search::Wanted,
};

/// The periods that the list can be restricted to: their names in the address, their words, and their lengths in hours.
pub(super) const PERIODS: [(&str, &str, u64); 4] = [
    ("hour", "Last hour", 1),
    ("day", "Last 24 hours", 24),
    ("week", "Last 7 days", 7 * 24),
    ("month", "Last 30 days", 30 * 24),
];

/// The filters of texts: their names in the address, and their words.
pub(super) const TEXTS: [(&str, &str); 4] =
    [("action", "Action"), ("actorId", "Actor"), ("subjectId", "Subject"), ("requestId", "Request id")];

/// The filter for calls that changed something, and its only value.
pub(super) const CHANGES: (&str, &str) = ("changes", "only");

/// The longest text of a filter.
const MAX_TEXT: usize = 2_000;

/// The chosen filters, by their names, as they stand in the address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Chosen(Vec<(&'static str, String)>);

impl Chosen {
    /// Reads the filters from the pairs of a query. Others and empty ones are left out.
    pub(super) fn read(pairs: &[(String, String)]) -> Self {
        let names = TEXTS.iter().map(|(name, _)| *name).chain([CHANGES.0, "time", "createdAfter", "createdBefore"]);
        let value = |name: &str| {
            let (_, value) = pairs.iter().find(|(key, _)| key == name)?;
            Some(value.trim().to_owned()).filter(|value| !value.is_empty())
        };
        Self(names.filter_map(|name| Some((name, value(name)?))).collect())
    }

    /// The value of a filter; empty if it is not chosen.
    pub(super) fn value(&self, name: &str) -> &str {
        self.0.iter().find(|(key, _)| *key == name).map_or("", |(_, value)| value)
    }

    /// The chosen filters with their values.
    pub(super) fn all(&self) -> &[(&'static str, String)] {
        &self.0
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

/// The chosen filters as the store and the search have them.
#[derive(Debug, Default)]
pub(super) struct Resolved {
    pub(super) filter: AuditFilter,
    pub(super) wanted: Wanted,
    /// The people, programs and records that the filters name, by the names of the filters.
    pub(super) named: BTreeMap<&'static str, Named>,
    /// The problems of filters, by their names.
    pub(super) problems: Vec<(String, String)>,
}

/// Takes the filters from the query, so that only others are refused.
pub(super) fn take(query: &mut Query<'_>) {
    let mut one_of = |name, offered: &[&str], message: &'static str| {
        let _: Option<()> = query.optional(
            name,
            "",
            || Value::Null,
            |text| if offered.contains(&text) { Ok(()) } else { Err(message) },
        );
    };
    one_of("time", &PERIODS.map(|(name, _, _)| name), "must be hour, day, week or month");
    one_of(CHANGES.0, &[CHANGES.1], "must be only");
    for (name, _) in TEXTS {
        let read = |text: &str| if text.len() <= MAX_TEXT { Ok(()) } else { Err("is too long") };
        let _: Option<()> = query.optional(name, "", || Value::Null, read);
    }
}

/// Finds what the filters name.
///
/// # Errors
/// The error response if the store fails.
pub(super) async fn resolve(app: &App, request: &ApiRequest, chosen: &Chosen) -> Result<Resolved, Problem> {
    let organization = request.principal()?.organization();
    let mut resolved = Resolved::default();
    for action in chosen.value("action").split(',').map(str::trim).filter(|action| !action.is_empty()) {
        resolved.filter.actions.extend(actions::named_by(action));
    }
    for (name, meant) in [("actorId", Meant::Actors), ("subjectId", Meant::Subjects)] {
        if chosen.value(name).is_empty() {
            continue;
        }
        match names::find(app, organization, meant, chosen.value(name)).await? {
            Ok(named) => {
                let ids = match meant {
                    Meant::Actors => &mut resolved.filter.actors,
                    Meant::Subjects => &mut resolved.filter.subjects,
                };
                ids.extend(named.ids.iter().cloned());
                resolved.named.insert(name, named);
            }
            Err(problem) => resolved.problems.push((name.to_owned(), problem)),
        }
    }
    match chosen.value("requestId") {
        "" => {}
        text => match text.parse::<Id<RequestId>>() {
            Ok(id) => resolved.wanted.request = Some(id),
            Err(_) => {
                let problem = format!(
                    "“{text}” is no request id. One begins with req_, and stands on the page of each error and in the header X-Request-Id."
                );
                resolved.problems.push(("requestId".to_owned(), problem));
            }
        },
    }
    resolved.wanted.changes_only = !chosen.value(CHANGES.0).is_empty();
    Ok(resolved)
}

#[cfg(test)]
mod tests {
    use super::{super::LIST, *};

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
}
