//! The recipients of submissions, whom their requirements name.

use std::collections::{BTreeMap, BTreeSet};

use http_api::{pipeline::App, request::ApiRequest, response::Problem};
use kernel::{Filter, Id, PageLimit, PageRequest, Reader, Stored};
use maud::{Markup, html};
use submissions::{SubmissionPackage, SubmissionRequirement};

use crate::components::NONE;

/// The name of the filter by a recipient.
pub(super) const RECIPIENT: &str = "recipient";

/// The most pages of requirements that are read.
const MAX_PAGES: usize = 5;

/// The most requirements of one recipient whose packages are looked for.
const MAX_REQUIREMENTS: usize = 100;

/// The recipients of the submissions of a workspace.
pub(super) struct Recipients(BTreeMap<Id<SubmissionRequirement>, String>);

impl Recipients {
    /// Loads the recipients that the newest 1,000 requirements name.
    ///
    /// # Errors
    /// The error response if the store fails.
    pub(super) async fn load(app: &App, request: &ApiRequest) -> Result<Self, Problem> {
        let organization = request.principal()?.organization();
        let mut page = PageRequest { limit: PageLimit::clamped(u64::from(PageLimit::MAX)), ..PageRequest::default() };
        let mut names = BTreeMap::new();
        for _ in 0..MAX_PAGES {
            let filter = Filter::<SubmissionRequirement>::default();
            let listed =
                Reader::<SubmissionRequirement>::list(&*app.services.store, organization, &filter, &page).await?;
            let named =
                listed.items.into_iter().filter_map(|stored| Some((stored.meta.id, stored.record.recipient_name?)));
            names.extend(named.map(|(id, name)| (id, name.to_string())));
            page.after = listed.next;
            if page.after.is_none() {
                break;
            }
        }
        Ok(Self(names))
    }

    /// The recipient of a package.
    pub(super) fn of(&self, package: &Stored<SubmissionPackage>) -> Option<&str> {
        self.0.get(&package.record.submission_requirement_id).map(String::as_str)
    }

    /// The requirements with this recipient.
    pub(super) fn requirements(&self, name: &str) -> Vec<Id<SubmissionRequirement>> {
        self.0.iter().filter(|(_, recipient)| *recipient == name).map(|(id, _)| *id).take(MAX_REQUIREMENTS).collect()
    }

    /// The form in which one of them is chosen.
    pub(super) fn filter(&self, chosen: Option<&str>) -> Markup {
        let names: BTreeSet<&str> = self.0.values().map(String::as_str).chain(chosen).collect();
        if names.is_empty() {
            return NONE;
        }
        html! {
            form.filters method="get" action="/app/submissions" aria-label="Filter the submissions" {
                div.f {
                    label for=(RECIPIENT) { "Recipient" }
                    select.in.sm id=(RECIPIENT) name=(RECIPIENT) {
                        option value="" selected[chosen.is_none()] { "All recipients" }
                        @for name in names { option value=(name) selected[chosen == Some(name)] { (name) } }
                    }
                }
                button.btn.sm { "Show" }
                @if chosen.is_some() { a.btn.quiet.sm href="/app/submissions" { "All recipients" } }
            }
        }
    }
}
