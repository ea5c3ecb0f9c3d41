//! The current revision of an account, which every API request checks. On PostgreSQL concurrent lookups share a query.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, LazyLock},
};

use auth::AccountId;
use kernel::{OrganizationId, Revision, StoreError};

use crate::{
    batching::{self, Batcher},
    engine::{BatchStatement, Engine, RowReader, Session, Value, names_organizations},
    records::table::META_COLUMNS,
};

type AccountKey = (OrganizationId, AccountId);
type CurrentRevision = Option<Revision>;

static CURRENT: LazyLock<BatchStatement> = LazyLock::new(|| {
    BatchStatement::for_each(
        &META_COLUMNS[..2],
        "SELECT organization_id, id, revision FROM service_accounts WHERE organization_id = ?1 AND id = ?2",
        &format!(
            "SELECT a.organization_id, a.id, a.revision FROM {{rows}} \
             JOIN service_accounts AS a ON a.organization_id = v.organization_id AND a.id = v.id WHERE {}",
            names_organizations("a.", 1)
        ),
    )
});

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
        let account = (organization, account);
        if engine.is_in_process() {
            let current =
                engine.read_point([account], |accounts, session| Box::pin(execute(accounts, session))).await?;
            return Ok(current.into_iter().next().flatten());
        }
        batching::read(&self.batcher, engine, account, |accounts, session| Box::pin(execute(accounts, session))).await
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
