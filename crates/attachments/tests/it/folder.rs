//! Faults that only a folder can have.

use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, symlink},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use bytes::Bytes;
use evidence::{ContentError, ContentStore};
use kernel::Ulid;
use novantra_attachments::{BucketStore, DiskReserve, FolderStore, Spool};

use crate::support::{self, ORGANIZATION};

#[tokio::test]
async fn only_the_owner_can_use_the_files_and_folders() {
    let store = support::folder().await;
    let content = store.put(1, b"abc").await;
    let file = store.root().join(content.key.to_string());
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&file), 0o600);
    let folders = file.ancestors().skip(1).take(3);
    assert_eq!(folders.map(mode).collect::<Vec<_>>(), [0o700; 3]);
}

#[tokio::test]
async fn no_symbolic_link_is_followed() {
    let store = support::folder().await;
    let content = store.put(1, b"abc").await;
    let file = store.root().join(content.key.to_string());
    let outside = store.root().parent().unwrap().join("outside");

    // In the place of the file.
    fs::rename(&file, &outside).unwrap();
    symlink(&outside, &file).unwrap();
    assert!(matches!(store.read(&content, 0..3).await, Err(ContentError::Altered(_))));
    assert!(store.list().await.is_empty());

    // In the place of a folder: nothing is read, written or removed beyond it.
    fs::remove_file(&file).unwrap();
    fs::rename(&outside, &file).unwrap();
    let folder = file.parent().unwrap();
    fs::rename(folder, &outside).unwrap();
    symlink(&outside, folder).unwrap();
    assert!(matches!(store.read(&content, 0..3).await, Err(ContentError::Altered(_))));
    assert!(store.list().await.is_empty());
    assert!(store.store.remove(&content.key.into()).await.is_err());
    assert!(store.upload(2, b"abc").await.store(Ulid(2)).await.is_err());
    assert_eq!(fs::read_dir(&outside).unwrap().count(), 1);
}

#[tokio::test]
async fn an_upload_in_progress_is_listed_so_that_one_that_was_cut_is_found() {
    let store = support::folder().await;
    let mut upload = store.store.begin_upload(ORGANIZATION, Ulid(5)).await.unwrap();
    upload.write(Bytes::from_static(b"abc")).await.unwrap();
    let listed = store.list().await;
    assert_eq!(listed[0].name.to_string(), format!("{ORGANIZATION}/uploads/{}", Ulid(5)));
    std::mem::forget(upload);
    store.store.remove(&listed[0].name).await.unwrap();
    assert!(store.everything().await.is_empty());
}

#[tokio::test]
async fn a_folder_that_is_gone_is_an_error_that_names_it_and_is_not_created_again() {
    let store = support::folder().await;
    let content = store.put(1, b"abc").await;
    fs::remove_dir_all(store.root()).unwrap();
    let root = store.root().display().to_string();
    let errors = [
        store.store.probe().await.unwrap_err(),
        store.store.begin_upload(ORGANIZATION, Ulid(2)).await.map(|_| ()).unwrap_err(),
        store.read(&content, 0..3).await.unwrap_err(),
        store.store.list(None, 1).await.unwrap_err(),
    ];
    for error in errors {
        assert!(matches!(&error, ContentError::Unavailable(cause) if cause.to_string().contains(&root)), "{error}");
    }
    assert!(!store.root().exists());
}

#[tokio::test]
async fn a_pipe_with_the_name_of_an_object_does_not_block_its_reader() {
    let store = support::folder().await;
    let content = store.put(1, b"abc").await;
    let file = store.root().join(content.key.to_string());
    fs::remove_file(&file).unwrap();
    let made = std::process::Command::new("mkfifo").arg(&file).status().unwrap();
    assert!(made.success());
    assert!(matches!(store.read(&content, 0..3).await, Err(ContentError::Altered(_))));
    assert!(store.list().await.is_empty());
}

/// A disk with this many bytes free, of which each measurement finds 100 less than the one before.
fn filling_disk(free: u64, reserve: u64) -> DiskReserve {
    let free = AtomicU64::new(free);
    DiskReserve::measured_by(reserve, move |_| Ok(free.fetch_sub(100, Ordering::Relaxed)))
}

#[tokio::test]
async fn uploads_leave_a_part_of_the_disk_free() {
    let folder = tempfile::tempdir().unwrap();
    let in_memory = || Arc::new(object_store::memory::InMemory::new());
    let open: [&dyn Fn(DiskReserve) -> Box<dyn ContentStore>; 2] =
        [&|reserve| Box::new(FolderStore::new(folder.path()).with_reserve(reserve)), &|reserve| {
            Box::new(BucketStore::new(in_memory(), Spool::Folder(folder.path().to_owned(), reserve)))
        }];
    for open in open {
        let store = open(filling_disk(999, 1000));
        let refused = store.begin_upload(ORGANIZATION, Ulid(1)).await.map(|_| ()).unwrap_err();
        assert!(matches!(refused, ContentError::Full(_)), "{refused}");

        let store = open(filling_disk(1200, 1000));
        let mut upload = store.begin_upload(ORGANIZATION, Ulid(2)).await.unwrap();
        upload.write(Bytes::from_static(&[0; 100])).await.unwrap();
        let refused = upload.write(Bytes::from_static(b"x")).await.unwrap_err();
        assert!(refused.to_string().contains("1000 bytes left, of which uploads leave 1000 free"), "{refused}");
        drop(upload);
        store.probe().await.unwrap();
        assert!(store.list(None, 10).await.unwrap().is_empty(), "nothing of a refused upload remains");

        // A disk that is as it is, with a reserve that it has, and one that no disk has.
        assert!(open(DiskReserve::new(1)).begin_upload(ORGANIZATION, Ulid(3)).await.is_ok());
        assert!(open(DiskReserve::new(u64::MAX)).begin_upload(ORGANIZATION, Ulid(4)).await.is_err());
    }
}
