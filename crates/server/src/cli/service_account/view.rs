//! Commands that show service accounts.

use auth::{Account, AccountId, AccountStatus, ServiceAccount};
use clap::Args;
use kernel::Timestamp;
use serde_json::{Value, json};

use crate::{
    cli::{CommandContext, columns},
    compose::Installation,
    failure::Failure,
    operations::{find_account, find_workspace, list_accounts},
};

#[derive(Debug, Args)]
pub(crate) struct List {
    /// List the accounts of this workspace only.
    #[arg(long, value_name = "SLUG")]
    workspace: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Show {
    /// The account's client id.
    #[arg(value_name = "CLIENT_ID", value_parser = parse_client_id)]
    account: AccountId,
}

/// Parses a client id.
pub(super) fn parse_client_id(text: &str) -> Result<AccountId, String> {
    text.parse().map_err(|_| "it is not a client id such as svc_01HZX3V6T9C6Q4W8N2D5K7M1RB".to_owned())
}

impl List {
    pub(crate) async fn run(&self, context: &CommandContext) -> Result<(), Failure> {
        let (listed, now) = Installation::with(&context.settings, async |installation| {
            let workspaces = match &self.workspace {
                Some(slug) => vec![find_workspace(installation, slug).await?],
                None => installation.store.organizations().await?,
            };
            let mut listed = Vec::new();
            for workspace in workspaces {
                for account in list_accounts(installation, &workspace).await? {
                    let used = installation.store.last_used(account.meta.organization, account.meta.id).await?;
                    listed.push((workspace.record.slug.clone(), account, used));
                }
            }
            Ok((listed, installation.clock.now()))
        })
        .await?;
        let documents: Vec<Value> = listed
            .iter()
            .map(|(slug, account, used)| {
                let mut document = document(account, *used);
                document["workspace"] = json!(slug.as_str());
                document
            })
            .collect();
        context.output.print(&json!({ "service_accounts": documents }), || {
            let head = ["CLIENT_ID", "NAME", "WORKSPACE", "STATUS", "LAST_USED", "SCOPES"].map(str::to_owned).to_vec();
            let rows = listed.iter().map(|(slug, account, used)| {
                let ServiceAccount { name, scopes, .. } = &account.record;
                let id = account.meta.id.to_string();
                let status = effective_status(&account.record, now).to_owned();
                vec![id, name.to_string(), slug.as_str().to_owned(), status, or_never(*used), scopes.to_string()]
            });
            columns(&std::iter::once(head).chain(rows).collect::<Vec<_>>())
        })
    }
}

impl Show {
    pub(crate) async fn run(&self, context: &CommandContext) -> Result<(), Failure> {
        let (account, used, now) = Installation::with(&context.settings, async |installation| {
            let account = find_account(installation, self.account).await?;
            let used = installation.store.last_used(account.meta.organization, account.meta.id).await?;
            Ok((account, used, installation.clock.now()))
        })
        .await?;
        context.output.print(&document(&account, used), || {
            let ServiceAccount { name, contact, scopes, expires_at, limits, .. } = &account.record;
            let none = || "none".to_owned();
            let limit = |limit: Option<u32>| limit.map_or_else(|| "default".to_owned(), |limit| format!("{limit}/min"));
            let rows = [
                ("client_id", account.meta.id.to_string()),
                ("name", name.to_string()),
                ("status", effective_status(&account.record, now).to_owned()),
                ("scopes", scopes.to_string()),
                ("contact", contact.as_ref().map_or_else(none, ToString::to_string)),
                ("expires_at", expires_at.map_or_else(none, |expiry| expiry.to_string())),
                ("last_used", or_never(used)),
                ("reads", limit(limits.reads)),
                ("writes", limit(limits.writes)),
                ("secrets", account.record.valid_secrets(now).count().to_string()),
                ("created_at", account.meta.created_at.to_string()),
            ];
            columns(&rows.map(|(name, value)| vec![name.to_owned(), value]))
        })
    }
}

fn effective_status(account: &ServiceAccount, now: Timestamp) -> &'static str {
    match account.status {
        AccountStatus::Active if !account.is_active_at(now) => "expired",
        status => status.name(),
    }
}

fn or_never(used: Option<Timestamp>) -> String {
    used.map_or_else(|| "never".to_owned(), |used| used.to_string())
}

/// The JSON document of an account, without its secrets.
pub(super) fn document(account: &Account, last_used: Option<Timestamp>) -> Value {
    let ServiceAccount { name, contact, scopes, status, expires_at, limits, .. } = &account.record;
    json!({
        "client_id": account.meta.id.to_string(),
        "name": name.as_str(),
        "contact": contact.as_ref().map(|contact| contact.as_str()),
        "scopes": scopes.iter().map(scopes::Scope::name).collect::<Vec<_>>(),
        "status": status.name(),
        "expires_at": expires_at.map(|expiry| expiry.to_string()),
        "last_used_at": last_used.map(|used| used.to_string()),
        "limits": { "reads": limits.reads, "writes": limits.writes },
        "created_at": account.meta.created_at.to_string(),
        "updated_at": account.meta.updated_at.to_string(),
    })
}
