//! Commands about the sessions of a user.

use auth::{Session, SessionId};
use clap::Args;
use serde_json::{Value, json};

use super::{ReasonArg, Target};
use crate::{
    cli::{CommandContext, columns},
    compose::Installation,
    failure::Failure,
    operations::{Operator, find_user, workspace_ref},
};

#[derive(Debug, Args)]
pub(crate) struct Sessions {
    #[command(flatten)]
    target: Target,
}

#[derive(Debug, Args)]
pub(crate) struct Revoke {
    #[command(flatten)]
    target: Target,
    /// The session, as `novantra user sessions` lists it.
    #[arg(value_name = "SESSION", value_parser = parse_session, required_unless_present = "all")]
    session: Option<SessionId>,
    /// End all sessions.
    #[arg(long, conflicts_with = "session")]
    all: bool,
    #[command(flatten)]
    reason: ReasonArg,
}

fn parse_session(text: &str) -> Result<SessionId, String> {
    text.parse().map_err(|_| "it is not a session such as sess_01HZX3V6T9C6Q4W8N2D5K7M1RB".to_owned())
}

impl Sessions {
    pub(crate) async fn run(&self, context: &CommandContext) -> Result<(), Failure> {
        let sessions = Installation::with(&context.settings, async |installation| {
            let people = installation.people(&context.settings);
            let workspace = workspace_ref(installation, &self.target.workspace).await?;
            let user = find_user(&people, &workspace, &self.target.user).await?;
            Ok(people.sessions(None, workspace.id, user.meta.id).await?)
        })
        .await?;
        let documents: Vec<Value> = sessions.iter().map(document).collect();
        context.output.print(&json!({ "sessions": documents }), || {
            let head = ["SESSION", "LEVEL", "SIGNED_IN", "LAST_USED", "ADDRESS", "BROWSER"].map(str::to_owned).to_vec();
            let rows = sessions.iter().map(|session| {
                let or_unknown = |text: &Option<String>| text.clone().unwrap_or_else(|| "unknown".to_owned());
                vec![
                    session.id.to_string(),
                    session.level.name().to_owned(),
                    session.created_at.to_string(),
                    session.last_used_at.to_string(),
                    or_unknown(&session.source_address),
                    or_unknown(&session.user_agent),
                ]
            });
            columns(&std::iter::once(head).chain(rows).collect::<Vec<_>>())
        })
    }
}

fn document(session: &Session) -> Value {
    json!({
        "id": session.id.to_string(),
        "level": session.level.name(),
        "created_at": session.created_at.to_string(),
        "last_used_at": session.last_used_at.to_string(),
        "expires_at": session.expires_at.to_string(),
        "source_address": session.source_address,
        "user_agent": session.user_agent,
    })
}

impl Revoke {
    pub(crate) async fn run(&self, context: &CommandContext) -> Result<(), Failure> {
        let revoke = async |operator: &Operator| {
            let people = operator.installation.people(&context.settings);
            let workspace = workspace_ref(&operator.installation, &self.target.workspace).await?;
            let user = find_user(&people, &workspace, &self.target.user).await?;
            match self.session {
                Some(session) => {
                    people.revoke_session(&operator.author(), &workspace, user.meta.id, session).await?;
                }
                None => people.revoke_sessions(&operator.author(), &workspace, user.meta.id).await?,
            }
            Ok(people.sessions(None, workspace.id, user.meta.id).await?)
        };
        let left = context.operate("user revoke", &self.reason, revoke).await?;
        let document = json!({ "sessions": left.iter().map(document).collect::<Vec<_>>() });
        context.output.print(&document, || format!("{} sessions are left", left.len()))
    }
}
