//! The link with which the first person signs in, which the server prints at start.

use auth::IssuedLink;
use serde_json::{Value, json};

use crate::settings::PublicUrl;

/// A one-time link that the server prints at start.
pub(crate) struct PrintedLink {
    link: IssuedLink,
    /// The beginning of its path.
    path: &'static str,
    /// The effect of opening it, for people.
    purpose: &'static str,
}

impl PrintedLink {
    /// The link that makes the first administrator.
    pub(crate) const fn of_first_administrator(link: IssuedLink) -> Self {
        Self { link, path: "/app/setup/", purpose: "To become the first administrator, open this link within an hour" }
    }

    /// The link that signs in to the demo.
    pub(crate) const fn of_demo(link: IssuedLink) -> Self {
        Self { link, path: "/app/demo/", purpose: "To look at it as its administrator, open this link" }
    }

    fn url(&self, public_url: &PublicUrl) -> String {
        public_url.join(&format!("{}{}", self.path, self.link.token.expose()))
    }

    /// The JSON document of the link.
    pub(crate) fn document(&self, public_url: &PublicUrl) -> Value {
        json!({ "url": self.url(public_url), "expires_at": self.link.link.expires_at.to_string() })
    }

    /// The text for people.
    pub(crate) fn text(&self, public_url: &PublicUrl) -> String {
        format!("{}. It works once.\n\n  {}\n", self.purpose, self.url(public_url))
    }
}
