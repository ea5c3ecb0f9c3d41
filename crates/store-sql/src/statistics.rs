//! Statistics of tables that have none yet, or have outgrown those they have.
//!
//! PostgreSQL plans by statistics, and each statement once in a session. Of a table that was never analyzed it takes any
//! index that begins with the organization to be as good as the key, and then reads all of an organization for one row.
//! Autovacuum comes by once a minute: until then a new installation would be slow, and the slower the more is written to it.

use std::{
    sync::{Arc, LazyLock},
    time::Duration,
};

use kernel::StoreError;
use tokio::{
    task::AbortHandle,
    time::{MissedTickBehavior, interval},
};

use crate::engine::{Engine, Sql};

/// How often it is looked for such tables.
const EVERY: Duration = Duration::from_secs(1);

/// Tables of ours of ten pages and more that were never analyzed, or when they had not a tenth of these pages. In a smaller
/// one every index is as good as another, and an analysis would not say which is the better one later.
static OUTGROWN: LazyLock<Sql> = LazyLock::new(|| {
    Sql::fixed(
        "SELECT quote_ident(c.relname) FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace \
         WHERE n.nspname = current_schema() AND pg_get_userbyid(c.relowner) = current_user AND c.relkind = 'r' \
         AND pg_relation_size(c.oid) >= CASE WHEN c.reltuples < 0 THEN 81920 ELSE 81920 * greatest(c.relpages, 1) END \
         ORDER BY c.relname",
    )
});

/// Sees to it that tables have statistics, for as long as it is there.
pub(crate) struct Statistics(Option<AbortHandle>);

impl Statistics {
    /// Of the tables of this engine, if it plans by statistics that are taken: SQLite's are a part of the schema.
    pub(crate) fn keep(engine: &Arc<Engine>) -> Self {
        let keeping = matches!(**engine, Engine::Postgres(_)).then(|| tokio::spawn(keep(Arc::clone(engine))));
        Self(keeping.map(|task| task.abort_handle()))
    }
}

impl Drop for Statistics {
    fn drop(&mut self) {
        if let Some(task) = &self.0 {
            task.abort();
        }
    }
}

async fn keep(engine: Arc<Engine>) {
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if let Err(error) = analyze(&engine).await {
            tracing::debug!(%error, "no statistics were taken of tables that have grown");
        }
    }
}

async fn analyze(engine: &Engine) -> Result<(), StoreError> {
    let outgrown = engine
        .read((), |(), session| {
            Box::pin(session.fetch(&OUTGROWN, &[], |cells| Ok(Sql::fixed(&format!("ANALYZE {}", cells.text()?)))))
        })
        .await?;
    for sql in outgrown {
        engine.write(sql, |sql, session| Box::pin(session.execute(sql, &[]))).await?;
    }
    Ok(())
}
