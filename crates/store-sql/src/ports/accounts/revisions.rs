//! The current revision of an account, which every API request checks. On PostgreSQL concurrent lookups share a query.

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock},
};

use auth::AccountId;
use kernel::{OrganizationId, Revision, StoreError};
use sea_query::Query;

use crate::{
    batching::{self, Batcher},
    engine::{Engine, Session, Sql, Value, is_one_of, padded, padded_count},
    records::StatementCache,
};

type AccountKey = (OrganizationId, AccountId);
type CurrentRevision = Option<Revision>;

/// The revision of one account, the usual case. [`SEVERAL`] selects by id only; organizations are compared afterwards.
static ONE: LazyLock<Sql> =
    LazyLock::new(|| Sql::from_text("SELECT revision FROM service_accounts WHERE organization_id = ? AND id = ?"));
static SEVERAL: LazyLock<StatementCache<usize>> = LazyLock::new(StatementCache::default);

#[derive(Default)]
pub(crate) struct AccountRevisions {
    batcher: Arc<Batcher<AccountKey, CurrentRevision>>,
}

impl AccountRevisions {
    pub(crate) async fn revision(
        &self,
        engine: &Arc<Engine>,
        organization: OrganizationId,
        account: AccountId,
    ) -> Result<CurrentRevision, StoreError> {
        if engine.is_in_process() {
            let values: [Value<'static>; 2] = [organization.into(), account.into()];
            return engine
                .read_point(values, |values, session| {
                    Box::pin(session.fetch_one(&ONE, values, |cells| cells.revision()))
                })
                .await;
        }
        batching::read(&self.batcher, engine, (organization, account), |accounts, session| {
            Box::pin(execute(accounts, session))
        })
        .await
    }
}

async fn execute(requested: &[AccountKey], session: &Session) -> Result<Vec<CurrentRevision>, StoreError> {
    let mut accounts: Vec<AccountKey> = requested.to_vec();
    accounts.sort_unstable();
    accounts.dedup();
    let current: HashMap<AccountKey, Revision> = match accounts[..] {
        [] => HashMap::new(),
        [(organization, account)] => {
            let values = [organization.into(), account.into()];
            let revision = session.fetch_one(&ONE, &values, |cells| cells.revision()).await?;
            revision.map(|revision| ((organization, account), revision)).into_iter().collect()
        }
        _ => {
            let sql = SEVERAL.get(padded_count(accounts.len()), |count| {
                let columns = ["organization_id", "id", "revision"];
                Sql::from_query(
                    Query::select().columns(columns).from("service_accounts").and_where(is_one_of("id", *count)),
                )
            });
            let values: Vec<Value<'_>> = padded(accounts.iter().map(|(_, account)| Value::from(*account))).collect();
            let rows =
                session.fetch(&sql, &values, |cells| Ok(((cells.id()?, cells.id()?), cells.revision()?))).await?;
            rows.into_iter().collect()
        }
    };
    Ok(requested.iter().map(|account| current.get(account).copied()).collect())
}
