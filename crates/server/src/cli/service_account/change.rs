//! Commands that change a service account.

use std::time::Duration;

use auth::{AccountId, AccountLimits, AccountStatus};
use clap::Args;
use serde_json::{Value, json};

use crate::{
    cli::{
        CommandContext, ReasonArg,
        service_account::{Scopes, view},
    },
    failure::Failure,
    operations::{ChangedAccount, Operator, rotate_secret, set_account_limits, set_account_scopes, set_account_status},
    settings::parse_duration,
};

#[derive(Debug, Args)]
pub(crate) struct AccountArgs {
    /// The account's client id.
    #[arg(value_name = "CLIENT_ID", value_parser = view::parse_client_id)]
    account: AccountId,
    #[command(flatten)]
    reason: ReasonArg,
}

#[derive(Debug, Args)]
pub(crate) struct Rotate {
    #[command(flatten)]
    target: AccountArgs,
    /// How long the old secret stays valid, from 0s to 7d. Use 0s for a leaked secret.
    #[arg(long, default_value = "60s", value_name = "DURATION", value_parser = parse_duration)]
    grace: Duration,
}

#[derive(Debug, Args)]
pub(crate) struct SetScopes {
    #[command(flatten)]
    target: AccountArgs,
    #[command(flatten)]
    scopes: Scopes,
}

#[derive(Debug, Args)]
pub(crate) struct SetLimits {
    #[command(flatten)]
    target: AccountArgs,
    /// Reads a minute, or `default` for the installation's limit.
    #[arg(long, value_name = "CALLS/MIN", value_parser = parse_limit, required_unless_present = "writes")]
    reads: Option<LimitArg>,
    /// Writes a minute, or `default` for the installation's limit.
    #[arg(long, value_name = "CALLS/MIN", value_parser = parse_limit)]
    writes: Option<LimitArg>,
}

/// A limit of the account, or `None` for the installation's.
#[derive(Clone, Copy, Debug)]
struct LimitArg(Option<u32>);

fn parse_limit(text: &str) -> Result<LimitArg, String> {
    match text {
        "default" => Ok(LimitArg(None)),
        _ => text
            .parse()
            .map(|number| LimitArg(Some(number)))
            .map_err(|_| "it is neither a whole number nor `default`".to_owned()),
    }
}

impl AccountArgs {
    pub(crate) async fn disable(&self, context: &CommandContext) -> Result<(), Failure> {
        self.set_status(context, "service-account disable", AccountStatus::Disabled).await
    }

    pub(crate) async fn enable(&self, context: &CommandContext) -> Result<(), Failure> {
        self.set_status(context, "service-account enable", AccountStatus::Active).await
    }

    async fn set_status(
        &self,
        context: &CommandContext,
        command: &'static str,
        status: AccountStatus,
    ) -> Result<(), Failure> {
        let set = async |operator: &Operator| set_account_status(operator, self.account, status).await;
        let changed = context.operate(command, &self.reason, set).await?;
        print(context, &changed, json!({}), || {
            format!("{} ({}) is {}", changed.account.meta.id, changed.account.record.name, status.name())
        })
    }
}

impl Rotate {
    pub(crate) async fn run(&self, context: &CommandContext) -> Result<(), Failure> {
        let AccountArgs { account, reason } = &self.target;
        let rotate = async |operator: &Operator| rotate_secret(operator, *account, self.grace).await;
        let (changed, secret) = context.operate("service-account rotate", reason, rotate).await?;
        print(context, &changed, json!({ "client_secret": secret.expose() }), || {
            let old = if self.grace.is_zero() {
                "The old secret is no longer valid.".to_owned()
            } else {
                format!("The old secret stays valid for {} s.", self.grace.as_secs())
            };
            format!(
                "client_id      {}\nclient_secret  {}\n\nThe secret is not shown again. {old}",
                changed.account.meta.id,
                secret.expose()
            )
        })
    }
}

impl SetScopes {
    pub(crate) async fn run(&self, context: &CommandContext) -> Result<(), Failure> {
        let AccountArgs { account, reason } = &self.target;
        let set = async |operator: &Operator| set_account_scopes(operator, *account, self.scopes.union()).await;
        let changed = context.operate("service-account set-scopes", reason, set).await?;
        print(context, &changed, json!({}), || {
            format!("{} has the scopes: {}", changed.account.meta.id, changed.account.record.scopes)
        })
    }
}

impl SetLimits {
    pub(crate) async fn run(&self, context: &CommandContext) -> Result<(), Failure> {
        let AccountArgs { account, reason } = &self.target;
        let change = |current: AccountLimits| AccountLimits {
            reads: self.reads.map_or(current.reads, |limit| limit.0),
            writes: self.writes.map_or(current.writes, |limit| limit.0),
        };
        let set = async |operator: &Operator| set_account_limits(operator, *account, change).await;
        let changed = context.operate("service-account set-limits", reason, set).await?;
        let display =
            |limit: Option<u32>| limit.map_or_else(|| "the default".to_owned(), |limit| format!("{limit}/min"));
        print(context, &changed, json!({}), || {
            let AccountLimits { reads, writes } = changed.account.record.limits;
            format!("{}: reads {}, writes {}", changed.account.meta.id, display(reads), display(writes))
        })
    }
}

/// Prints a changed account: its document with `more` members, or the text.
fn print(
    context: &CommandContext,
    changed: &ChangedAccount,
    more: Value,
    text: impl FnOnce() -> String,
) -> Result<(), Failure> {
    let mut document = view::document(&changed.account, changed.last_used);
    if let (Some(document), Value::Object(more)) = (document.as_object_mut(), more) {
        document.extend(more);
    }
    context.output.print(&document, text)
}
