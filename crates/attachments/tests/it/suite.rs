//! The suite that every object store passes.

use bytes::Bytes;
use evidence::{ContentError, ContentHash, ObjectName, StoredContent};
use kernel::Ulid;
use sha2::{Digest as _, Sha256};

use crate::support::{ORGANIZATION, TestStore, sample};

/// Sizes around those of chunks, windows and parts.
const SIZES: [usize; 8] = [0, 1, 262_143, 262_144, 262_145, 1_048_576, 8_388_608, 17_000_001];

pub(crate) async fn what_is_stored_is_read_back_with_its_hash_and_size(store: TestStore) {
    for (generation, size) in (1..).zip(SIZES) {
        let bytes = sample(size);
        let upload = store.upload(generation, &bytes).await;
        let hash = ContentHash(Sha256::digest(&bytes).into());
        assert_eq!((upload.hash(), upload.size()), (hash, size as u64));
        let content = upload.store(Ulid(generation)).await.unwrap();
        assert_eq!((content.key.organization, content.key.hash, content.size), (ORGANIZATION, hash, size as u64));
        assert_eq!(content.key.generation, Ulid(generation));
        assert!(store.read(&content, 0..content.size).await.unwrap() == bytes, "{size} bytes");
        store.remove(content.key).await;
    }
    assert_eq!(store.everything().await, [""; 0]);
}

pub(crate) async fn every_range_is_read_as_it_was_stored(store: TestStore) {
    let bytes = sample(3_000_001);
    let content = store.put(1, &bytes).await;
    for range in [
        0..1,
        0..262_144,
        1..262_145,
        5..5,
        262_143..262_146,
        1_048_575..2_097_153,
        2_999_999..3_000_001,
        1..3_000_001,
        0..3_000_000,
        3_000_001..3_000_001,
    ] {
        let read = store.read(&content, range.clone()).await.unwrap();
        assert!(read == bytes[range.start as usize..range.end as usize], "{range:?}");
    }
}

pub(crate) async fn an_upload_becomes_an_object_only_when_it_is_stored(store: TestStore) {
    let is_object = |name: &String| !name.contains("/uploads/");
    let mut upload = store.store.begin_upload(ORGANIZATION, Ulid(1)).await.unwrap();
    upload.write(Bytes::from_static(b"abc")).await.unwrap();
    assert!(!store.names().await.iter().any(is_object));
    let upload = upload.finish().await.unwrap();
    assert!(!store.names().await.iter().any(is_object));
    let content = upload.store(Ulid(2)).await.unwrap();
    assert_eq!(store.names().await, [content.key.to_string()]);
    assert_eq!(store.everything().await, [content.key.to_string()]);
}

pub(crate) async fn an_upload_that_is_dropped_or_discarded_leaves_nothing(store: TestStore) {
    let mut upload = store.store.begin_upload(ORGANIZATION, Ulid(1)).await.unwrap();
    upload.write(Bytes::from_static(b"abc")).await.unwrap();
    drop(upload);
    drop(store.upload(2, b"abc").await);
    store.upload(3, b"abc").await.discard().await;
    assert_eq!(store.everything().await, [""; 0]);
}

pub(crate) async fn the_same_bytes_are_stored_under_each_generation(store: TestStore) {
    let (one, other) = (store.put(1, b"abc").await, store.put(2, b"abc").await);
    assert_ne!(one.key, other.key);
    store.remove(one.key).await;
    assert_eq!(store.read(&other, 0..3).await.unwrap(), b"abc");
    assert!(matches!(store.read(&one, 0..3).await, Err(ContentError::Missing(key)) if key == one.key));
}

pub(crate) async fn a_removed_object_is_missing_and_may_be_removed_again(store: TestStore) {
    let content = store.put(1, b"abc").await;
    store.remove(content.key).await;
    store.remove(content.key).await;
    store.store.remove(&ObjectName::Upload(ORGANIZATION, Ulid(9))).await.unwrap();
    for range in [0..3, 1..2, 1..1] {
        let read = store.read(&content, range).await;
        assert!(matches!(read, Err(ContentError::Missing(key)) if key == content.key), "{read:?}");
    }
    assert_eq!(store.everything().await, [""; 0]);
}

