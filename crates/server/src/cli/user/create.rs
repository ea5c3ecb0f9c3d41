//! The command that creates a user.

use auth::{Role, parse_user_email};
use clap::Args;
use kernel::Title;

use super::{link_document, link_text, view};
use crate::{
    cli::{CommandContext, ReasonArg},
    failure::Failure,
    operations::{Operator, workspace_ref},
};

#[derive(Debug, Args)]
pub(crate) struct Create {
    /// The workspace the user belongs to.
    #[arg(long, value_name = "SLUG")]
    workspace: String,
    /// The display name.
    #[arg(long)]
    name: String,
    /// The email address, with which the user signs in.
    #[arg(long, value_name = "MAIL")]
    email: String,
    /// The role: admin, lead, contributor, auditor or reader.
    #[arg(long, value_parser = parse_role)]
    role: Role,
    #[command(flatten)]
    reason: ReasonArg,
}

/// Parses the name of a role.
pub(super) fn parse_role(text: &str) -> Result<Role, String> {
    Role::from_name(text).ok_or_else(|| {
        let names: Vec<&str> = Role::ALL.iter().map(|role| role.name()).collect();
        format!("it is not one of {}", names.join(", "))
    })
}

impl Create {
    pub(crate) async fn run(&self, context: &CommandContext) -> Result<(), Failure> {
        let name = Title::parse(&self.name).map_err(|error| Failure::usage(format!("--name {error}")))?;
        let email = parse_user_email(&self.email).map_err(|error| Failure::usage(format!("--email {error}")))?;
        let create = async |operator: &Operator| {
            let people = operator.installation.people(&context.settings);
            let workspace = workspace_ref(&operator.installation, &self.workspace).await?;
            let user = (name.clone(), email.clone(), self.role);
            Ok(people.create_user(&operator.author(), &workspace, user).await?)
        };
        let (user, link) = context.operate("user create", &self.reason, create).await?;
        let mut document = view::document(&user);
        document["link"] = link_document(context, &link);
        context.output.print(&document, || {
            format!("{} is invited as {}\n\n{}", user.record.email, user.record.role.name(), link_text(context, &link))
        })
    }
}
