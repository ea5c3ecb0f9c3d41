//! Service accounts: lookup by client id, current revisions and last use.

mod revisions;

use std::sync::LazyLock;

use async_trait::async_trait;
use auth::{Account, AccountId, Accounts};
use kernel::{OrganizationId, Revision, StoreError, Timestamp};
use sea_query::{Expr, ExprTrait as _, Query};

use super::SqlStore;
use crate::{
    engine::{BatchStatement, Sql, Value, placeholder},
    records::table::{self, META_COLUMNS, Table},
    schema::tables::SERVICE_ACCOUNT_USES,
};

pub(crate) use revisions::AccountRevisions;

/// The only query that starts from a credential and therefore has no organization.
static BY_CLIENT_ID: LazyLock<Sql> = LazyLock::new(|| {
    let columns = META_COLUMNS.iter().chain(auth::ServiceAccount::COLUMNS).map(|column| column.name);
    Sql::from_query(
        Query::select().columns(columns).from(auth::ServiceAccount::NAME).and_where(Expr::col("id").eq(placeholder())),
    )
});
static RECORD_LAST_USED: LazyLock<BatchStatement> =
    LazyLock::new(|| BatchStatement::upsert_max(SERVICE_ACCOUNT_USES.name, &SERVICE_ACCOUNT_USES.columns));
static LAST_USED: LazyLock<Sql> = LazyLock::new(|| {
    Sql::from_text("SELECT last_used_at FROM service_account_uses WHERE organization_id = ? AND account_id = ?")
});

#[async_trait]
impl Accounts for SqlStore {
    async fn by_client_id(&self, account: AccountId) -> Result<Option<Account>, StoreError> {
        let values: [Value<'static>; 1] = [account.into()];
        self.engine
            .read_point(values, |values, session| Box::pin(session.fetch_one(&BY_CLIENT_ID, values, table::read)))
            .await
    }

    async fn revision(&self, organization: OrganizationId, account: AccountId) -> Result<Option<Revision>, StoreError> {
        self.account_revisions.revision(&self.engine, organization, account).await
    }

    async fn record_last_used(&self, uses: &[(OrganizationId, AccountId, Timestamp)]) -> Result<(), StoreError> {
        let mut latest = std::collections::BTreeMap::new();
        for (organization, account, at) in uses {
            let last_used = latest.entry((*organization, *account)).or_insert(*at);
            *last_used = (*last_used).max(*at);
        }
        let rows: Vec<Vec<Value<'static>>> = latest
            .into_iter()
            .map(|((organization, account), at)| vec![organization.into(), account.into(), at.into()])
            .collect();
        if rows.is_empty() {
            return Ok(());
        }
        self.engine.write(rows, |rows, session| Box::pin(session.store_all(&RECORD_LAST_USED, rows))).await.map(drop)
    }

    async fn last_used(
        &self,
        organization: OrganizationId,
        account: AccountId,
    ) -> Result<Option<Timestamp>, StoreError> {
        let values: [Value<'static>; 2] = [organization.into(), account.into()];
        self.engine
            .read(values, |values, session| Box::pin(session.fetch_one(&LAST_USED, values, |cells| cells.time())))
            .await
    }
}
