//! SQLite, on threads of our own: one that writes, several that read. A statement never hops threads, and work that was
//! begun ends, whoever went away meanwhile. Only point reads are done where they are asked for.

mod backup;
mod connection;
mod hold;
mod job;
mod log;
mod points;
mod queue;
mod reader;
mod stream;
mod writer;

use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    thread::JoinHandle,
};

use kernel::StoreError;
use tokio::sync::oneshot;

use super::{
    Done, Failure, Given, Work,
    streams::{StreamedQuery, Taking},
    task::Task,
    unavailable,
};
pub(super) use backup::examine;
use connection::{for_points, for_reading, for_writing};
pub(crate) use hold::Hold;
use job::{ReadJob, WriteJob, attempt};
use points::Points;
use queue::Queue;
use stream::Streams;

/// Work that may wait at most; beyond, callers are told to come back.
const QUEUE: usize = 4096;

pub(crate) struct SqliteEngine {
    path: PathBuf,
    points: Arc<Points>,
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

impl SqliteEngine {
    /// Opens the file, or makes it. Waits for the disk.
    pub(super) fn open(path: &Path) -> Result<Self, StoreError> {
        // First the writer: it makes the file and puts it in order after a crash, which a reader can't.
        let writing = for_writing(path)?;
        let readers = std::thread::available_parallelism().map_or(2, usize::from).clamp(2, 4);
        let reading = (0..readers).map(|_| for_reading(path)).collect::<Result<Vec<_>, _>>()?;
        let points = (0..readers).map(|_| for_points(path)).collect::<Result<Vec<_>, _>>()?;

        let (reads, writes) = (Arc::new(Queue::new(QUEUE)), Arc::new(Queue::new(QUEUE)));
        let mut threads = Threads::default();
        let queue = Arc::clone(&writes);
        threads.writer = Some(spawn("sqlite-writer", move || writer::run(writing, &queue))?);
        for connection in reading {
            let queue = Arc::clone(&reads);
            threads.readers.push(spawn("sqlite-reader", move || reader::run(connection, &queue))?);
        }
        let streams = Streams::over(path);
        let (points, threads) = (Arc::new(Points::over(points)), Mutex::new(threads));
        Ok(Self { path: path.to_owned(), points, reads, writes, streams, threads })
    }

    /// Keeps everybody from writing to the file, as long as what it returns is there.
    pub(super) async fn hold(&self) -> Result<Hold, StoreError> {
        let path = self.path.clone();
        tokio::task::spawn_blocking(move || Hold::take(&path)).await.map_err(unavailable)?
    }

    /// Copies the file as it is now to another, whoever reads and writes meanwhile.
    pub(super) async fn back_up(&self, to: &Path) -> Result<(), StoreError> {
        let (from, to) = (self.path.clone(), to.to_owned());
        tokio::task::spawn_blocking(move || backup::back_up(&from, &to)).await.map_err(unavailable)?
    }

    /// Reads on the calling thread; where all connections for it are out, on a reader's.
    pub(super) async fn read_point<C: Given, T: Send + 'static, E: Failure>(
        &self,
        given: C,
        work: impl Work<C, T, E>,
    ) -> Result<T, E> {
        if let Some(mut session) = self.points.take() {
            let answer = attempt(&given, &work, &mut session);
            self.points.give_back(session);
            return answer;
        }
        self.read(given, work).await
    }

    pub(super) async fn read<C: Given, T: Send + 'static, E: Failure>(
        &self,
        given: C,
        work: impl Work<C, T, E>,
    ) -> Result<T, E> {
        let (answer, answered) = oneshot::channel();
        self.read_apart(given, work, move |result| drop(answer.send(result)));
        answered.await.unwrap_or_else(|_| Err(unavailable("the read was lost: it broke off").into()))
    }

    pub(super) fn read_apart<C: Given, T: Send + 'static, E: Failure>(
        &self,
        given: C,
        work: impl Work<C, T, E>,
        done: impl Done<T, E>,
    ) {
        if let Err((job, refusal)) = self.reads.push(Box::new(Task::new(given, work, done))) {
            job.refuse(unavailable(refusal));
        }
    }

    pub(super) fn write_apart<C: Given, T: Send + 'static, E: Failure>(
        &self,
        given: C,
        work: impl Work<C, T, E>,
        done: impl Done<T, E>,
    ) {
        if let Err((job, refusal)) = self.writes.push(Box::new(Task::new(given, work, done))) {
            job.finish(Err(unavailable(refusal)));
        }
    }

    /// Begins to read on a thread of its own.
    pub(super) async fn stream<T: Send + 'static>(&self, query: StreamedQuery<T>) -> Result<Taking<T>, StoreError> {
        self.streams.open(query).await
    }

    /// Cuts streams, and lets waiting work finish, readers before the writer, which then folds the log into the file.
    pub(super) async fn close(&self) {
        let threads = std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        self.streams.close().await;
        let points = Arc::clone(&self.points);
        ended(move || points.close()).await;
        self.reads.close();
        ended(move || join(threads.readers)).await;
        self.writes.close();
        ended(move || join(threads.writer)).await;
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
        tracing::error!("a thread of the database broke off");
    }
}

/// Waits for what blocks until it has ended.
async fn ended(end: impl FnOnce() + Send + 'static) {
    if let Err(error) = tokio::task::spawn_blocking(end).await {
        tracing::error!(%error, "closing the database broke off");
    }
}
