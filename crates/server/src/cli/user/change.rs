//! Commands that change a user.

use auth::{IssuedLink, Role, StoredUser};
use clap::Args;
use kernel::OrganizationRef;
use people::People;

use super::{ReasonArg, Target, create::parse_role, link_document, link_text, view};
use crate::{
    cli::CommandContext,
    failure::Failure,
    operations::{Operator, find_user, workspace_ref},
};

#[derive(Debug, Args)]
pub(crate) struct UserArgs {
    #[command(flatten)]
    target: Target,
    #[command(flatten)]
    reason: ReasonArg,
}

#[derive(Debug, Args)]
pub(crate) struct Reset {
    #[command(flatten)]
    target: UserArgs,
    /// Also remove what is lost: the authenticator app, all passkeys and the recovery codes.
    #[arg(long)]
    second_factor: bool,
}

#[derive(Debug, Args)]
pub(crate) struct SetRole {
    #[command(flatten)]
    target: UserArgs,
    /// The role: admin, lead, contributor, auditor or reader.
    #[arg(value_name = "ROLE", value_parser = parse_role)]
    role: Role,
}

impl UserArgs {
    /// Changes the user with `work`.
    pub(super) async fn operate<T>(
        &self,
        context: &CommandContext,
        command: &'static str,
        work: impl AsyncFnOnce(&Operator, &People, &OrganizationRef, &StoredUser) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let change = async |operator: &Operator| {
            let people = operator.installation.people(&context.settings);
            let workspace = workspace_ref(&operator.installation, &self.target.workspace).await?;
            let user = find_user(&people, &workspace, &self.target.user).await?;
            work(operator, &people, &workspace, &user).await
        };
        context.operate(command, &self.reason, change).await
    }

    pub(crate) async fn invite(&self, context: &CommandContext) -> Result<(), Failure> {
        let invite = async |operator: &Operator, people: &People, workspace: &OrganizationRef, user: &StoredUser| {
            Ok(people.invite_again(&operator.author(), workspace, user.meta.id).await?)
        };
        let (user, link) = self.operate(context, "user invite", invite).await?;
        print_link(context, &user, &link)
    }

    pub(crate) async fn disable(&self, context: &CommandContext) -> Result<(), Failure> {
        let disable = async |operator: &Operator, people: &People, workspace: &OrganizationRef, user: &StoredUser| {
            Ok(people.disable_user(&operator.author(), workspace, user.meta.id).await?)
        };
        print_user(context, &self.operate(context, "user disable", disable).await?)
    }

    pub(crate) async fn enable(&self, context: &CommandContext) -> Result<(), Failure> {
        let enable = async |operator: &Operator, people: &People, workspace: &OrganizationRef, user: &StoredUser| {
            Ok(people.enable_user(&operator.author(), workspace, user.meta.id).await?)
        };
        print_user(context, &self.operate(context, "user enable", enable).await?)
    }
}

impl Reset {
    pub(crate) async fn run(&self, context: &CommandContext) -> Result<(), Failure> {
        let reset = async |operator: &Operator, people: &People, workspace: &OrganizationRef, user: &StoredUser| {
            Ok(people.issue_reset(&operator.author(), workspace, user.meta.id, self.second_factor).await?)
        };
        let (user, link) = self.target.operate(context, "user reset", reset).await?;
        print_link(context, &user, &link)
    }
}

impl SetRole {
    pub(crate) async fn run(&self, context: &CommandContext) -> Result<(), Failure> {
        let set = async |operator: &Operator, people: &People, workspace: &OrganizationRef, user: &StoredUser| {
            Ok(people.set_role(&operator.author(), workspace, user.meta.id, self.role).await?)
        };
        print_user(context, &self.target.operate(context, "user role", set).await?)
    }
}

fn print_user(context: &CommandContext, user: &StoredUser) -> Result<(), Failure> {
    let record = &user.record;
    context.output.print(&view::document(user), || {
        format!(
            "{} ({}) is {} and has the role {}",
            record.email,
            record.name,
            record.status.name(),
            record.role.name()
        )
    })
}

fn print_link(context: &CommandContext, user: &StoredUser, link: &IssuedLink) -> Result<(), Failure> {
    let mut document = view::document(user);
    document["link"] = link_document(context, link);
    context.output.print(&document, || link_text(context, link))
}
