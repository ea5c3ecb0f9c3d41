//! Commands that show users.

use auth::{Credentials, ExternalIdentity, Passkey, Session, StoredUser, User};
use clap::Args;
use kernel::Timestamp;
use serde_json::{Value, json};

use super::Target;
use crate::{
    cli::{CommandContext, columns},
    compose::Installation,
    failure::Failure,
    operations::{find_user, find_workspace, workspace_ref},
};

#[derive(Debug, Args)]
pub(crate) struct List {
    /// List the users of this workspace only.
    #[arg(long, value_name = "SLUG")]
    workspace: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Show {
    #[command(flatten)]
    target: Target,
}

impl List {
    pub(crate) async fn run(&self, context: &CommandContext) -> Result<(), Failure> {
        let listed = Installation::with(&context.settings, async |installation| {
            let people = installation.people(&context.settings);
            let workspaces = match &self.workspace {
                Some(slug) => vec![find_workspace(installation, slug).await?],
                None => installation.store.organizations().await?,
            };
            let mut listed = Vec::new();
            for workspace in workspaces {
                for user in people.users(None, workspace.meta.id).await? {
                    let ways = ways_to_sign_in(installation, &user).await?;
                    listed.push((workspace.record.slug.clone(), user, ways));
                }
            }
            Ok(listed)
        })
        .await?;
        let documents: Vec<Value> = listed
            .iter()
            .map(|(slug, user, ways)| {
                let mut document = document(user);
                document["signs_in_by"] = json!(ways);
                document["workspace"] = json!(slug.as_str());
                document
            })
            .collect();
        context.output.print(&json!({ "users": documents }), || {
            let head =
                ["EMAIL", "NAME", "WORKSPACE", "ROLE", "STATUS", "SIGNS_IN_BY", "ID"].map(str::to_owned).to_vec();
            let rows = listed.iter().map(|(slug, user, ways)| {
                let User { name, email, role, status, .. } = &user.record;
                let names = [email.as_str(), name.as_str(), slug.as_str(), role.name(), status.name()];
                names.into_iter().map(str::to_owned).chain([ways_text(ways), user.meta.id.to_string()]).collect()
            });
            columns(&std::iter::once(head).chain(rows).collect::<Vec<_>>())
        })
    }
}

impl Show {
    pub(crate) async fn run(&self, context: &CommandContext) -> Result<(), Failure> {
        let (user, credentials, identities, sessions) = Installation::with(&context.settings, async |installation| {
            let people = installation.people(&context.settings);
            let workspace = workspace_ref(installation, &self.target.workspace).await?;
            let user = find_user(&people, &workspace, &self.target.user).await?;
            let credentials = installation.store.credentials(workspace.id, user.meta.id).await?;
            let identities = people.identities(workspace.id, user.meta.id).await?;
            let sessions = people.sessions(None, workspace.id, user.meta.id).await?;
            Ok((user, credentials, identities, sessions))
        })
        .await?;
        let last_used = sessions.iter().map(|session: &Session| session.last_used_at).max();
        let mut document = document(&user);
        document["signs_in_by"] = json!(ways(credentials.is_some(), !identities.is_empty()));
        document["identities"] = identities.iter().map(identity_document).collect();
        document["password_set_at"] = text(credentials.as_ref().map(|credentials| credentials.password_set_at)).into();
        document["second_factor"] = has_second_factor(credentials.as_ref()).into();
        document["passkeys"] = passkeys(credentials.as_ref()).iter().map(passkey_document).collect();
        document["recovery_codes"] = recovery_codes(credentials.as_ref()).into();
        document["sessions"] = sessions.len().into();
        document["last_used_at"] = text(last_used).into();
        context.output.print(&document, || {
            let User { name, email, role, status, timezone } = &user.record;
            let or_none = |text: Option<String>| text.unwrap_or_else(|| "none".to_owned());
            let second_factor = if has_second_factor(credentials.as_ref()) { "enrolled" } else { "none" };
            let signs_in_by = ways_text(&ways(credentials.is_some(), !identities.is_empty()));
            let names = passkeys(credentials.as_ref()).iter().map(|passkey| passkey.name.as_str()).collect::<Vec<_>>();
            let rows = [
                ("id", user.meta.id.to_string()),
                ("email", email.to_string()),
                ("name", name.to_string()),
                ("role", role.name().to_owned()),
                ("status", status.name().to_owned()),
                ("timezone", or_none(timezone.as_ref().map(ToString::to_string))),
                ("signs_in_by", signs_in_by),
                ("identities", identities_text(&identities)),
                ("password_set_at", or_none(text(credentials.as_ref().map(|credentials| credentials.password_set_at)))),
                ("second_factor", second_factor.to_owned()),
                ("passkeys", or_none(Some(names.join(", ")).filter(|names| !names.is_empty()))),
                ("recovery_codes", recovery_codes(credentials.as_ref()).to_string()),
                ("sessions", sessions.len().to_string()),
                ("last_used_at", or_none(text(last_used))),
                ("created_at", user.meta.created_at.to_string()),
            ];
            columns(&rows.map(|(name, value)| vec![name.to_owned(), value]))
        })
    }
}

/// How a user signs in.
fn ways(has_password: bool, has_identity: bool) -> Vec<&'static str> {
    let ways = [("password", has_password), ("provider", has_identity)];
    ways.into_iter().filter(|(_, is_there)| *is_there).map(|(way, _)| way).collect()
}

