//! `novantra evidence usage`

use std::cmp::Reverse;

use auth::Account;
use clap::Args;
use kernel::Ulid;
use serde_json::{Value, json};

use crate::{
    cli::{CommandContext, columns},
    compose::Installation,
    failure::Failure,
    operations::{find_workspace, list_accounts},
};

/// Number of accounts whose attachments are read at a time.
const ACCOUNTS_AT_A_TIME: usize = 500;

#[derive(Debug, Args)]
pub(crate) struct Usage {
    /// The workspace of the attachments.
    #[arg(long, value_name = "SLUG")]
    workspace: String,
}

impl Usage {
    pub(crate) async fn run(&self, context: &CommandContext) -> Result<(), Failure> {
        let (stored, accounts) = Installation::with(&context.settings, async |installation| {
            let workspace = find_workspace(installation, &self.workspace).await?;
            let (store, organization) = (&installation.store, workspace.meta.id);
            let stored = store.stored_bytes(organization, &[organization.ulid()]).await?;
            let mut accounts: Vec<(Account, u64)> = Vec::new();
            let mut all = list_accounts(installation, &workspace).await?;
            while !all.is_empty() {
                let rest = all.split_off(all.len().min(ACCOUNTS_AT_A_TIME));
                let holders: Vec<Ulid> = all.iter().map(|account| account.meta.ulid()).collect();
                let unlinked = store.stored_bytes(organization, &holders).await?;
                accounts.extend(all.into_iter().zip(unlinked).filter(|(_, bytes)| *bytes > 0));
                all = rest;
            }
            accounts.sort_by_key(|(_, bytes)| Reverse(*bytes));
            Ok((stored.into_iter().sum::<u64>(), accounts))
        })
        .await?;
        let limits = context.settings.attachments.limits;
        let unlinked = accounts.iter().map(|(account, bytes)| {
            json!({
                "client_id": account.meta.id.to_string(),
                "name": account.record.name.as_str(),
                "bytes": bytes,
                "max_bytes": limits.max_unlinked_bytes,
            })
        });
        let document = json!({
            "workspace": self.workspace,
            "bytes": stored,
            "max_bytes": limits.max_organization_bytes,
            "unlinked": unlinked.collect::<Vec<Value>>(),
        });
        context.output.print(&document, || {
            let limit = |max: Option<u64>| max.map_or_else(|| "none".to_owned(), |max| max.to_string());
            let head = ["ATTACHMENTS", "BYTES", "LIMIT"].map(str::to_owned).to_vec();
            let all = vec!["all".to_owned(), stored.to_string(), limit(limits.max_organization_bytes)];
            let of_accounts = accounts.iter().map(|(account, bytes)| {
                let holder = format!("without a claim, of {} ({})", account.meta.id, account.record.name);
                vec![holder, bytes.to_string(), limit(limits.max_unlinked_bytes)]
            });
            columns(&[head, all].into_iter().chain(of_accounts).collect::<Vec<_>>())
        })
    }
}
