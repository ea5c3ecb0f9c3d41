//! Commands that change a service account. Running servers apply the change from the account's next request on.

use std::time::Duration;

use auth::{Account, AccountError, AccountId, AccountLimits, AccountStatus, ClientSecret, ServiceAccount};
use clap::Args;
use kernel::{Action, Change, Subject, Timestamp};
use serde_json::{Value, json};

use crate::{
    cli::{
        CommandContext, Operator, ReasonArg,
        service_account::{Scopes, view},
    },
    compose,
    failure::Failure,
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

/// An account after a change.
struct ChangedAccount {
    account: Account,
    last_used: Option<Timestamp>,
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
        self.set_status(context, "service-account disable", "service_account.disabled", AccountStatus::Disabled).await
    }

    pub(crate) async fn enable(&self, context: &CommandContext) -> Result<(), Failure> {
        self.set_status(context, "service-account enable", "service_account.enabled", AccountStatus::Active).await
    }

    async fn set_status(
        &self,
        context: &CommandContext,
        command: &'static str,
        action: &'static str,
        status: AccountStatus,
    ) -> Result<(), Failure> {
        let after = self.change(context, command, action, |account, _| Ok(account.with_status(status))).await?;
        self.show(context, &after, json!({}), || {
            format!("{} ({}) is {}", after.account.meta.id, after.account.record.name, status.name())
        })
    }

    /// Reads the account, computes its new state with `decide` and stores it.
    async fn change(
        &self,
        context: &CommandContext,
        command: &'static str,
        action: &'static str,
        decide: impl Fn(&ServiceAccount, Timestamp) -> Result<ServiceAccount, AccountError>,
    ) -> Result<ChangedAccount, Failure> {
        Operator::run(context, command, &self.reason, async |operator| {
            let write = async || {
                let before = view::find(&operator.installation, self.account).await?;
                let organization = before.meta.organization;
                let last_used = operator.installation.store.last_used(organization, before.meta.id).await?;
                let organization = operator.organization(organization).await?;
                let mut changeset =
                    operator.changeset(&organization, Action::new(action), Some(Subject::from_id(before.meta.id)));
                let record = decide(&before.record, changeset.at())?;
                // A command without effect is audited too, but keeps the revision, under which tokens were accepted.
                if record == before.record {
                    changeset.require_unchanged(&before);
                    return Ok((changeset, ChangedAccount { account: before, last_used }));
                }
                let after = before.changed(changeset.at(), record);
                changeset.set_changes(Change::between(Some(&before.record), &after.record));
                changeset.update(&before, &after);
                Ok((changeset, ChangedAccount { account: after, last_used }))
            };
            operator.write(write).await
        })
        .await
    }

    fn show(
        &self,
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
}

impl Rotate {
    pub(crate) async fn run(&self, context: &CommandContext) -> Result<(), Failure> {
        let entropy = compose::entropy();
        let secret = ClientSecret::generate(&*entropy);
        let hasher = compose::hasher(&entropy);
        let rotate = |account: &ServiceAccount, now| {
            let current = account.secrets.first().map(|current| &current.hash);
            account.with_rotated_secret(hasher.hash(&secret, current), self.grace, now)
        };
        let command = "service-account rotate";
        let after = self.target.change(context, command, "service_account.rotated", rotate).await?;
        self.target.show(context, &after, json!({ "client_secret": secret.expose() }), || {
            let old = if self.grace.is_zero() {
                "The old secret is no longer valid.".to_owned()
            } else {
                format!("The old secret stays valid for {} s.", self.grace.as_secs())
            };
            format!(
                "client_id      {}\nclient_secret  {}\n\nThe secret is not shown again. {old}",
                after.account.meta.id,
                secret.expose()
            )
        })
    }
}

impl SetScopes {
    pub(crate) async fn run(&self, context: &CommandContext) -> Result<(), Failure> {
        let scopes = self.scopes.union();
        let set = |account: &ServiceAccount, _| account.with_scopes(scopes);
        let command = "service-account set-scopes";
        let after = self.target.change(context, command, "service_account.scopes_set", set).await?;
        self.target.show(context, &after, json!({}), || {
            format!("{} has the scopes: {}", after.account.meta.id, after.account.record.scopes)
        })
    }
}

impl SetLimits {
    pub(crate) async fn run(&self, context: &CommandContext) -> Result<(), Failure> {
        let set = |account: &ServiceAccount, _| {
            let AccountLimits { reads, writes } = account.limits;
            account.with_limits(AccountLimits {
                reads: self.reads.map_or(reads, |limit| limit.0),
                writes: self.writes.map_or(writes, |limit| limit.0),
            })
        };
        let command = "service-account set-limits";
        let after = self.target.change(context, command, "service_account.limits_set", set).await?;
        let display =
            |limit: Option<u32>| limit.map_or_else(|| "the default".to_owned(), |limit| format!("{limit}/min"));
        self.target.show(context, &after, json!({}), || {
            let AccountLimits { reads, writes } = after.account.record.limits;
            format!("{}: reads {}, writes {}", after.account.meta.id, display(reads), display(writes))
        })
    }
}