async fn ways_to_sign_in(installation: &Installation, user: &StoredUser) -> Result<Vec<&'static str>, Failure> {
    let (organization, id) = (user.meta.organization, user.meta.id);
    let has_password = installation.store.credentials(organization, id).await?.is_some();
    Ok(ways(has_password, !installation.store.identities(organization, id).await?.is_empty()))
}

fn ways_text(ways: &[&str]) -> String {
    if ways.is_empty() { "none".to_owned() } else { ways.join(",") }
}

fn identities_text(identities: &[ExternalIdentity]) -> String {
    let texts: Vec<String> = identities.iter().map(|one| format!("{} of {}", one.subject, one.issuer)).collect();
    if texts.is_empty() { "none".to_owned() } else { texts.join(", ") }
}

fn identity_document(identity: &ExternalIdentity) -> Value {
    json!({
        "issuer": identity.issuer,
        "subject": identity.subject,
        "linked_at": identity.linked_at.to_string(),
        "last_used_at": identity.last_used_at.to_string(),
    })
}

fn text(at: Option<Timestamp>) -> Option<String> {
    at.map(|at| at.to_string())
}

fn has_second_factor(credentials: Option<&Credentials>) -> bool {
    credentials.is_some_and(Credentials::has_second_factor)
}

fn passkeys(credentials: Option<&Credentials>) -> &[Passkey] {
    credentials.map_or(&[], |credentials| &credentials.passkeys)
}

/// The JSON document of a passkey, without its key.
fn passkey_document(passkey: &Passkey) -> Value {
    json!({
        "id": passkey.id.to_string(),
        "name": passkey.name.as_str(),
        "created_at": passkey.created_at.to_string(),
        "last_used_at": text(passkey.last_used_at),
    })
}

fn recovery_codes(credentials: Option<&Credentials>) -> usize {
    credentials.map_or(0, |credentials| credentials.recovery_codes.len())
}

/// The JSON document of a user, without credentials.
pub(super) fn document(user: &StoredUser) -> Value {
    let User { name, email, role, status, timezone } = &user.record;
    json!({
        "id": user.meta.id.to_string(),
        "email": email.as_str(),
        "name": name.as_str(),
        "role": role.name(),
        "status": status.name(),
        "timezone": timezone.as_ref().map(|timezone| timezone.as_str()),
        "created_at": user.meta.created_at.to_string(),
        "updated_at": user.meta.updated_at.to_string(),
    })
}
