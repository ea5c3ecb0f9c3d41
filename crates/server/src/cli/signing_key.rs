//! `novantra signing-key …`

use std::time::Duration;

use auth::{Keyring, MAX_KEYS_AGE, MIN_LEAD_TIME};
use clap::{Args, Subcommand};
use serde_json::{Value, json};

use crate::{
    cli::{CommandContext, ReasonArg, columns},
    compose::Installation,
    failure::Failure,
    operations::{Operator, retire_signing_key, rotate_signing_key},
    settings::parse_duration,
};

/// Maximum of `--wait`, longer than any rollout of servers takes.
const MAX_LEAD: Duration = Duration::from_secs(7 * 86_400);

#[derive(Debug, Subcommand)]
pub(crate) enum SigningKey {
    /// List the keys that sign and verify access tokens.
    #[command(after_help = "Example:\n  novantra signing-key list")]
    List,
    /// Publish a new key, which signs tokens once every server has loaded it. No request fails.
    #[command(
        after_help = "Example:\n  novantra signing-key rotate --wait 10m --reason \"Yearly rotation of signing keys\""
    )]
    Rotate(Rotate),
    /// Refuse every token signed by a key that leaked. The current signing key is replaced immediately.
    #[command(
        after_help = "Example:\n  novantra signing-key retire 01HZX3V6T9C6Q4W8N2D5K7M1RB --reason \"The key was in a stolen backup\""
    )]
    Retire(Retire),
}

#[derive(Debug, Args)]
pub(crate) struct Rotate {
    /// Time for all servers to load the key before it signs, from 30s to 7d.
    #[arg(long, default_value = "60s", value_name = "DURATION", value_parser = parse_wait)]
    wait: Duration,
    #[command(flatten)]
    reason: ReasonArg,
}

#[derive(Debug, Args)]
pub(crate) struct Retire {
    /// The id of the key, as `list` shows it.
    #[arg(value_name = "KEY_ID")]
    key: String,
    #[command(flatten)]
    reason: ReasonArg,
}

fn parse_wait(text: &str) -> Result<Duration, String> {
    let span = parse_duration(text)?;
    if (MIN_LEAD_TIME..=MAX_LEAD).contains(&span) { Ok(span) } else { Err("it must be from 30s to 7d".to_owned()) }
}

impl SigningKey {
    pub(crate) async fn run(&self, context: &CommandContext) -> Result<(), Failure> {
        match self {
            Self::List => list(context).await,
            Self::Rotate(rotate) => rotate.run(context).await,
            Self::Retire(retire) => retire.run(context).await,
        }
    }
}

async fn list(context: &CommandContext) -> Result<(), Failure> {
    let read = async |installation: &Installation| Ok(installation.store.signing_keys().await?);
    let ring = Installation::with(&context.settings, read).await?;
    context.output.print(&document(&ring), || {
        let head = ["KEY_ID", "STAGE", "SIGNS_FROM", "VERIFIES_UNTIL"].map(str::to_owned).to_vec();
        let rows = ring.stages().map(|(key, stage)| {
            let id = &key.key.id;
            let until = ring.needed_until(id).map_or_else(|| "-".to_owned(), |end| end.to_string());
            vec![id.clone(), stage.name().to_owned(), key.signs_from.to_string(), until]
        });
        columns(&std::iter::once(head).chain(rows).collect::<Vec<_>>())
    })
}

impl Rotate {
    async fn run(&self, context: &CommandContext) -> Result<(), Failure> {
        let rotate = async |operator: &Operator| {
            rotate_signing_key(operator, self.wait).await?;
            Ok(operator.installation.store.signing_keys().await?)
        };
        let ring = context.operate("signing-key rotate", &self.reason, rotate).await?;
        context.output.print(&document(&ring), || {
            ring.keys().last().map_or_else(String::new, |next| {
                format!(
                    "published the signing key {}; it signs from {} on, and the previous key verifies tokens for {} min after that",
                    next.key.id,
                    next.signs_from,
                    auth::VERIFY_AFTER_RETIREMENT.as_secs() / 60
                )
            })
        })
    }
}

impl Retire {
    async fn run(&self, context: &CommandContext) -> Result<(), Failure> {
        let retire = async |operator: &Operator| {
            retire_signing_key(operator, &self.key).await?;
            // After this delay, every server has either refreshed its keys or stopped accepting tokens.
            tokio::time::sleep(MAX_KEYS_AGE).await;
            Ok(operator.installation.store.signing_keys().await?)
        };
        let ring = context.operate("signing-key retire", &self.reason, retire).await?;
        context.output.print(&document(&ring), || {
            let signing = ring.signing().map_or("none", |key| key.key.id.as_str());
            format!("retired the signing key {}: every server refuses its tokens; {signing} signs now", self.key)
        })
    }
}

/// The JSON document of the keys, without their secrets.
fn document(ring: &Keyring) -> Value {
    let keys: Vec<Value> = ring
        .stages()
        .map(|(key, stage)| {
            json!({
                "key_id": key.key.id,
                "stage": stage.name(),
                "algorithm": key.key.algorithm,
                "created_at": key.key.created_at.to_string(),
                "signs_from": key.signs_from.to_string(),
                "verifies_until": ring.needed_until(&key.key.id).map(|end| end.to_string()),
            })
        })
        .collect();
    json!({ "signing_keys": keys })
}
