//! The current revision of an account, which every API request checks. On PostgreSQL concurrent lookups share a query.

use std::{
    collections::HashMap,
    sync::{Arc, LazyLock},
};

use auth::AccountId;
use kernel::{OrganizationId, Revision, StoreError};
use sea_query::Query;

use crate::{
    coalesce::{self, Waiting},
    engine::{Engine, Session, Sql, Value},
    shape::{among, rounded},
    statements::padded,
    texts::Texts,
};

type Question = (OrganizationId, AccountId);
type Present = Option<Revision>;

/// The revision of one account, the usual case. [`SEVERAL`] selects by id only; organizations are compared afterwards.
static ONE: LazyLock<Sql> =
    LazyLock::new(|| Sql::fixed("SELECT revision FROM service_accounts WHERE organization_id = ? AND id = ?"));
static SEVERAL: LazyLock<Texts<usize>> = LazyLock::new(Texts::default);

#[derive(Default)]
pub(crate) struct Standing {
    waiting: Arc<Waiting<Question, Present>>,
}

impl Standing {
    pub(crate) async fn revision(
        &self,
        engine: &Arc<Engine>,
        organization: OrganizationId,
        account: AccountId,
    ) -> Result<Present, StoreError> {
        if engine.is_in_process() {
            let values: [Value<'static>; 2] = [organization.into(), account.into()];
            return engine
                .read_point(values, |values, session| {
                    Box::pin(session.fetch_one(&ONE, values, |cells| cells.revision()))
                })
                .await;
        }
        coalesce::read(&self.waiting, engine, (organization, account), |accounts, session| {
            Box::pin(travel(accounts, session))
        })
        .await
    }
}

async fn travel(requested: &[Question], session: &Session) -> Result<Vec<Present>, StoreError> {
    let mut accounts: Vec<Question> = requested.to_vec();
    accounts.sort_unstable();
    accounts.dedup();
    let current: HashMap<Question, Revision> = match accounts[..] {
        [] => HashMap::new(),
        [(organization, account)] => {
            let values = [organization.into(), account.into()];
            let revision = session.fetch_one(&ONE, &values, |cells| cells.revision()).await?;
            revision.map(|revision| ((organization, account), revision)).into_iter().collect()
        }
        _ => {
            let sql = SEVERAL.get(rounded(accounts.len()), |count| {
                let columns = ["organization_id", "id", "revision"];
                Sql::built(Query::select().columns(columns).from("service_accounts").and_where(among("id", *count)))
            });
            let values: Vec<Value<'_>> = padded(accounts.iter().map(|(_, account)| Value::from(*account))).collect();
            let rows =
                session.fetch(&sql, &values, |cells| Ok(((cells.id()?, cells.id()?), cells.revision()?))).await?;
            rows.into_iter().collect()
        }
    };
    Ok(requested.iter().map(|account| current.get(account).copied()).collect())
}
