//! The names of owners. An owner is a text of another system, or the identifier of a person of this workspace.

use std::collections::{BTreeMap, BTreeSet};

use auth::{User, UserId};
use http_api::{pipeline::App, response::Problem};
use kernel::{OrganizationId, Reader};
use maud::{Markup, html};

use crate::components::avatar;

/// The names of the owners that are people of this workspace, by their identifiers.
#[derive(Debug, Default)]
pub(crate) struct Owners(BTreeMap<String, String>);

impl Owners {
    /// Loads the names of these owners, of which there are at most as many as a page has records.
    ///
    /// # Errors
    /// The error response if the store fails.
    pub(crate) async fn load<'o>(
        app: &App,
        organization: OrganizationId,
        owners: impl Iterator<Item = &'o str>,
    ) -> Result<Self, Problem> {
        let ids: BTreeSet<UserId> = owners.filter_map(|owner| owner.parse().ok()).collect();
        let ids: Vec<UserId> = ids.into_iter().collect();
        let users = Reader::<User>::get_many(&*app.services.store, organization, &ids).await?;
        Ok(Self(users.into_iter().map(|user| (user.meta.id.to_string(), user.record.name.to_string())).collect()))
    }

    /// The owner with their initials.
    pub(crate) fn show(&self, owner: Option<&str>) -> Markup {
        html! {
            @if let Some(owner) = owner {
                @match self.0.get(owner) {
                    Some(name) => span.who { (avatar(name)) span { (name) } },
                    // A responsibility of another system is no person.
                    None => span.key.nw { (owner) },
                }
            } @else { span.muted { "No owner" } }
        }
    }
}
