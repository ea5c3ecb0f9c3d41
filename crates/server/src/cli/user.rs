//! `novantra user …`

mod change;
mod create;
mod identity;
mod sessions;
mod view;

use auth::IssuedLink;
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::{CommandContext, ReasonArg};
use crate::failure::Failure;

#[derive(Debug, Subcommand)]
pub(crate) enum UserCommand {
    /// Create a user and print the invitation link, with which they set a password.
    #[command(
        after_help = "Example:\n  novantra user create --workspace default --name \"Morgan Halloran\" \\\n    --email m.halloran@brackwater.example --role lead"
    )]
    Create(create::Create),
    /// List users.
    #[command(after_help = "Example:\n  novantra user list --workspace default")]
    List(view::List),
    /// Show one user.
    #[command(after_help = "Example:\n  novantra user show --workspace default m.halloran@brackwater.example")]
    Show(view::Show),
    /// Print a new invitation link for an invited user. The earlier link stops working.
    #[command(after_help = "Example:\n  novantra user invite --workspace default m.halloran@brackwater.example")]
    Invite(change::UserArgs),
    /// Print a link with which a user sets another password.
    #[command(
        after_help = "Example, for a user who lost their phone and their recovery codes:\n  novantra user reset --workspace default m.halloran@brackwater.example --second-factor"
    )]
    Reset(change::Reset),
    /// Give a user another role. Their sessions end.
    #[command(after_help = "Example:\n  novantra user role --workspace default m.halloran@brackwater.example auditor")]
    Role(change::SetRole),
    /// Disable a user. Their sessions end, and they can't sign in any more.
    #[command(
        after_help = "Example:\n  novantra user disable --workspace default m.halloran@brackwater.example --reason \"Left the company\""
    )]
    Disable(change::UserArgs),
    /// Enable a disabled user again.
    #[command(after_help = "Example:\n  novantra user enable --workspace default m.halloran@brackwater.example")]
    Enable(change::UserArgs),
    /// Link a user with an identity of the OpenID Connect provider, with which they sign in from then on.
    #[command(
        after_help = "Example, for a user who had a password before:\n  novantra user link-identity --workspace default m.halloran@brackwater.example --subject 248289761001"
    )]
    LinkIdentity(identity::LinkIdentity),
    /// Unlink a user from all identities of the OpenID Connect provider. Their sessions end.
    #[command(
        after_help = "Example:\n  novantra user unlink-identities --workspace default m.halloran@brackwater.example"
    )]
    UnlinkIdentities(change::UserArgs),
    /// List the sessions of a user.
    #[command(after_help = "Example:\n  novantra user sessions --workspace default m.halloran@brackwater.example")]
    Sessions(sessions::Sessions),
    /// End one session of a user, or all of them.
    #[command(after_help = "Example:\n  novantra user revoke --workspace default m.halloran@brackwater.example --all")]
    Revoke(sessions::Revoke),
}

impl UserCommand {
    pub(crate) async fn run(&self, context: &CommandContext) -> Result<(), Failure> {
        match self {
            Self::Create(create) => create.run(context).await,
            Self::List(list) => list.run(context).await,
            Self::Show(show) => show.run(context).await,
            Self::Invite(target) => target.invite(context).await,
            Self::Reset(reset) => reset.run(context).await,
            Self::Role(set) => set.run(context).await,
            Self::Disable(target) => target.disable(context).await,
            Self::Enable(target) => target.enable(context).await,
            Self::LinkIdentity(link) => link.run(context).await,
            Self::UnlinkIdentities(target) => target.unlink_identities(context).await,
            Self::Sessions(sessions) => sessions.run(context).await,
            Self::Revoke(revoke) => revoke.run(context).await,
        }
    }
}

/// The user that a command is about.
#[derive(Debug, Args)]
struct Target {
    /// The workspace of the user.
    #[arg(long, value_name = "SLUG")]
    workspace: String,
    /// The user's email address or identifier.
    #[arg(value_name = "USER")]
    user: String,
}

/// The path of the page that a one-time link leads to.
const LINK_PATH: &str = "/app/setup/";

/// The URL of a one-time link.
fn link_url(context: &CommandContext, link: &IssuedLink) -> String {
    context.settings.public_url.join(&format!("{LINK_PATH}{}", link.token.expose()))
}

/// The JSON document of a one-time link.
fn link_document(context: &CommandContext, link: &IssuedLink) -> Value {
    json!({
        "purpose": link.link.purpose.name(),
        "url": link_url(context, link),
        "expires_at": link.link.expires_at.to_string(),
    })
}

/// The text about a one-time link, for the operator who sends it.
fn link_text(context: &CommandContext, link: &IssuedLink) -> String {
    format!(
        "{}\n\nThe link works once, until {}. It is not shown again.",
        link_url(context, link),
        link.link.expires_at
    )
}
