//! The object stores that hold the bytes of attachments: a folder of this machine, a bucket of S3, Google Cloud Storage
//! or Azure, and the memory of the process.
//!
//! All of them implement [`evidence::ContentStore`], and pass the same suite.

mod archive;
mod bucket;
mod disk_reserve;
mod folder;
mod location;
mod verified_reader;

pub use archive::ArchiveStore;
pub use bucket::{BucketOptions, BucketStore, InvalidBucketOptions, Spool};
pub use disk_reserve::DiskReserve;
pub use folder::FolderStore;
pub use location::{BucketUrl, Location, MalformedLocation};

use evidence::ContentError;

/// The maximum size of the chunks that readers return.
pub const CHUNK_BYTES: u64 = 256 * 1024;

/// The name of the object that says which installation the store belongs to.
pub const OWNER: &str = "novantra-installation";

/// The maximum size of that object that is read.
const MAX_OWNER_BYTES: u64 = 256;

/// Runs work that blocks on files on a thread for it.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ContentError> + Send + 'static,
) -> Result<T, ContentError> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => Err(ContentError::Unavailable(error.into())),
    }
}

/// The error of a call after the upload has failed, or was cancelled while it wrote.
fn failed_before() -> ContentError {
    ContentError::Unavailable("an earlier write of the upload has failed".into())
}
