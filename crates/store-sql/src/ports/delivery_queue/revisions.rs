//! The current revisions of a partition's subscription and account, which every delivery attempt checks. On PostgreSQL
//! concurrent lookups share a query.

use std::{
    collections::{BTreeSet, HashMap},
    sync::{Arc, LazyLock},
};

use kernel::{Revision, StoreError};
use webhooks::Partition;

use super::partitions::{key_values, read_partition};
use crate::{
    batching::{self, Batcher},
    engine::{BatchStatement, Engine, RowReader, Session, Value, names_organizations},
    schema::tables::WEBHOOK_LANES,
};

type CurrentRevisions = Option<(Revision, Revision)>;

pub(super) static CURRENT: LazyLock<BatchStatement> = LazyLock::new(|| {
    let found = "s.organization_id, s.id, s.revision, a.revision";
    let accounts = "JOIN service_accounts AS a ON a.organization_id = s.organization_id AND a.id = s.account_id";
    BatchStatement::for_each(
        &WEBHOOK_LANES.columns[..2],
        &format!(
            "SELECT {found} FROM webhook_subscriptions AS s {accounts} WHERE s.organization_id = ?1 AND s.id = ?2"
        ),
        &format!(
            "SELECT {found} FROM {{rows}} JOIN webhook_subscriptions AS s \
             ON s.organization_id = v.organization_id AND s.id = v.subscription_id {accounts} WHERE {} AND {}",
            names_organizations("s.", 1),
            names_organizations("a.", 1)
        ),
    )
});

#[derive(Default)]
pub(crate) struct PartitionRevisions {
    batcher: Arc<Batcher<Partition, CurrentRevisions>>,
}

impl PartitionRevisions {
    pub(super) async fn revisions(
        &self,
        engine: &Arc<Engine>,
        partition: Partition,
    ) -> Result<CurrentRevisions, StoreError> {
        if engine.is_in_process() {
            let current =
                engine.read_point([partition], |partitions, session| Box::pin(execute(partitions, session))).await?;
            return Ok(current.into_iter().next().flatten());
        }
        batching::read(&self.batcher, engine, partition, |partitions, session| Box::pin(execute(partitions, session)))
            .await
    }
}

async fn execute(requested: &[Partition], session: &Session) -> Result<Vec<CurrentRevisions>, StoreError> {
    let partitions: BTreeSet<Partition> = requested.iter().copied().collect();
    let rows: Vec<Vec<Value<'_>>> = partitions.into_iter().map(|partition| key_values(partition).to_vec()).collect();
    let read = |cells: &mut RowReader<'_>| Ok((read_partition(cells)?, (cells.revision()?, cells.revision()?)));
    let current: HashMap<Partition, (Revision, Revision)> =
        session.fetch_each(&CURRENT, &rows, read).await?.into_iter().collect();
    Ok(requested.iter().map(|partition| current.get(partition).copied()).collect())
}
