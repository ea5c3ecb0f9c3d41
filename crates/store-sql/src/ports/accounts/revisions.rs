//! The current revision of an account, which every API request checks. On PostgreSQL concurrent lookups share a query.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, LazyLock},
};

use auth::AccountId;
use kernel::{OrganizationId, Revision, StoreError};

use crate::{
    batching::{self, Batcher},
    engine::{BatchStatement, Engine, RowReader, Session, Sql, Value},
    records::column_by_id,
};

type AccountKey = (OrganizationId, AccountId);
type CurrentRevision = Option<Revision>;

static CURRENT: LazyLock<BatchStatement> = LazyLock::new(|| column_by_id("service_accounts", "revision"));
static CURRENT_OF_ONE: LazyLock<Sql> =
    LazyLock::new(|| Sql::from_text("SELECT revision FROM service_accounts WHERE organization_id = ? AND id = ?"));

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
                    Box::pin(session.fetch_one(&CURRENT_OF_ONE, values, |cells| cells.revision()))
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
    let accounts: BTreeSet<AccountKey> = requested.iter().copied().collect();
    let rows: Vec<Vec<Value<'_>>> =
        accounts.into_iter().map(|(organization, account)| vec![organization.into(), account.into()]).collect();
    let read = |cells: &mut RowReader<'_>| Ok(((cells.id()?, cells.id()?), cells.revision()?));
    let current: HashMap<AccountKey, Revision> = session.fetch_each(&CURRENT, &rows, read).await?.into_iter().collect();
    Ok(requested.iter().map(|account| current.get(account).copied()).collect())
}
