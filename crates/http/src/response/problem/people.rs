//! The errors of requests of people, whom browsers sign in.

use auth::{Permission, UserDenied};
use axum::http::{HeaderName, HeaderValue, StatusCode};

use super::{Issue, Problem};

impl Problem {
    /// The errors of the request, one by one.
    #[must_use]
    pub fn issues(&self) -> &[Issue] {
        &self.issues
    }

    /// Creates the response for a person who has not signed in, or whose session is over.
    #[must_use]
    pub fn signed_out() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "signed_out", "nobody has signed in, or the session is over: sign in")
    }

    /// Creates the response for a person whose role lacks the permission.
    #[must_use]
    pub fn missing_permission(permission: Permission) -> Self {
        let roles: Vec<&str> = permission.roles().map(auth::Role::name).collect();
        let message = format!("this needs the role {}: ask an administrator of the workspace", roles.join(" or "));
        Self::new(StatusCode::FORBIDDEN, "missing_permission", message)
    }

    /// Creates the response for an action that needs the password again.
    #[must_use]
    pub fn password_required() -> Self {
        Self::new(StatusCode::FORBIDDEN, "password_required", "enter your password again, then repeat this")
    }

    /// Creates the response for a form that another site had the browser send.
    #[must_use]
    pub fn other_site() -> Self {
        let message = "the form was not sent by a page of this server: open the page again and send it from there";
        Self::new(StatusCode::FORBIDDEN, "other_site", message)
    }

    /// Creates the response for a form that was not sent by a page at this address of the server.
    pub(crate) fn other_site_than(public_url: &str) -> Self {
        let message = format!(
            "the form was not sent by a page of this server, whose address is {public_url}: open the page there and send \
             it again"
        );
        Self::new(StatusCode::FORBIDDEN, "other_site", message)
    }

    /// Creates the response for a person who may not do something.
    #[must_use]
    pub fn denied(denied: UserDenied) -> Self {
        match denied {
            UserDenied::SignedOut | UserDenied::Incomplete(_) => Self::signed_out(),
            UserDenied::MissingPermission(permission) => Self::missing_permission(permission),
            UserDenied::NotRecent => Self::password_required(),
        }
    }

    /// Removes the headers from the error, for a response in another form.
    pub(crate) fn take_headers(&mut self) -> Vec<(HeaderName, HeaderValue)> {
        std::mem::take(&mut self.headers)
    }
}
