//! Credentials, sessions and one-time links of users.

mod changes;
mod passkeys;
mod rows;
mod summaries;

use std::sync::LazyLock;

use async_trait::async_trait;
use auth::{
    CredentialChange, Credentials, ExternalIdentity, MAX_LISTED_SESSIONS, MAX_STORED_FOR, OneTimeLink, PeopleStore,
    Session, SessionId, SignInSummary, StoredUser, TokenHash, User, UserId,
};
use kernel::{Changeset, CommitError, OrganizationId, StoreError, Timestamp};

use super::{SqlStore, commit::commit};
use crate::{
    engine::{Column, Sql, Value, column_list},
    records::table::{self, META_COLUMNS, Table},
    schema::tables::{USER_CREDENTIALS, USER_IDENTITIES, USER_LINKS, USER_SESSIONS},
};
pub(super) use changes::Failure;

static CREDENTIALS: LazyLock<Sql> = LazyLock::new(|| {
    let columns = names("", &USER_CREDENTIALS.columns[2..]);
    Sql::from_text(&format!("SELECT {columns} FROM user_credentials WHERE organization_id = ? AND user_id = ?"))
});
/// Texts of JSON documents that contain the passkey.
static PASSKEY: LazyLock<Sql> = LazyLock::new(|| {
    Sql::from_text(
        "SELECT user_id FROM user_credentials WHERE organization_id = ? AND passkeys LIKE ? ORDER BY user_id LIMIT 1",
    )
});
/// A session with its user, in one snapshot.
static SESSION: LazyLock<Sql> = LazyLock::new(|| {
    let session = names("s.", &USER_SESSIONS.columns);
    let user = names("u.", &[&META_COLUMNS, User::COLUMNS].concat());
    Sql::from_text(&format!(
        "SELECT {session}, {user} FROM user_sessions AS s \
         JOIN users AS u ON u.organization_id = s.organization_id AND u.id = s.user_id \
         WHERE s.organization_id = ? AND s.token = ?"
    ))
});
static SESSIONS: LazyLock<Sql> = LazyLock::new(|| {
    let columns = names("", &USER_SESSIONS.columns);
    Sql::from_text(&format!(
        "SELECT {columns} FROM user_sessions WHERE organization_id = ? AND user_id = ? \
         ORDER BY last_used_at DESC, id DESC LIMIT ?"
    ))
});
static LINK: LazyLock<Sql> = LazyLock::new(|| {
    let columns = names("", &USER_LINKS.columns);
    Sql::from_text(&format!("SELECT {columns} FROM user_links WHERE organization_id = ? AND token = ?"))
});
static IDENTITY: LazyLock<Sql> = LazyLock::new(|| {
    let columns = names("", &USER_IDENTITIES.columns);
    Sql::from_text(&format!(
        "SELECT {columns} FROM user_identities WHERE organization_id = ? AND issuer = ? AND subject = ?"
    ))
});
static IDENTITIES: LazyLock<Sql> = LazyLock::new(|| {
    let columns = names("", &USER_IDENTITIES.columns);
    Sql::from_text(&format!(
        "SELECT {columns} FROM user_identities WHERE organization_id = ? AND user_id = ? \
         ORDER BY linked_at, issuer, subject LIMIT ?"
    ))
});
static RECORD_USE: LazyLock<Sql> = LazyLock::new(|| {
    Sql::from_text(
        "UPDATE user_sessions SET last_used_at = ? WHERE organization_id = ? AND id = ? AND last_used_at < ?",
    )
});
static DELETE_EXPIRED: LazyLock<[Sql; 2]> =
    LazyLock::new(|| [delete_expired("user_sessions", "id"), delete_expired("user_links", "token")]);

fn delete_expired(table: &str, key: &str) -> Sql {
    Sql::from_text(&format!(
        "DELETE FROM {table} WHERE (organization_id, {key}) IN (SELECT organization_id, {key} FROM {table} \
         WHERE expires_at < ? OR expires_at > ? ORDER BY expires_at, organization_id, {key} LIMIT ?)"
    ))
}

fn names(prefix: &'static str, columns: &[Column]) -> String {
    column_list(prefix, columns.iter().map(|column| column.name))
}

