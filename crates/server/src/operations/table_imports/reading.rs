//! The end of reading a table: a deadline, and the end of the request that wants it.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom},
    time::Duration,
};

use tokio::{
    sync::watch,
    time::{Instant, sleep_until},
};

use crate::failure::Failure;

/// The time in which a table must be read, and how that ends early.
#[derive(Clone)]
pub(super) struct Reading {
    max: Duration,
    deadline: Instant,
    /// Closed once nobody wants the table any more.
    wanted: watch::Receiver<()>,
}

/// A guard of whoever wants the table. Reading it ends when this is dropped.
pub(super) struct CancelOnDrop(#[expect(dead_code, reason = "held, never read")] watch::Sender<()>);

impl Reading {
    /// Begins to read a table within this time.
    pub(super) fn begin(max: Duration) -> (CancelOnDrop, Self) {
        let (sender, wanted) = watch::channel(());
        (CancelOnDrop(sender), Self { max, deadline: Instant::now() + max, wanted })
    }

    /// The reason to end, if there is one.
    pub(super) fn end(&self) -> Option<Failure> {
        if Instant::now() >= self.deadline {
            return Some(Failure::new(format!(
                "reading the table takes longer than {} s, which is the limit: import it in parts, or with the command novantra import",
                self.max.as_secs()
            )));
        }
        self.wanted.has_changed().is_err().then(|| Failure::new("nobody waits for the table any more"))
    }

    /// Waits until there is a reason to end.
    pub(super) async fn ended(mut self) {
        tokio::select! {
            () = sleep_until(self.deadline) => {}
            _ = self.wanted.changed() => {}
        }
    }

    /// The file, which can't be read any further once there is a reason to end.
    pub(super) fn limit(&self, file: File) -> LimitedFile {
        LimitedFile { file, reading: self.clone() }
    }
}

/// A file that can't be read any further once there is a reason to end. What is read of a workbook at a time unpacks within
/// bounds, so that this comes up often enough.
pub(super) struct LimitedFile {
    file: File,
    reading: Reading,
}

impl Read for LimitedFile {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.reading.end() {
            Some(failure) => Err(io::Error::other(failure.to_string())),
            None => self.file.read(buffer),
        }
    }
}

impl Seek for LimitedFile {
    fn seek(&mut self, position: SeekFrom) -> io::Result<u64> {
        self.file.seek(position)
    }
}
