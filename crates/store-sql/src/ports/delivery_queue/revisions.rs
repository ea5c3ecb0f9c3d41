//! The current revisions of a partition's subscription and account, which every delivery attempt checks. On PostgreSQL
//! concurrent lookups share a query.

use std::{
    collections::HashMap,
    fmt::Write as _,
    sync::{Arc, LazyLock},
};

use kernel::{Revision, StoreError};
use webhooks::Partition;

use crate::{
    batching::{self, Batcher},
    engine::{Engine, Session, Sql, Value, padded_count},
    records::StatementCache,
};

type CurrentRevisions = Option<(Revision, Revision)>;

/// The revisions for one partition, the usual case. [`SEVERAL`] selects those for several.
pub(super) static ONE: LazyLock<Sql> = LazyLock::new(|| {
    Sql::from_text(
        "SELECT s.revision, a.revision FROM webhook_subscriptions AS s JOIN service_accounts AS a \
         ON a.organization_id = s.organization_id AND a.id = s.account_id WHERE s.organization_id = ? AND s.id = ?",
    )
});
static SEVERAL: LazyLock<StatementCache<usize>> = LazyLock::new(StatementCache::default);

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
            return engine
                .read_point(partition, |partition, session| Box::pin(fetch_single(session, *partition)))
                .await;
        }
        batching::read(&self.batcher, engine, partition, |partitions, session| Box::pin(execute(partitions, session)))
            .await
    }
}

async fn fetch_single(session: &Session, partition: Partition) -> Result<CurrentRevisions, StoreError> {
    let values = [partition.organization.into(), partition.subscription.into()];
    session.fetch_one(&ONE, &values, |cells| Ok((cells.revision()?, cells.revision()?))).await
}

async fn execute(requested: &[Partition], session: &Session) -> Result<Vec<CurrentRevisions>, StoreError> {
    let mut partitions: Vec<Partition> = requested.to_vec();
    partitions.sort_unstable();
    partitions.dedup();
    let current: HashMap<Partition, (Revision, Revision)> = match partitions[..] {
        [] => HashMap::new(),
        [partition] => {
            fetch_single(session, partition).await?.map(|revisions| (partition, revisions)).into_iter().collect()
        }
        _ => {
            let count = padded_count(partitions.len());
            let sql = SEVERAL.get(count, |count| several_statement(*count));
            // Unused placeholders are filled with empty texts, which match no partition.
            let keys = partitions.iter().flat_map(|key| [key.organization.into(), key.subscription.into()]);
            let values: Vec<Value<'_>> = keys.chain(std::iter::repeat(Value::text(""))).take(2 * count).collect();
            let read = |cells: &mut crate::engine::RowReader<'_>| {
                let partition = Partition { organization: cells.id()?, subscription: cells.id()? };
                Ok((partition, (cells.revision()?, cells.revision()?)))
            };
            session.fetch(&sql, &values, read).await?.into_iter().collect()
        }
    };
    Ok(requested.iter().map(|partition| current.get(partition).copied()).collect())
}

fn several_statement(count: usize) -> Sql {
    let mut text = "SELECT s.organization_id, s.id, s.revision, a.revision FROM (VALUES ".to_owned();
    for index in 0..count {
        text.push_str(if index == 0 { "" } else { ", " });
        let _ = write!(text, "(?{}, ?{})", 2 * index + 1, 2 * index + 2);
    }
    text.push_str(
        ") AS l JOIN webhook_subscriptions AS s ON s.organization_id = l.column1 AND s.id = l.column2 \
         JOIN service_accounts AS a ON a.organization_id = s.organization_id AND a.id = s.account_id",
    );
    Sql::from_numbered_text(&text)
}
