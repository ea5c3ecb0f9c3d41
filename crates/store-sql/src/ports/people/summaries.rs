//! How users sign in, for lists: one statement for all of them.

use std::sync::LazyLock;

use auth::{SessionLevel, SignInSummary, UserId};
use kernel::{HasIdPrefix as _, OrganizationId, StoreError};

use super::passkeys;
use crate::{
    engine::{Session, Sql, Value, one_of, padded, padded_count},
    records::StatementCache,
};

static SUMMARIES: LazyLock<StatementCache<usize>> = LazyLock::new(StatementCache::default);

/// The last sign-in is the newest session that is not over or, among the newest entries about the user, the newest sign-in.
pub(super) async fn read(
    session: &Session,
    organization: OrganizationId,
    users: &[UserId],
) -> Result<Vec<SignInSummary>, StoreError> {
    if users.is_empty() {
        return Ok(Vec::new());
    }
    let sql = SUMMARIES.get(padded_count(users.len()), |count| Sql::from_numbered_text(&statement(*count)));
    let mut values = vec![organization.into()];
    values.extend(padded(users.iter().map(|id| Value::from(*id))));
    session
        .fetch(&sql, &values, |cells| {
            let (user, second_factor_since) = (cells.id()?, cells.opt_time()?);
            let passkeys = cells.opt_parsed(passkeys::from_json)?.map_or(0, |passkeys| passkeys.len());
            let last_sign_in = cells.opt_time()?.max(cells.opt_time()?);
            Ok(SignInSummary { user, second_factor_since, passkeys, last_sign_in })
        })
        .await
}

fn statement(count: usize) -> String {
    format!(
        "SELECT u.id, c.second_factor_enrolled_at, c.passkeys, \
         (SELECT MAX(s.created_at) FROM user_sessions AS s \
         WHERE s.organization_id = ?1 AND s.user_id = u.id AND s.level = '{level}'), \
         (SELECT MAX(e.occurred_at) FROM (SELECT a.occurred_at, a.action FROM audit_entries AS a \
         WHERE a.organization_id = ?1 AND a.subject_id = '{prefix}_' || u.id ORDER BY a.id DESC LIMIT {most}) AS e \
         WHERE e.action = '{action}') \
         FROM users AS u LEFT JOIN user_credentials AS c ON c.organization_id = ?1 AND c.user_id = u.id \
         WHERE u.organization_id = ?1 AND {users}",
        level = SessionLevel::Full.name(),
        prefix = auth::User::PREFIX,
        most = SignInSummary::MAX_ENTRIES,
        action = SignInSummary::SIGNED_IN,
        users = one_of("u.id", 2, count),
    )
}
