//! Faults that only a folder can have.

use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, symlink},
};

use bytes::Bytes;
use evidence::ContentError;
use kernel::Ulid;

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
