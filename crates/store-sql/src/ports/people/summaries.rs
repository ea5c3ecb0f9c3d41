//! How users sign in, for lists: one statement for all of them, and the audit log.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::LazyLock,
};

use ::audit::{AuditFilter, StoredEntry};
use audit_store::StoredLog;
use auth::{SessionLevel, SignInSummary, UserId};
use kernel::{OrganizationId, PageLimit, PageRequest, StoreError, Timestamp};

use super::passkeys;
use crate::{
    engine::{Session, Sql, Value, one_of, padded, padded_count},
    records::StatementCache,
};

static SUMMARIES: LazyLock<StatementCache<usize>> = LazyLock::new(StatementCache::default);

/// Reads the summaries of those of the users that exist. The last sign-in is that of the newest session that is not over.
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
            Ok(SignInSummary { user, second_factor_since, passkeys, last_sign_in: cells.opt_time()? })
        })
        .await
}

fn statement(count: usize) -> String {
    format!(
        "SELECT u.id, c.second_factor_enrolled_at, c.passkeys, \
         (SELECT MAX(s.created_at) FROM user_sessions AS s \
         WHERE s.organization_id = ?1 AND s.user_id = u.id AND s.level = '{level}') \
         FROM users AS u LEFT JOIN user_credentials AS c ON c.organization_id = ?1 AND c.user_id = u.id \
         WHERE u.organization_id = ?1 AND {users}",
        level = SessionLevel::Full.name(),
        users = one_of("u.id", 2, count),
    )
}

/// Returns the times of the newest sign-ins that the audit log has, by the identifiers of the users with their prefixes.
/// Most users are among the newest sign-ins of all of them.
pub(super) async fn recorded_sign_ins(
    log: &StoredLog,
    organization: OrganizationId,
    users: &[UserId],
) -> Result<BTreeMap<String, Timestamp>, StoreError> {
    let mut missing: BTreeSet<String> = users.iter().map(UserId::to_string).collect();
    let mut found = BTreeMap::new();
    let (newest, is_complete) = newest_sign_ins(log, organization, missing.clone(), PageLimit::MAX as u64).await?;
    for (user, at) in newest {
        missing.remove(&user);
        found.entry(user).or_insert(at);
    }
    while let Some(user) = missing.pop_first().filter(|_| !is_complete) {
        found.extend(newest_sign_ins(log, organization, [user].into(), 1).await?.0);
    }
    Ok(found)
}

/// Returns the newest sign-ins of these users, and whether there are no others.
async fn newest_sign_ins(
    log: &StoredLog,
    organization: OrganizationId,
    users: BTreeSet<String>,
    limit: u64,
) -> Result<(Vec<(String, Timestamp)>, bool), StoreError> {
    let actions = [SignInSummary::SIGNED_IN.to_owned()].into();
    let filter = AuditFilter { actions, subjects: users, ..AuditFilter::default() };
    let page = PageRequest { limit: PageLimit::clamped(limit), ..PageRequest::default() };
    let page = log.entries(organization, &filter, &page, Timestamp::MIN).await?;
    let sign_in = |stored: StoredEntry| Some((stored.entry.subject?.id, stored.entry.occurred_at));
    Ok((page.items.into_iter().filter_map(sign_in).collect(), page.next.is_none()))
}
