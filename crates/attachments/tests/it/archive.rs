//! The archive of the audit log.

use audit::ArchiveObjects;
use kernel::StoreError;
use novantra_attachments::{ArchiveStore, BucketOptions, Location};

const NAME: &str = "audit/org_1/1-2.nva";

fn stores(folder: &std::path::Path) -> [ArchiveStore; 2] {
    [Location::Memory, Location::Folder(folder.to_owned())]
        .map(|location| ArchiveStore::open(&location, &BucketOptions::default()).unwrap())
}

#[tokio::test]
async fn an_object_is_written_once_and_read_by_ranges() {
    let folder = tempfile::tempdir().unwrap();
    for store in stores(folder.path()) {
        assert_eq!(store.read(NAME, 0..9).await.unwrap(), None);
        store.write(NAME, b"0123456789".to_vec()).await.unwrap();
        store.write(NAME, b"other".to_vec()).await.unwrap();
        for (range, expected) in [(0..4, "0123"), (3..5, "34"), (8..99, "89"), (10..20, ""), (30..40, ""), (2..2, "")] {
            assert_eq!(store.read(NAME, range).await.unwrap().unwrap(), expected.as_bytes());
        }
        store.write("audit/org_1/0-0.nva", Vec::new()).await.unwrap();
        store.write("audit/org_10/0-0.nva", Vec::new()).await.unwrap();
        assert_eq!(store.list("audit/org_1", 9).await.unwrap(), ["audit/org_1/0-0.nva", NAME]);
        assert_eq!(store.list("audit/org_1", 1).await.unwrap(), ["audit/org_1/0-0.nva"]);
        assert_eq!(store.list("audit/org_2", 9).await.unwrap(), Vec::<String>::new());
        store.remove(NAME).await.unwrap();
        store.remove(NAME).await.unwrap();
        assert_eq!(store.read(NAME, 0..9).await.unwrap(), None);
    }
}

#[tokio::test]
async fn a_folder_that_is_missing_is_an_archive_that_is_away() {
    let folder = tempfile::tempdir().unwrap();
    let location = Location::Folder(folder.path().join("not mounted"));
    let store = ArchiveStore::open(&location, &BucketOptions::default()).unwrap();
    let results = [
        store.write(NAME, Vec::new()).await,
        store.read(NAME, 0..9).await.map(drop),
        store.list("audit/org_1", 9).await.map(drop),
        store.remove(NAME).await,
    ];
    assert!(results.iter().all(|result| matches!(result, Err(StoreError::Unavailable(_)))), "{results:?}");
}

#[tokio::test]
async fn a_name_never_leads_out_of_the_folder() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("secret"), "x").unwrap();
    let location = Location::Folder(folder.path().join("archive"));
    std::fs::create_dir(folder.path().join("archive")).unwrap();
    let store = ArchiveStore::open(&location, &BucketOptions::default()).unwrap();
    for name in ["../secret", "audit/../../secret", "/etc/passwd", "", "audit//x", "audit/./x"] {
        assert!(matches!(store.read(name, 0..9).await, Err(StoreError::Corrupt(_))), "{name}");
        assert!(store.write(name, Vec::new()).await.is_err() && store.remove(name).await.is_err(), "{name}");
    }
}