#[async_trait]
impl PeopleStore for SqlStore {
    async fn credentials(&self, organization: OrganizationId, user: UserId) -> Result<Option<Credentials>, StoreError> {
        let values: [Value<'static>; 2] = [organization.into(), user.into()];
        self.engine
            .read_point(values, |values, session| Box::pin(session.fetch_one(&CREDENTIALS, values, rows::credentials)))
            .await
    }

    async fn user_with_passkey(
        &self,
        organization: OrganizationId,
        credential_id: &[u8],
    ) -> Result<Option<UserId>, StoreError> {
        let values: [Value<'static>; 2] = [organization.into(), passkeys::pattern(credential_id).into()];
        self.engine
            .read(values, |values, session| Box::pin(session.fetch_one(&PASSKEY, values, |cells| cells.id())))
            .await
    }

    async fn session(
        &self,
        organization: OrganizationId,
        token: TokenHash,
    ) -> Result<Option<(Session, StoredUser)>, StoreError> {
        let values: [Value<'static>; 2] = [organization.into(), token.to_hex().into()];
        self.engine
            .read_point(values, |values, session| {
                Box::pin(
                    session
                        .fetch_one(&SESSION, values, |cells| Ok((rows::session(cells)?, table::read::<User>(cells)?))),
                )
            })
            .await
    }

    async fn sessions(&self, organization: OrganizationId, user: UserId) -> Result<Vec<Session>, StoreError> {
        let values: [Value<'static>; 3] = [organization.into(), user.into(), Value::limit(MAX_LISTED_SESSIONS)];
        self.engine.read(values, |values, session| Box::pin(session.fetch(&SESSIONS, values, rows::session))).await
    }

    async fn sign_in_summaries(
        &self,
        organization: OrganizationId,
        users: &[UserId],
    ) -> Result<Vec<SignInSummary>, StoreError> {
        let input = (organization, users.to_vec());
        let mut summaries = self
            .engine
            .read(input, |(organization, users), session| Box::pin(summaries::read(session, *organization, users)))
            .await?;
        let listed: Vec<UserId> = summaries.iter().map(|summary| summary.user).collect();
        if !listed.is_empty() {
            let recorded = summaries::recorded_sign_ins(&self.stored_log, organization, &listed).await?;
            for summary in &mut summaries {
                summary.last_sign_in = summary.last_sign_in.max(recorded.get(&summary.user.to_string()).copied());
            }
        }
        Ok(summaries)
    }

    async fn one_time_link(
        &self,
        organization: OrganizationId,
        token: TokenHash,
    ) -> Result<Option<OneTimeLink>, StoreError> {
        let values: [Value<'static>; 2] = [organization.into(), token.to_hex().into()];
        self.engine.read(values, |values, session| Box::pin(session.fetch_one(&LINK, values, rows::link))).await
    }

    async fn identity(
        &self,
        organization: OrganizationId,
        issuer: &str,
        subject: &str,
    ) -> Result<Option<ExternalIdentity>, StoreError> {
        let values: [Value<'static>; 3] = [organization.into(), issuer.to_owned().into(), subject.to_owned().into()];
        self.engine.read(values, |values, session| Box::pin(session.fetch_one(&IDENTITY, values, rows::identity))).await
    }

    async fn identities(
        &self,
        organization: OrganizationId,
        user: UserId,
    ) -> Result<Vec<ExternalIdentity>, StoreError> {
        let limit = Value::limit(ExternalIdentity::MAX_PER_USER);
        let values: [Value<'static>; 3] = [organization.into(), user.into(), limit];
        self.engine.read(values, |values, session| Box::pin(session.fetch(&IDENTITIES, values, rows::identity))).await
    }

    async fn record_session_use(
        &self,
        organization: OrganizationId,
        session: SessionId,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let values: [Value<'static>; 4] = [at.into(), organization.into(), session.into(), at.into()];
        self.engine.write(values, |values, session| Box::pin(session.execute(&RECORD_USE, values))).await.map(drop)
    }

    async fn commit_with_credentials(
        &self,
        changeset: Changeset,
        changes: &[CredentialChange],
    ) -> Result<bool, CommitError> {
        let input = (self.registration.check(), changes.to_vec(), changeset);
        let outcome = self
            .write_entries(
                None,
                input,
                |()| true,
                |((check, changes, changeset), rows), session| {
                    Box::pin(async move {
                        for change in changes {
                            changes::apply(session, changeset.organization(), change).await?;
                        }
                        commit(session, *check, changeset, rows).await.map_err(Failure::Commit)
                    })
                },
            )
            .await;
        match outcome {
            Ok(()) => Ok(true),
            Err(Failure::Unmet) => Ok(false),
            Err(Failure::Commit(error)) => Err(error),
        }
    }

    async fn delete_expired_sessions_and_links(&self, now: Timestamp, limit: usize) -> Result<u64, StoreError> {
        let values: [Value<'static>; 3] = [now.into(), (now + MAX_STORED_FOR).into(), Value::limit(limit)];
        self.engine
            .write(values, |values, session| {
                Box::pin(async move {
                    let mut deleted = 0;
                    for delete in &*DELETE_EXPIRED {
                        deleted += session.execute(delete, values).await?;
                    }
                    Ok(deleted)
                })
            })
            .await
    }
}
