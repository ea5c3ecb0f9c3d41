//! Commands about the identities of a provider by which a user signs in.

use auth::{ExternalIdentity, StoredUser};
use clap::Args;
use kernel::OrganizationRef;
use people::People;
use serde_json::json;

use super::{change::UserArgs, view};
use crate::{cli::CommandContext, failure::Failure, operations::Operator};

#[derive(Debug, Args)]
pub(crate) struct LinkIdentity {
    #[command(flatten)]
    target: UserArgs,
    /// The identifier of the person at the provider, which its ID tokens have as `sub`.
    #[arg(long)]
    subject: String,
    /// The issuer [default: the setting openid_issuer]
    #[arg(long, value_name = "URL")]
    issuer: Option<String>,
}

impl LinkIdentity {
    pub(crate) async fn run(&self, context: &CommandContext) -> Result<(), Failure> {
        let configured = context.settings.openid.as_ref().map(|openid| openid.provider.issuer.clone());
        let issuer = match &self.issuer {
            Some(issuer) => openid::parse_provider_url(issuer)
                .map(|_| issuer.clone())
                .map_err(|error| Failure::usage(format!("--issuer {error}")))?,
            None => configured.ok_or_else(|| Failure::usage("the setting openid_issuer is missing; give --issuer"))?,
        };
        if !ExternalIdentity::is_subject(&self.subject) {
            let rule = format!("must have 1 to {} bytes and no control characters", ExternalIdentity::MAX_SUBJECT);
            return Err(Failure::usage(format!("--subject {rule}")));
        }
        let identity = (issuer.as_str(), self.subject.as_str());
        let link = async |operator: &Operator, people: &People, workspace: &OrganizationRef, user: &StoredUser| {
            Ok(people.link_identity(&operator.author(), workspace, user.meta.id, identity).await?)
        };
        let user = self.target.operate(context, "user link-identity", link).await?;
        context.output.print(&view::document(&user), || {
            format!("{} signs in by the identity {} of {issuer}", user.record.email, self.subject)
        })
    }
}

impl UserArgs {
    pub(crate) async fn unlink_identities(&self, context: &CommandContext) -> Result<(), Failure> {
        let unlink = async |operator: &Operator, people: &People, workspace: &OrganizationRef, user: &StoredUser| {
            Ok(people.unlink_identities(&operator.author(), workspace, user.meta.id).await?)
        };
        let unlinked = self.operate(context, "user unlink-identities", unlink).await?;
        context.output.print(&json!({ "unlinked": unlinked }), || format!("{unlinked} identities are unlinked"))
    }
}
