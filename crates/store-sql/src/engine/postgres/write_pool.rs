//! A pool of connections, each used by one transaction at a time.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use kernel::StoreError;
use tokio::{sync::SemaphorePermit, time::Instant};

use super::{concurrency_limit::ConcurrencyLimit, connection::Connection, connector::Connector};

pub(super) struct WritePool {
    connector: Arc<Connector>,
    idle: Mutex<Vec<Arc<Connection>>>,
    limit: ConcurrencyLimit,
}

/// A connection that is used exclusively. It is closed on drop, unless it is returned to the pool.
pub(super) struct PooledConnection<'w> {
    pool: &'w WritePool,
    pub(super) connection: Arc<Connection>,
    _permit: SemaphorePermit<'w>,
}

impl WritePool {
    pub(super) fn new(connector: Arc<Connector>, count: u32) -> Self {
        Self { connector, idle: Mutex::default(), limit: ConcurrencyLimit::new(count) }
    }

    /// The maximum number of connections.
    pub(super) fn count(&self) -> u32 {
        self.limit.count()
    }

    /// Acquires a connection, waiting for a free one until the deadline.
    pub(super) async fn acquire(&self, deadline: Instant) -> Result<PooledConnection<'_>, StoreError> {
        let permit = self.limit.acquire(deadline).await?;
        let idle = {
            let mut idle = self.idle();
            idle.retain(|connection| !connection.is_closed());
            idle.pop()
        };
        let connection = match idle {
            Some(connection) => connection,
            None => Arc::new(self.connector.connect().await?),
        };
        Ok(PooledConnection { pool: self, connection, _permit: permit })
    }

    pub(super) async fn close(&self) {
        self.limit.close().await;
        self.idle().clear();
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Arc<Connection>>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl PooledConnection<'_> {
    /// Returns the connection to the pool. No transaction may be open on it.
    pub(super) fn return_to_pool(self) {
        if !self.connection.is_closed() {
            self.pool.idle().push(Arc::clone(&self.connection));
        }
    }
}
