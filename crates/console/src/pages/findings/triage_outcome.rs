//! The outcome of a triage in bulk, as the address of the page that shows it, so that it can be loaded again.

use findings::{Finding, Status};
use kernel::{Id, Ulid};

use super::life::status_named;
use crate::form_token::FormToken;

/// The address of the page.
pub(super) const RESULT: &str = "/app/findings/triage/result";

/// The name of the parameter that proves that this server made the address, for this session.
const PROOF: &str = "proof";

/// The reason why a finding was left unchanged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Failure {
    /// It had been changed since it was selected.
    Stale,
    /// Its status, which was this one, did not allow the chosen one.
    NotAllowed(Status),
}

/// The outcome of a triage.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct TriageOutcome {
    /// The status that was chosen.
    pub(super) to: Option<Status>,
    /// The findings that were changed.
    pub(super) changed: Vec<Id<Finding>>,
    /// Those that were left unchanged.
    pub(super) failed: Vec<(Id<Finding>, Failure)>,
    /// The filters of the list that the selection was made in.
    pub(super) back: String,
}

impl TriageOutcome {
    /// The address of the page that shows it.
    pub(super) fn address(&self, token: &FormToken) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        if let Some(to) = self.to {
            query.append_pair("to", to.name());
        }
        let mut append = |name: &str, ids: Vec<Id<Finding>>| {
            if !ids.is_empty() {
                let ulids: Vec<String> = ids.iter().map(|id| id.ulid().to_string()).collect();
                query.append_pair(name, &ulids.join("."));
            }
        };
        let failed = |failure: Failure| -> Vec<Id<Finding>> {
            self.failed.iter().filter(|(_, other)| *other == failure).map(|(id, _)| *id).collect()
        };
        append("changed", self.changed.clone());
        append("stale", failed(Failure::Stale));
        for status in Status::ALL {
            append(status.name(), failed(Failure::NotAllowed(*status)));
        }
        if !self.back.is_empty() {
            query.append_pair("back", &self.back);
        }
        let query = query.finish();
        let proof = token.proof_of(&query);
        format!("{RESULT}?{query}&{PROOF}={proof}")
    }

    /// Reads the outcome from the query of such an address; `None` if this server did not make it for this session.
    pub(super) fn read(query: &str, token: &FormToken) -> Option<Self> {
        let (query, proof) = query.rsplit_once(&format!("&{PROOF}="))?;
        if !token.proves(query, proof) {
            return None;
        }
        let mut outcome = Self::default();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            let ids = || value.split('.').filter_map(|ulid| Ulid::from_string(ulid).ok()).map(Id::new);
            match (name.as_ref(), status_named(&name)) {
                ("to", _) => outcome.to = status_named(&value),
                ("back", _) => outcome.back = value.into_owned(),
                ("changed", _) => outcome.changed.extend(ids()),
                ("stale", _) => outcome.failed.extend(ids().map(|id| (id, Failure::Stale))),
                (_, Some(from)) => outcome.failed.extend(ids().map(|id| (id, Failure::NotAllowed(from)))),
                _ => {}
            }
        }
        Some(outcome)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_outcome_is_read_from_its_address_only_with_the_proof_of_its_session() {
        let (token, other) = (FormToken::new([1; 32]), FormToken::new([2; 32]));
        let id = |number| Id::new(Ulid(number));
        let outcome = TriageOutcome {
            to: Some(Status::Triaged),
            changed: vec![id(1), id(2)],
            failed: vec![(id(3), Failure::Stale), (id(4), Failure::NotAllowed(Status::Verified))],
            back: "?severity=high&order=due".to_owned(),
        };
        let address = outcome.address(&token);
        let (path, query) = address.split_once('?').expect("a query");
        assert_eq!(path, RESULT);
        assert_eq!(TriageOutcome::read(query, &token), Some(outcome));
        assert_eq!(TriageOutcome::read(query, &other), None);
        assert_eq!(TriageOutcome::read(&query.replace("stale", "changed"), &token), None);
        assert_eq!(TriageOutcome::read("to=triaged", &token), None);
    }

    #[test]
    fn the_address_for_the_largest_selection_is_short_enough() {
        let changed = (0..200).map(|number| Id::new(Ulid(u128::MAX - number))).collect();
        let outcome = TriageOutcome { changed, back: "x".repeat(500), ..TriageOutcome::default() };
        assert!(outcome.address(&FormToken::new([1; 32])).len() < 8 * 1024);
    }
}
