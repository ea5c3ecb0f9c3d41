//! The common part of the pages about integrations: who looks at them, and the use cases.

use std::{collections::BTreeMap, sync::Arc};

use auth::{Permission, UserCaller};
use axum::http::StatusCode;
use http_api::{pipeline::App, request::ApiRequest, response::Problem};
use integrations::{Author, IntegrationError, Integrations};
use kernel::{OrganizationId, OrganizationRef, Reason, Timestamp};

use crate::{pages::viewer, viewer::Viewer};

/// A request of a page about integrations.
pub(in crate::pages) struct Desk<'r> {
    pub(in crate::pages) app: &'r App,
    pub(in crate::pages) request: &'r ApiRequest,
    pub(in crate::pages) viewer: Viewer,
    pub(in crate::pages) integrations: Integrations,
    pub(in crate::pages) now: Timestamp,
}

impl<'r> Desk<'r> {
    /// Reads who looks at the page.
    ///
    /// # Errors
    /// An internal error if nobody has signed in.
    pub(in crate::pages) fn of(app: &'r App, request: &'r ApiRequest) -> Result<Self, Problem> {
        let services = &app.services;
        let integrations =
            Integrations::new(Arc::clone(&services.store), Arc::clone(&services.entropy), Arc::clone(&services.hasher));
        Ok(Self { app, request, viewer: viewer(request)?, integrations, now: services.clock.now() })
    }

    /// The workspace.
    pub(in crate::pages) fn organization(&self) -> Result<&'r OrganizationRef, Problem> {
        Ok(self.request.principal()?.organization_ref())
    }

    /// The identifier of the workspace.
    pub(in crate::pages) fn organization_id(&self) -> Result<OrganizationId, Problem> {
        Ok(self.organization()?.id)
    }

    /// The person with their session.
    pub(in crate::pages) fn caller(&self) -> Result<&'r UserCaller, Problem> {
        Ok(&self.request.principal()?.user()?.caller)
    }

    /// The person as the author of a change.
    pub(in crate::pages) fn author<'a>(&self, reason: &'a Reason) -> Result<Author<'a>, Problem>
    where
        'r: 'a,
    {
        let attribution = self.request.attribution(self.request.principal()?);
        Ok(Author::user(self.caller()?, attribution, reason, StatusCode::SEE_OTHER.as_u16()))
    }

    /// Whether the person may change integrations.
    pub(in crate::pages) fn may_manage(&self) -> bool {
        self.viewer.role.permits(Permission::ManageIntegrations)
    }

    /// Checks that the person has entered their password recently, before a form that shows a secret is filled in.
    ///
    /// # Errors
    /// The response that asks for the password.
    pub(in crate::pages) fn require_recent(&self) -> Result<(), Problem> {
        self.caller()?.require_recent(self.now).map_err(Problem::denied)
    }

    /// All values that the form sends under this name.
    pub(in crate::pages) fn values(&self, name: &str) -> Vec<String> {
        let pairs = form_urlencoded::parse(&self.request.body);
        pairs.filter(|(key, _)| key == name).map(|(_, value)| value.into_owned()).collect()
    }
}

/// The faults of the fields of a form: the message for each, without its label.
pub(in crate::pages) type Faults = BTreeMap<&'static str, String>;

/// The faults of fields with these labels as sentences, in the order of the fields.
pub(in crate::pages) fn problems(faults: &Faults, labels: &[(&'static str, &str)]) -> Vec<(String, String)> {
    let sentence = |(name, label): &(&'static str, &str)| {
        faults.get(name).map(|message| ((*name).to_owned(), format!("{label} {message}")))
    };
    labels.iter().filter_map(sentence).collect()
}

/// The sentence about the field with this name, which stands at the field, too.
pub(in crate::pages) fn problem_at<'p>(problems: &'p [(String, String)], name: &str) -> Option<&'p str> {
    problems.iter().find(|(field, _)| field == name).map(|(_, sentence)| sentence.as_str())
}

/// Returns the page for an error that no form can show.
pub(in crate::pages) fn problem_of(error: IntegrationError) -> Problem {
    match error {
        IntegrationError::Denied(denied) => Problem::denied(denied),
        IntegrationError::NoAccount(_) | IntegrationError::NotFound => Problem::not_found(),
        IntegrationError::Store(error) => error.into(),
        IntegrationError::Contended => Problem::unavailable_because(error.to_string()),
        IntegrationError::AccountChanged(_) | IntegrationError::SubscriptionChanged(_) => {
            Problem::conflict("somebody else changed it while you looked at it: open it again, then decide")
        }
        error => Problem::unprocessable(error.to_string()),
    }
}
