//! The message that a server prints once it is ready.

use serde_json::{Value, json};

use super::{demo, printed_account::PrintedAccount, printed_link::PrintedLink};
use crate::settings::PublicUrl;

/// The addresses, the new service accounts and the link for the first person of a server that is ready.
pub(crate) struct ReadyMessage {
    /// The URL of the API.
    pub(crate) url: String,
    /// The URL of the probes and metrics.
    pub(crate) admin_url: String,
    /// The URL at which people reach the server.
    pub(crate) public_url: PublicUrl,
    pub(crate) accounts: Vec<PrintedAccount>,
    /// The link with which the first person signs in, if nobody has yet.
    pub(crate) link: Option<PrintedLink>,
    /// Whether this is the demo, which is introduced.
    pub(crate) demo: bool,
}

impl ReadyMessage {
    /// The JSON document for scripts.
    pub(crate) fn document(&self) -> Value {
        let accounts: Vec<Value> = self.accounts.iter().map(|account| account.document(&self.url)).collect();
        let link = self.link.as_ref().map(|link| link.document(&self.public_url));
        json!({
            "listen": self.url,
            "admin_listen": self.admin_url,
            "service_accounts": accounts,
            "sign_in_link": link,
        })
    }

    /// The text for people.
    pub(crate) fn text(&self) -> String {
        let head = if self.demo { demo::introduction(&self.url) } else { String::new() };
        let link = self.link.iter().map(|link| link.text(&self.public_url));
        let accounts = self.accounts.iter().map(|account| account.text(&self.url));
        format!("{head}{}", link.chain(accounts).collect::<Vec<_>>().join("\n"))
    }
}
