//! Where audit entries of requests go: to the store, or with `NOVANTRA_AUDIT_READS=buffered` to a buffer first.

use std::{
    mem,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use kernel::{Entry, RepeatedCalls, StoreError, WriteTimestamp};
use store::DynStore;
use tokio::{
    sync::{
        Mutex as AsyncMutex,
        mpsc::{self, error::TrySendError},
    },
    time::sleep,
};

/// The maximum number of buffered items. If the buffer is full, requests wait for the store as with `durable`.
const MAX_BUFFERED: usize = 10_000;
/// The time that the first buffered item waits for others, so that many share the cost of a transaction.
const BATCH_DELAY: Duration = Duration::from_millis(50);
/// The maximum number of buffered items that are stored at once.
const MAX_BATCH_SIZE: usize = 1024;

/// Stores audit entries and counts of repeated calls.
pub(super) struct EntrySink {
    store: Arc<DynStore>,
    buffer: Option<Buffer>,
}

/// An item that is stored: an entry with its timestamp, which counts as in flight until then, or a count.
enum Item {
    Entry(Box<Entry>, WriteTimestamp),
    Repeated(RepeatedCalls),
}

/// The buffer of items, and the task that stores them.
struct Buffer {
    sender: Mutex<Option<mpsc::Sender<Item>>>,
    writer: AsyncMutex<Option<tokio::task::JoinHandle<()>>>,
}

impl EntrySink {
    /// Creates a sink that stores items before it returns, or with `buffered` soon afterwards.
    pub(super) fn new(store: Arc<DynStore>, buffered: bool) -> Self {
        let buffer = buffered.then(|| Buffer::new(Arc::clone(&store)));
        Self { store, buffer }
    }

    /// Stores an entry.
    pub(super) async fn append(&self, entry: Entry, timestamp: WriteTimestamp) -> Result<(), StoreError> {
        self.send(Item::Entry(Box::new(entry), timestamp)).await
    }

    /// Adds to the count of the calls that repeat one with an entry.
    pub(super) async fn count_repeated(&self, repeated: RepeatedCalls) -> Result<(), StoreError> {
        self.send(Item::Repeated(repeated)).await
    }

    async fn send(&self, item: Item) -> Result<(), StoreError> {
        match self.buffer.as_ref().and_then(Buffer::sender) {
            Some(sender) => match sender.try_send(item) {
                Ok(()) => Ok(()),
                Err(TrySendError::Full(item) | TrySendError::Closed(item)) => store_item(&*self.store, item).await,
            },
            None => store_item(&*self.store, item).await,
        }
    }

    /// Waits until all buffered items are stored. Later ones are stored without buffering.
    pub(super) async fn drain(&self) {
        if let Some(buffer) = &self.buffer {
            drop(buffer.sender.lock().unwrap_or_else(PoisonError::into_inner).take());
            if let Some(writer) = buffer.writer.lock().await.take()
                && let Err(error) = writer.await
            {
                tracing::error!(%error, "the task that stores buffered audit entries failed");
            }
        }
    }
}

async fn store_item(store: &DynStore, item: Item) -> Result<(), StoreError> {
    match item {
        Item::Entry(entry, timestamp) => store.append(*entry, timestamp).await,
        Item::Repeated(repeated) => store.count_repeated(repeated).await,
    }
}

impl Buffer {
    fn new(store: Arc<DynStore>) -> Self {
        let (sender, mut items) = mpsc::channel(MAX_BUFFERED);
        let writer = tokio::spawn(async move {
            let mut batch: Vec<Item> = Vec::new();
            while let Some(first) = items.recv().await {
                if !items.is_closed() && items.len() < MAX_BATCH_SIZE {
                    sleep(BATCH_DELAY).await;
                }
                batch.push(first);
                while batch.len() < MAX_BATCH_SIZE
                    && let Ok(next) = items.try_recv()
                {
                    batch.push(next);
                }
                let stored = mem::take(&mut batch).into_iter().map(|item| store_item(&*store, item));
                for error in futures_util::future::join_all(stored).await.into_iter().filter_map(Result::err) {
                    tracing::error!(%error, "an audit entry could not be stored");
                }
            }
        });
        Self { sender: Mutex::new(Some(sender)), writer: AsyncMutex::new(Some(writer)) }
    }

    fn sender(&self) -> Option<mpsc::Sender<Item>> {
        self.sender.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
