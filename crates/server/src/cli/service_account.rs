//! `novantra service-account …`

mod change;
mod create;
mod view;

use clap::Subcommand;

use crate::{cli::CommandContext, failure::Failure};

#[derive(Debug, Subcommand)]
pub(crate) enum ServiceAccountCommand {
    /// Create a service account and show its secret once.
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
    /// Give a service account a new secret. The old secret stays valid for the grace period.
    #[command(
        after_help = "Example, for a secret that leaked:\n  novantra service-account rotate svc_01HZX3V6T9C6Q4W8N2D5K7M1RB --grace 0s"
    )]
    Rotate(change::Rotate),
    /// Disable a service account. All its requests are refused from now on.
    #[command(
        after_help = "Example:\n  novantra service-account disable svc_01HZX3V6T9C6Q4W8N2D5K7M1RB --reason \"Vendor contract ended\""
    )]
    Disable(change::AccountArgs),
    /// Enable a disabled service account again.
    #[command(after_help = "Example:\n  novantra service-account enable svc_01HZX3V6T9C6Q4W8N2D5K7M1RB")]
    Enable(change::AccountArgs),
    /// Replace the scopes of a service account.
    #[command(
        after_help = "Example:\n  novantra service-account set-scopes svc_01HZX3V6T9C6Q4W8N2D5K7M1RB --scope governance.findings:read"
    )]
    SetScopes(change::SetScopes),
    /// Set rate limits for one service account.
    #[command(
        after_help = "Example:\n  novantra service-account set-limits svc_01HZX3V6T9C6Q4W8N2D5K7M1RB --reads 6000 --writes default"
    )]
    SetLimits(change::SetLimits),
}

impl ServiceAccountCommand {
    pub(crate) async fn run(&self, context: &CommandContext) -> Result<(), Failure> {
        match self {
            Self::Create(create) => create.run(context).await,
            Self::List(list) => list.run(context).await,
            Self::Show(show) => show.run(context).await,
            Self::Rotate(rotate) => rotate.run(context).await,
            Self::Disable(target) => target.disable(context).await,
            Self::Enable(target) => target.enable(context).await,
            Self::SetScopes(set) => set.run(context).await,
            Self::SetLimits(set) => set.run(context).await,
        }
    }
}

/// The scopes of all `--scope` arguments, each of which may name several.
#[derive(Debug, clap::Args)]
pub(crate) struct Scopes {
    /// A scope of the API to grant, such as governance.findings:read; may be repeated
    #[arg(long = "scope", required = true, value_name = "SCOPE", value_parser = parse_scope, value_delimiter = ',')]
    scopes: Vec<scopes::ScopeSet>,
}

fn parse_scope(text: &str) -> Result<scopes::ScopeSet, String> {
    text.parse().map_err(|error: scopes::UnknownScope| {
        let names: Vec<&str> = scopes::Scope::ALL.iter().map(|scope| scope.name()).collect();
        format!("{error}; the scopes are {}", names.join(", "))
    })
}

impl Scopes {
    fn union(&self) -> scopes::ScopeSet {
        self.scopes.iter().flat_map(|set| set.iter()).collect()
    }
}
