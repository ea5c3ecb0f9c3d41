//! `novantra service-account …`

mod change;
mod create;
mod view;

use clap::Subcommand;

use crate::{cli::Context, failure::Failure};

pub(crate) use create::{Opened, opened};

#[derive(Debug, Subcommand)]
pub(crate) enum ServiceAccountCommand {
    /// Make a service account, and show its secret once.
    #[command(
        after_help = "Example:\n  novantra service-account create --workspace default --name scanner \\\n    --scope governance.findings:read --scope governance.findings:write"
    )]
    Create(create::Create),
    /// List service accounts.
    #[command(after_help = "Example:\n  novantra service-account list --workspace default")]
    List(view::List),
    /// Show one service account.
    #[command(after_help = "Example:\n  novantra service-account show svc_01HZX3V6T9C6Q4W8N2D5K7M1RB")]
    Show(view::Show),
    /// Give it a new secret. The old one stays good for the grace window.
    #[command(
        after_help = "Example, for a secret that leaked:\n  novantra service-account rotate svc_01HZX3V6T9C6Q4W8N2D5K7M1RB --grace 0s"
    )]
    Rotate(change::Rotate),
    /// Refuse all its calls from now on.
    #[command(
        after_help = "Example:\n  novantra service-account disable svc_01HZX3V6T9C6Q4W8N2D5K7M1RB --reason \"Vendor contract ended\""
    )]
    Disable(change::Named),
    /// Let it call again.
    #[command(after_help = "Example:\n  novantra service-account enable svc_01HZX3V6T9C6Q4W8N2D5K7M1RB")]
    Enable(change::Named),
    /// Replace its scopes.
    #[command(
        after_help = "Example:\n  novantra service-account set-scopes svc_01HZX3V6T9C6Q4W8N2D5K7M1RB --scope governance.findings:read"
    )]
    SetScopes(change::SetScopes),
    /// Give it rate limits of its own.
    #[command(
        after_help = "Example:\n  novantra service-account set-limits svc_01HZX3V6T9C6Q4W8N2D5K7M1RB --reads 6000 --writes default"
    )]
    SetLimits(change::SetLimits),
}

impl ServiceAccountCommand {
    pub(crate) async fn run(&self, context: &Context) -> Result<(), Failure> {
        match self {
            Self::Create(create) => create.run(context).await,
            Self::List(list) => list.run(context).await,
            Self::Show(show) => show.run(context).await,
            Self::Rotate(rotate) => rotate.run(context).await,
            Self::Disable(named) => named.disable(context).await,
            Self::Enable(named) => named.enable(context).await,
            Self::SetScopes(set) => set.run(context).await,
            Self::SetLimits(set) => set.run(context).await,
        }
    }
}

/// The scopes that `--scope` names, once or more often, or several at once.
#[derive(Debug, clap::Args)]
pub(crate) struct Scopes {
    /// What it may do; may be repeated. One of the scopes of the API, such as governance.findings:read
    #[arg(long = "scope", required = true, value_name = "SCOPE", value_parser = parse_scope, value_delimiter = ',')]
    scopes: Vec<scopes::ScopeSet>,
}

fn parse_scope(text: &str) -> Result<scopes::ScopeSet, String> {
    text.parse().map_err(|error: scopes::UnknownScope| {
        let known: Vec<&str> = scopes::Scope::ALL.iter().map(|scope| scope.name()).collect();
        format!("{error}; there are {}", known.join(", "))
    })
}

impl Scopes {
    fn set(&self) -> scopes::ScopeSet {
        self.scopes.iter().flat_map(|set| set.iter()).collect()
    }
}
