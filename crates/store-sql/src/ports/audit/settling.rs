//! Transactions that store entries, and the empty rows that follow them.

use std::sync::Arc;

use ::audit::{ArchiveObjects, AuditTables, HasAuditTables, RowKey, tables::CosignatureTable};
use async_trait::async_trait;
use kernel::{StoreError, Timestamp};
use tokio::sync::oneshot;

use super::EntryRows;
use crate::{
    engine::{CommitClass, Input, SessionFn, WorkError, pipeline2, unavailable},
    ports::SqlStore,
};

#[async_trait]
impl HasAuditTables for SqlStore {
    fn audit_tables(&self) -> Arc<dyn AuditTables> {
        Arc::clone(&self.audit_tables) as Arc<dyn AuditTables>
    }

    fn cosignatures(&self) -> Arc<dyn CosignatureTable> {
        Arc::clone(&self.audit_tables) as Arc<dyn CosignatureTable>
    }

    fn authenticate_rows(&self, key: Arc<dyn RowKey>) {
        self.rows.set_key(Arc::clone(&key));
        self.stored_log.set_key(key);
    }

    fn use_archive(&self, objects: Arc<dyn ArchiveObjects>) {
        self.audit_tables.archive.set_objects(objects);
    }

    async fn settle_rows(&self) -> Result<(), StoreError> {
        self.store_empty_row(false).await
    }
}

impl SqlStore {
    /// Stores the row that follows the last ones of this process, if it has stored any.
    pub(in crate::ports) async fn store_last_row(&self) -> Result<(), StoreError> {
        if self.rows.key().is_some() { self.store_empty_row(true).await } else { Ok(()) }
    }

    async fn store_empty_row(&self, is_last: bool) -> Result<(), StoreError> {
        let Some(row) = self.rows.prepare_empty(self.clock.now(), is_last)? else { return Ok(()) };
        let rows = EntryRows::from_prepared(&self.rows, vec![row]);
        let input = (self.registration.check(), Arc::clone(&rows));
        self.engine
            .write_grouped(CommitClass::AuditEntries, input, |(check, rows), session| {
                Box::pin(async move {
                    // It has no entry that anybody could have read past.
                    let lock = check.lock(session, Timestamp::MAX);
                    pipeline2(lock, rows.insert(session, &[])).await
                })
            })
            .await?;
        rows.mark_stored();
        Ok(())
    }

    /// Runs a transaction that may store entries, with their rows. `has_stored` returns whether a transaction with this
    /// result has stored them.
    pub(in crate::ports) async fn write_entries<C: Input, T: Send + 'static, E: WorkError>(
        &self,
        class: Option<CommitClass>,
        input: C,
        has_stored: fn(&T) -> bool,
        work: impl SessionFn<(C, Arc<EntryRows>), T, E>,
    ) -> Result<T, E> {
        self.write_prepared(class, input, EntryRows::new(&self.rows), has_stored, work).await
    }

    /// Like [`Self::write_entries`], with rows that may be prepared.
    pub(in crate::ports) async fn write_prepared<C: Input, T: Send + 'static, E: WorkError>(
        &self,
        class: Option<CommitClass>,
        input: C,
        rows: Arc<EntryRows>,
        has_stored: fn(&T) -> bool,
        work: impl SessionFn<(C, Arc<EntryRows>), T, E>,
    ) -> Result<T, E> {
        let (sender, receiver) = oneshot::channel();
        let stored = Arc::clone(&rows);
        // The rows are marked even if the caller is gone.
        let completion = move |outcome: Result<T, E>| {
            if outcome.as_ref().is_ok_and(has_stored) {
                stored.mark_stored();
            }
            drop(sender.send(outcome));
        };
        match class {
            Some(class) => self.engine.spawn_write_grouped(class, (input, rows), work, completion),
            None => self.engine.spawn_write((input, rows), work, completion),
        }
        receiver.await.unwrap_or_else(|_| Err(unavailable("the write was aborted before it completed").into()))
    }
}
