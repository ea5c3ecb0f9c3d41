//! The message that a server prints once it is ready.

use serde_json::{Value, json};

use super::{demo, printed_account::PrintedAccount};

/// The addresses and new service accounts of a server that is ready.
pub(crate) struct ReadyMessage {
    /// The URL of the API.
    pub(crate) url: String,
    /// The URL of the probes and metrics.
    pub(crate) admin_url: String,
    pub(crate) accounts: Vec<PrintedAccount>,
    /// Whether this is the demo, which is introduced.
    pub(crate) demo: bool,
}

impl ReadyMessage {
    /// The JSON document for scripts.
    pub(crate) fn document(&self) -> Value {
        let accounts: Vec<Value> = self.accounts.iter().map(|account| account.document(&self.url)).collect();
        json!({ "listen": self.url, "admin_listen": self.admin_url, "service_accounts": accounts })
    }

    /// The text for people.
    pub(crate) fn text(&self) -> String {
        let head = if self.demo { demo::introduction(&self.url) } else { String::new() };
        let accounts: Vec<String> = self.accounts.iter().map(|account| account.text(&self.url)).collect();
        format!("{head}{}", accounts.join("\n"))
    }
}
