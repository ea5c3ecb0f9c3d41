//! The SQLite engine, on dedicated threads: one writer and several readers. A job stays on one thread, and a job that
//! has started runs to its end, even if its caller is gone. Only point reads run on the calling thread.

mod backup;
mod connection;
mod damage;
mod database_files;
mod displacement;
mod job;
mod log_file;
mod point_read_pool;
mod queue;
mod reader;
mod session;
mod stream;
mod wal_limiter;
mod write_lock;
mod writer;

use std::{
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    thread::JoinHandle,
    time::Instant,
};

use kernel::StoreError;
use tokio::sync::oneshot;

use super::{
    Completion, Input, SessionFn, WorkError,
    job::Job,
    streams::{BatchReceiver, StreamPermit, StreamedQuery},
    unavailable,
};
pub(super) use backup::check_integrity;
use connection::{open_or_create_writer, open_point_reader, open_reader, open_writer};
use database_files::DatabaseFiles;
use job::{ReadJob, WriteJob, run_catching_panics};
pub(crate) use log_file::is_missing;
use point_read_pool::PointReadPool;
use queue::Queue;
pub(crate) use session::SqliteSession;
use stream::Streams;
pub(crate) use write_lock::WriteLock;

/// The maximum number of waiting jobs per queue; further jobs get [`StoreError::Unavailable`].
const MAX_QUEUED: usize = 4096;

pub(crate) struct SqliteEngine {
    files: Arc<DatabaseFiles>,
    point_reads: Arc<PointReadPool>,
    reads: Arc<Queue<Box<dyn ReadJob>>>,
    writes: Arc<Queue<Box<dyn WriteJob>>>,
    streams: Streams,
    threads: Mutex<Threads>,
}

#[derive(Default)]
struct Threads {
    readers: Vec<JoinHandle<()>>,
    writer: Option<JoinHandle<()>>,
}

/// Refuses a file with hard links. SQLite keeps the log of recent writes under the name by which the file was opened: two
/// names have two logs, which corrupt the file, and opened by the other name it lacks the writes of the log.
#[cfg(unix)]
fn ensure_single_name(path: &Path) -> Result<(), StoreError> {
    use std::os::unix::fs::MetadataExt as _;

    // A folder has a name in each of its subfolders, too.
    let names = std::fs::metadata(path).map_or(1, |metadata| if metadata.is_file() { metadata.nlink() } else { 1 });
    if names <= 1 {
        return Ok(());
    }
    let message = format!(
        "{} has {names} names (hard links), and SQLite would corrupt it: remove the others, with no server or command \
         running, and keep the name beside which there is a file with the ending -wal",
        path.display()
    );
    Err(StoreError::Unavailable(message.into()))
}

/// Other systems don't say how many names a file has.
#[cfg(not(unix))]
fn ensure_single_name(_: &Path) -> Result<(), StoreError> {
    Ok(())
}

impl SqliteEngine {
    /// Opens the file. A missing one is created if `creates_missing`. Blocks on disk access.
    pub(super) fn open(path: &Path, creates_missing: bool) -> Result<Self, StoreError> {
        ensure_single_name(path)?;
        is_missing(path)?;
        // The writer comes first: it creates the file and recovers it after a crash, which a reader can't.
        let writer = if creates_missing { open_or_create_writer(path)? } else { open_writer(path)? };
        let count = std::thread::available_parallelism().map_or(2, usize::from).clamp(2, 4);
        let readers = (0..count).map(|_| open_reader(path)).collect::<Result<Vec<_>, _>>()?;
        let point_readers = (0..count).map(|_| open_point_reader(path)).collect::<Result<Vec<_>, _>>()?;

        let (reads, writes) = (Arc::new(Queue::new(MAX_QUEUED)), Arc::new(Queue::new(MAX_QUEUED)));
        let mut threads = Threads::default();
        let files = Arc::new(DatabaseFiles::identify(path)?);
        let streams = Streams::new(Arc::clone(&files));
        let (queue, cutter, written) = (Arc::clone(&writes), streams.cutter(), Arc::clone(&files));
        threads.writer = Some(spawn("sqlite-writer", move || writer::run(writer, &queue, cutter, &written))?);
        for connection in readers {
            let (queue, damage) = (Arc::clone(&reads), files.damage().clone());
            threads.readers.push(spawn("sqlite-reader", move || reader::run(connection, &damage, &queue))?);
        }
        let point_reads = Arc::new(PointReadPool::new(point_readers, files.damage()));
        let threads = Mutex::new(threads);
        Ok(Self { files, point_reads, reads, writes, streams, threads })
    }

    /// Blocks all writers to the file until the returned lock is dropped.
    pub(super) async fn lock_writes(&self) -> Result<WriteLock, StoreError> {
        let path = self.files.path().to_owned();
        tokio::task::spawn_blocking(move || WriteLock::acquire(&path)).await.map_err(unavailable)?
    }

    /// Copies the current state of the file to another file while others read and write.
    pub(super) async fn backup_to(&self, to: &Path) -> Result<(), StoreError> {
        let (from, to) = (self.files.path().to_owned(), to.to_owned());
        tokio::task::spawn_blocking(move || backup::backup_to(&from, &to)).await.map_err(unavailable)?
    }

