//! `novantra workspace …`

mod region;

use clap::{Args, Subcommand};
use kernel::{Organization, RecordKey, Slug, Stored, TextError, Title};
use serde_json::{Value, json};

use crate::{
    cli::{CommandContext, ReasonArg, columns},
    compose::Installation,
    failure::Failure,
    operations::create_workspace,
};

#[derive(Debug, Subcommand)]
pub(crate) enum Workspace {
    /// Create a workspace.
    #[command(
        after_help = "Example:\n  novantra workspace create --slug acme --name \"Acme Savings Bank\" --timezone America/Denver"
    )]
    Create(Create),
    /// List workspaces.
    #[command(after_help = "Example:\n  novantra workspace list --json")]
    List,
}

#[derive(Debug, Args)]
pub(crate) struct Create {
    /// The name on command lines: lower-case letters, digits and inner hyphens.
    #[arg(long)]
    slug: String,
    /// The display name.
    #[arg(long)]
    name: String,
    /// The language, as a BCP 47 tag.
    #[arg(long, default_value = "en-US", value_parser = region::parse_locale)]
    locale: RecordKey,
    /// The time zone, as an IANA name.
    #[arg(long, default_value = "UTC", value_parser = region::parse_timezone)]
    timezone: RecordKey,
    #[command(flatten)]
    reason: ReasonArg,
}

impl Workspace {
    pub(crate) async fn run(&self, context: &CommandContext) -> Result<(), Failure> {
        match self {
            Self::Create(create) => create.run(context).await,
            Self::List => list(context).await,
        }
    }
}

impl Create {
    async fn run(&self, context: &CommandContext) -> Result<(), Failure> {
        fn with_flag<T>(flag: &str, parsed: Result<T, TextError>) -> Result<T, Failure> {
            parsed.map_err(|error| Failure::usage(format!("--{flag} {error}")))
        }
        let organization = Organization {
            slug: with_flag("slug", Slug::parse(&self.slug))?,
            name: with_flag("name", Title::parse(&self.name))?,
            locale: self.locale.clone(),
            timezone: self.timezone.clone(),
        };
        let created = context
            .initialize_and_operate("workspace create", &self.reason, async |operator| {
                create_workspace(operator, &organization).await
            })
            .await?;
        context.output.print(&json!({ "workspace": document(&created) }), || {
            format!("created workspace {} ({})", created.record.slug.as_str(), created.meta.id)
        })
    }
}

async fn list(context: &CommandContext) -> Result<(), Failure> {
    let workspaces =
        Installation::with(&context.settings, async |installation| Ok(installation.store.organizations().await?))
            .await?;
    let documents: Vec<Value> = workspaces.iter().map(document).collect();
    context.output.print(&json!({ "workspaces": documents }), || {
        let head = ["SLUG", "NAME", "LOCALE", "TIMEZONE", "ID"].map(str::to_owned).to_vec();
        let rows = workspaces.iter().map(|workspace| {
            let Organization { slug, name, locale, timezone } = &workspace.record;
            let id = workspace.meta.id.to_string();
            vec![slug.as_str().to_owned(), name.to_string(), locale.to_string(), timezone.to_string(), id]
        });
        columns(&std::iter::once(head).chain(rows).collect::<Vec<_>>())
    })
}

fn document(workspace: &Stored<Organization>) -> Value {
    let Organization { slug, name, locale, timezone } = &workspace.record;
    json!({
        "id": workspace.meta.id.to_string(),
        "slug": slug.as_str(),
        "name": name.as_str(),
        "locale": locale.as_str(),
        "timezone": timezone.as_str(),
        "created_at": workspace.meta.created_at.to_string(),
    })
}
