//! Automatic ANALYZE of tables that have no planner statistics yet or have outgrown them.
//!
//! PostgreSQL plans with statistics, and each statement once per session. For a table that was never analyzed it
//! considers any index that begins with the organization as good as the primary key, and may read all rows of an
//! organization to find one. Autovacuum runs once a minute. Until then a new installation would be slow, and slower the
//! more is written to it.

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

/// The interval between two checks.
const CHECK_INTERVAL: Duration = Duration::from_secs(1);

/// Selects our tables of at least ten pages that were never analyzed, or that had less than a tenth of their current
/// pages when they were. In a smaller table every index is as good as another, and statistics of it do not help later.
static NEEDS_ANALYZE: LazyLock<Sql> = LazyLock::new(|| {
    Sql::from_text(
        "SELECT quote_ident(c.relname) FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace \
         WHERE n.nspname = current_schema() AND pg_get_userbyid(c.relowner) = current_user AND c.relkind = 'r' \
         AND pg_relation_size(c.oid) >= CASE WHEN c.reltuples < 0 THEN 81920 ELSE 81920 * greatest(c.relpages, 1) END \
         ORDER BY c.relname",
    )
});

/// A background task that analyzes tables when needed. It ends when this is dropped.
pub(crate) struct AutoAnalyze(Option<AbortHandle>);

impl AutoAnalyze {
    /// Spawns the task on PostgreSQL. SQLite's statistics are a part of the schema, so nothing is spawned there.
    pub(crate) fn spawn(engine: &Arc<Engine>) -> Self {
        let task = matches!(**engine, Engine::Postgres(_)).then(|| tokio::spawn(run(Arc::clone(engine))));
        Self(task.map(|task| task.abort_handle()))
    }
}

impl Drop for AutoAnalyze {
    fn drop(&mut self) {
        if let Some(task) = &self.0 {
            task.abort();
        }
    }
}

async fn run(engine: Arc<Engine>) {
    let mut ticks = interval(CHECK_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if let Err(error) = analyze(&engine).await {
            tracing::debug!(%error, "tables that have grown could not be analyzed");
        }
    }
}

async fn analyze(engine: &Engine) -> Result<(), StoreError> {
    let outgrown = engine
        .read((), |(), session| {
            Box::pin(
                session.fetch(&NEEDS_ANALYZE, &[], |cells| Ok(Sql::from_text(&format!("ANALYZE {}", cells.text()?)))),
            )
        })
        .await?;
    for sql in outgrown {
        engine.write(sql, |sql, session| Box::pin(session.execute(sql, &[]))).await?;
    }
    Ok(())
}