    /// Reads on the calling thread, or on a reader thread if all connections for point reads are in use, the latest
    /// point read was slow, or this one would have to wait for a lock of the file.
    pub(super) async fn read_point<C: Input, T: Send + 'static, E: WorkError>(
        &self,
        input: C,
        work: impl SessionFn<C, T, E>,
    ) -> Result<T, E> {
        self.files.check_for_read()?;
        let began = Instant::now();
        if let Some(mut session) = self.point_reads.acquire(began) {
            let result = run_catching_panics(&input, &work, &mut session);
            let was_locked = session.take_was_locked();
            self.point_reads.return_to_pool(session, began, Instant::now());
            if !was_locked {
                return result;
            }
        }
        self.read(input, work).await
    }

    pub(super) async fn read<C: Input, T: Send + 'static, E: WorkError>(
        &self,
        input: C,
        work: impl SessionFn<C, T, E>,
    ) -> Result<T, E> {
        let (sender, receiver) = oneshot::channel();
        self.spawn_read(input, work, move |result| drop(sender.send(result)));
        receiver.await.unwrap_or_else(|_| Err(unavailable("the read was aborted before it completed").into()))
    }

    pub(super) fn spawn_read<C: Input, T: Send + 'static, E: WorkError>(
        &self,
        input: C,
        work: impl SessionFn<C, T, E>,
        completion: impl Completion<T, E>,
    ) {
        if let Err(error) = self.files.check_for_read() {
            return completion(Err(error.into()));
        }
        if let Err((job, error)) = self.reads.push(Box::new(Job::new(input, work, completion))) {
            job.reject(unavailable(error));
        }
    }

    pub(super) fn spawn_write<C: Input, T: Send + 'static, E: WorkError>(
        &self,
        input: C,
        work: impl SessionFn<C, T, E>,
        completion: impl Completion<T, E>,
    ) {
        if let Err((job, error)) = self.writes.push(Box::new(Job::new(input, work, completion))) {
            job.finish(Err(unavailable(error)));
        }
    }

    /// Opens a stream on a thread of its own.
    pub(super) async fn stream<T: Send + 'static>(
        &self,
        query: StreamedQuery<T>,
    ) -> Result<BatchReceiver<T>, StoreError> {
        self.streams.open(query).await
    }

    pub(super) async fn stream_permit(&self) -> Result<StreamPermit, StoreError> {
        self.streams.permit().await
    }

    /// Aborts streams and lets waiting jobs finish, the readers before the writer, which then checkpoints the
    /// write-ahead log into the file.
    pub(super) async fn close(&self) {
        let threads = std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        self.streams.close().await;
        let point_reads = Arc::clone(&self.point_reads);
        run_blocking(move || point_reads.close()).await;
        self.reads.close();
        run_blocking(move || join(threads.readers)).await;
        self.writes.close();
        run_blocking(move || join(threads.writer)).await;
    }
}

impl Drop for SqliteEngine {
    fn drop(&mut self) {
        self.reads.close();
        self.writes.close();
    }
}

fn spawn(name: &str, body: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, StoreError> {
    std::thread::Builder::new().name(name.to_owned()).spawn(body).map_err(unavailable)
}

fn join(threads: impl IntoIterator<Item = JoinHandle<()>>) {
    if !threads.into_iter().all(|thread| thread.join().is_ok()) {
        tracing::error!("a database thread panicked");
    }
}

/// Runs a blocking function on a thread where it may block, and waits for it.
async fn run_blocking(blocking: impl FnOnce() + Send + 'static) {
    if let Err(error) = tokio::task::spawn_blocking(blocking).await {
        tracing::error!(%error, "closing the database failed");
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;
    use crate::engine::Session;

    fn engine() -> (tempfile::TempDir, SqliteEngine) {
        let folder = tempfile::tempdir().unwrap();
        let engine = SqliteEngine::open(&folder.path().join("point.db"), true).unwrap();
        (folder, engine)
    }

    fn thread_name() -> String {
        thread::current().name().unwrap_or_default().to_owned()
    }

    async fn thread_of_point_read(engine: &SqliteEngine) -> String {
        engine.read_point((), |(), _| Box::pin(async { Ok::<_, StoreError>(thread_name()) })).await.unwrap()
    }

    #[tokio::test]
    async fn a_point_read_stays_on_its_thread_while_a_connection_is_free() {
        let (_folder, engine) = engine();
        let now = Instant::now();
        assert_eq!(thread_of_point_read(&engine).await, thread_name());
        let taken: Vec<_> = std::iter::from_fn(|| engine.point_reads.acquire(now)).collect();
        assert_eq!(thread_of_point_read(&engine).await, "sqlite-reader");
        taken.into_iter().for_each(|session| engine.point_reads.return_to_pool(session, now, now));
        assert_eq!(thread_of_point_read(&engine).await, thread_name());
    }

    #[tokio::test]
    async fn a_point_read_that_finds_the_file_locked_is_repeated_on_a_reader_thread_which_may_wait() {
        let (_folder, engine) = engine();
        let caller = thread::current().id();
        let read = engine.read_point(caller, |caller, session| {
            let Session::Sqlite(session) = session else { panic!("a SQLite session") };
            let locked = rusqlite::Error::SqliteFailure(rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_BUSY), None);
            let is_caller = thread::current().id() == *caller;
            let result = if is_caller { Err(session.store_error(locked)) } else { Ok(thread_name()) };
            Box::pin(async move { result })
        });
        assert_eq!(read.await.unwrap(), "sqlite-reader");
        assert_eq!(thread_of_point_read(&engine).await, thread_name(), "the next one is read there again");
    }
}
