//! Changes of credentials, sessions and links, in the transaction of the changeset that they belong to.

use std::sync::LazyLock;

use auth::CredentialChange;
use kernel::{CommitError, OrganizationId, StoreError};

use super::rows;
use crate::{
    engine::{Column, Session, Sql, Value, column_list},
    schema::tables::{USER_CREDENTIALS, USER_IDENTITIES, USER_LINKS, USER_SESSIONS},
};

/// The reason that nothing was stored.
pub(in crate::ports) enum Failure {
    /// The condition of a change does not hold.
    Unmet,
    Commit(CommitError),
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Commit(error.into())
    }
}

/// Credentials that another process has stored first are told by the row that is missing from the result: a distributed
/// database counts rows that conflict as inserted.
static FIRST_CREDENTIALS: LazyLock<Sql> = LazyLock::new(|| {
    let insert = insert_text(USER_CREDENTIALS.name, &USER_CREDENTIALS.columns);
    Sql::from_text(&format!("{insert} ON CONFLICT (organization_id, user_id) DO NOTHING RETURNING version"))
});
static NEXT_CREDENTIALS: LazyLock<Sql> = LazyLock::new(|| {
    let assignments: Vec<String> =
        USER_CREDENTIALS.columns[2..].iter().map(|column| format!("{} = ?", column.name)).collect();
    Sql::from_text(&format!(
        "UPDATE user_credentials SET {} WHERE organization_id = ? AND user_id = ? AND version = ?",
        assignments.join(", ")
    ))
});
static ADD_SESSION: LazyLock<Sql> =
    LazyLock::new(|| Sql::from_text(&insert_text(USER_SESSIONS.name, &USER_SESSIONS.columns)));
static REMOVE_SESSION: LazyLock<Sql> =
    LazyLock::new(|| Sql::from_text("DELETE FROM user_sessions WHERE organization_id = ? AND id = ? AND user_id = ?"));
static REMOVE_SESSIONS: LazyLock<Sql> =
    LazyLock::new(|| Sql::from_text("DELETE FROM user_sessions WHERE organization_id = ? AND user_id = ? AND id <> ?"));
static REAUTHENTICATE: LazyLock<Sql> = LazyLock::new(|| {
    Sql::from_text("UPDATE user_sessions SET authenticated_at = ? WHERE organization_id = ? AND id = ? AND user_id = ?")
});
static ADD_LINK: LazyLock<Sql> = LazyLock::new(|| Sql::from_text(&insert_text(USER_LINKS.name, &USER_LINKS.columns)));
static USE_LINK: LazyLock<Sql> =
    LazyLock::new(|| Sql::from_text("DELETE FROM user_links WHERE organization_id = ? AND token = ?"));
static REMOVE_LINKS_OF_USER: LazyLock<Sql> =
    LazyLock::new(|| Sql::from_text("DELETE FROM user_links WHERE organization_id = ? AND user_id = ?"));
static REMOVE_LINKS_WITHOUT_USER: LazyLock<Sql> =
    LazyLock::new(|| Sql::from_text("DELETE FROM user_links WHERE organization_id = ? AND user_id IS NULL"));

/// As [`FIRST_CREDENTIALS`], the row that is returned says whether it was inserted.
static ADD_IDENTITY: LazyLock<Sql> = LazyLock::new(|| {
    let insert = insert_text(USER_IDENTITIES.name, &USER_IDENTITIES.columns);
    Sql::from_text(&format!("{insert} ON CONFLICT (organization_id, issuer, subject) DO NOTHING RETURNING linked_at"))
});
static USE_IDENTITY: LazyLock<Sql> = LazyLock::new(|| {
    Sql::from_text(
        "UPDATE user_identities SET last_used_at = ? \
         WHERE organization_id = ? AND issuer = ? AND subject = ? AND user_id = ?",
    )
});
static REMOVE_IDENTITIES: LazyLock<Sql> =
    LazyLock::new(|| Sql::from_text("DELETE FROM user_identities WHERE organization_id = ? AND user_id = ?"));

fn insert_text(table: &str, columns: &[Column]) -> String {
    let placeholders = vec!["?"; columns.len()].join(", ");
    let columns = column_list("", columns.iter().map(|column| column.name));
    format!("INSERT INTO {table} ({columns}) VALUES ({placeholders})")
}

/// Applies one change of the organization.
pub(super) async fn apply(
    session: &Session,
    organization: OrganizationId,
    change: &CredentialChange,
) -> Result<(), Failure> {
    match change {
        CredentialChange::SetCredentials { user, credentials } => {
            let key = [organization.into(), (*user).into()];
            let values = rows::credentials_values(credentials).into_iter();
            if credentials.version == 1 {
                let values: Vec<Value<'_>> = key.into_iter().chain(values).collect();
                let inserted = session.fetch_one(&FIRST_CREDENTIALS, &values, |cells| cells.int()).await?;
                return met(inserted.is_some());
            }
            let expected = Value::from(credentials.version - 1);
            let values: Vec<Value<'_>> = values.chain(key).chain([expected]).collect();
            met(session.execute(&NEXT_CREDENTIALS, &values).await? == 1)
        }
        CredentialChange::AddSession(added) => {
            session.execute(&ADD_SESSION, &rows::session_values(added)).await?;
            Ok(())
        }
        CredentialChange::RemoveSession { user, session: removed } => {
            let values = [organization.into(), (*removed).into(), (*user).into()];
            met(session.execute(&REMOVE_SESSION, &values).await? == 1)
        }
        CredentialChange::RemoveSessions { user, except } => {
            // No session has the empty identifier.
            let except = except.map_or(Value::text(""), Into::into);
            session.execute(&REMOVE_SESSIONS, &[organization.into(), (*user).into(), except]).await?;
            Ok(())
        }
        CredentialChange::Reauthenticate { user, session: proven, at } => {
            let values = [(*at).into(), organization.into(), (*proven).into(), (*user).into()];
            met(session.execute(&REAUTHENTICATE, &values).await? == 1)
        }
        CredentialChange::AddLink(link) => {
            session.execute(&ADD_LINK, &rows::link_values(organization, link)).await?;
            Ok(())
        }
        CredentialChange::UseLink(token) => {
            let values = [organization.into(), token.to_hex().into()];
            met(session.execute(&USE_LINK, &values).await? == 1)
        }
        CredentialChange::RemoveLinks { user: Some(user) } => {
            session.execute(&REMOVE_LINKS_OF_USER, &[organization.into(), (*user).into()]).await?;
            Ok(())
        }
        CredentialChange::RemoveLinks { user: None } => {
            session.execute(&REMOVE_LINKS_WITHOUT_USER, &[organization.into()]).await?;
            Ok(())
        }
        CredentialChange::AddIdentity(identity) => {
            let values = rows::identity_values(organization, identity);
            let inserted = session.fetch_one(&ADD_IDENTITY, &values, |cells| cells.int()).await?;
            met(inserted.is_some())
        }
        CredentialChange::UseIdentity { user, issuer, subject, at } => {
            let key = [organization.into(), Value::text(issuer), Value::text(subject), (*user).into()];
            let values: Vec<Value<'_>> = [(*at).into()].into_iter().chain(key).collect();
            met(session.execute(&USE_IDENTITY, &values).await? == 1)
        }
        CredentialChange::RemoveIdentities { user } => {
            session.execute(&REMOVE_IDENTITIES, &[organization.into(), (*user).into()]).await?;
            Ok(())
        }
    }
}

fn met(condition: bool) -> Result<(), Failure> {
    if condition { Ok(()) } else { Err(Failure::Unmet) }
}