pub(crate) async fn objects_are_listed_in_the_order_of_their_names_without_those_of_others(store: TestStore) {
    let mut expected = Vec::new();
    for generation in 1..=20 {
        expected.push(store.put(generation, &sample(generation as usize)).await.key.to_string());
    }
    expected.sort();
    for foreign in ["readme.txt", "org_00000000000000000000000007/ab/x.tmp", "org_x/ab/cd", ".hidden/a/b"] {
        store.overwrite(foreign, b"foreign").await;
    }
    assert_eq!(store.names().await, expected);

    let mut listed = Vec::new();
    let mut after = None;
    loop {
        let page = store.store.list(after.as_ref(), 3).await.unwrap();
        let Some(last) = page.last() else { break };
        assert!(page.len() <= 3);
        after = Some(last.name);
        listed.extend(page.iter().map(|object| object.name.to_string()));
    }
    assert_eq!(listed, expected);
    let sizes: u64 = store.list().await.iter().map(|object| object.size).sum();
    assert_eq!(sizes, (1..=20).sum::<u64>());
}

pub(crate) async fn an_altered_object_is_never_read_as_a_whole(store: TestStore) {
    let bytes = sample(600_000);
    let content = store.put(1, &bytes).await;
    let name = content.key.to_string();
    for position in [0, 300_000, 599_999] {
        let mut altered = bytes.clone();
        altered[position] ^= 1;
        store.overwrite(&name, &altered).await;
        assert_altered(&store, &content, 0..600_000).await;
    }
    for altered in [&bytes[..599_999], &bytes[..1], &[], &[bytes.clone(), vec![0]].concat()] {
        store.overwrite(&name, altered).await;
        for range in [0..600_000, 10..20, 599_999..600_000, 600_000..600_000] {
            assert_altered(&store, &content, range).await;
        }
    }
}

async fn assert_altered(store: &TestStore, content: &StoredContent, range: std::ops::Range<u64>) {
    let read = store.read(content, range.clone()).await;
    assert!(matches!(read, Err(ContentError::Altered(key)) if key == content.key), "{range:?}: {:?}", read.map(|_| ()));
}

pub(crate) async fn a_probe_leaves_nothing(store: TestStore) {
    store.store.probe().await.unwrap();
    assert_eq!(store.everything().await, [""; 0]);
}

pub(crate) async fn many_large_uploads_at_once_are_all_stored(store: TestStore) {
    let bytes = sample(9_000_000);
    let uploads = (1..=12).map(|generation| store.put(generation, &bytes));
    let contents = futures_util::future::join_all(uploads).await;
    for content in &contents {
        assert!(store.read(content, 0..9_000_000).await.unwrap() == bytes);
    }
    assert_eq!(store.list().await.len(), 12);
}

pub(crate) async fn a_store_belongs_to_the_first_installation_that_claims_it(store: TestStore) {
    let owners = futures_util::future::join_all(["one", "other"].map(|installation| store.claim(installation))).await;
    assert_eq!(owners[0], owners[1]);
    assert!(["one", "other"].contains(&&*owners[0]));
    assert_eq!(store.claim("third").await, owners[0]);
    assert!(store.list().await.is_empty(), "the mark is not listed");
}

pub(crate) async fn a_chunk_that_was_returned_keeps_no_more_than_itself_in_memory(store: TestStore) {
    let content = store.put(1, &sample(1_048_576)).await;
    let mut reader = store.store.read(&content, 0..content.size).await.unwrap();
    while let Some(chunk) = reader.next().await.unwrap() {
        let length = chunk.len();
        let owned = chunk.try_into_mut().expect("a chunk that shares its memory with nothing");
        assert_eq!(owned.capacity(), length);
    }
}

macro_rules! suite {
    ($($open:ident),+; $tests:tt) => { $(suite!(@store $open $tests);)+ };
    (@store $open:ident { $($test:ident)* }) => {
        mod $open {
            $(
                #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
                async fn $test() {
                    super::$test(crate::support::$open().await).await;
                }
            )*
        }
    };
}

suite!(memory, folder, s3; {
    what_is_stored_is_read_back_with_its_hash_and_size
    every_range_is_read_as_it_was_stored
    an_upload_becomes_an_object_only_when_it_is_stored
    an_upload_that_is_dropped_or_discarded_leaves_nothing
    the_same_bytes_are_stored_under_each_generation
    a_removed_object_is_missing_and_may_be_removed_again
    objects_are_listed_in_the_order_of_their_names_without_those_of_others
    an_altered_object_is_never_read_as_a_whole
    a_probe_leaves_nothing
    a_store_belongs_to_the_first_installation_that_claims_it
    many_large_uploads_at_once_are_all_stored
    a_chunk_that_was_returned_keeps_no_more_than_itself_in_memory
});
