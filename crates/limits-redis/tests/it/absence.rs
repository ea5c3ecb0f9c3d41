//! A Redis that is unavailable or comes back.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use kernel::{Id, StoreError, Timestamp};
use limits::{ArrivalTime, BucketKey, Exchange, Quota, SharedBuckets as _};
use novantra_limits_redis::{RedisBuckets, RedisUrl};
use tokio::{
    io::{AsyncWriteExt as _, copy_bidirectional},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};
use ulid::Ulid;

const NOW: Timestamp = Timestamp::from_millis(1_700_000_000_000);

fn exchange(account: u128) -> [Exchange; 1] {
    let key = BucketKey::TokenRead(Id::new(Ulid(9)), Ulid(account));
    [Exchange { key, quota: Quota::per_minute(60), at_least: ArrivalTime::FULL, returned: 0, wanted: 1 }]
}

#[tokio::test]
async fn a_refused_connection_is_reported_as_unavailable() {
    let port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    let url: RedisUrl = format!("redis://127.0.0.1:{port}").parse().unwrap();
    let buckets = RedisBuckets::open(&url, "absent").unwrap();
    let failure = buckets.exchange(&exchange(1), NOW).await.unwrap_err();
    assert!(matches!(failure, StoreError::Unavailable(_)), "{failure}");
}

#[tokio::test]
async fn a_call_to_a_silent_server_fails_after_the_timeout() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url: RedisUrl = format!("redis://{}", listener.local_addr().unwrap()).parse().unwrap();
    let buckets = RedisBuckets::open(&url, "silent").unwrap();
    let failure = buckets.exchange(&exchange(1), NOW).await.unwrap_err();
    assert!(matches!(failure, StoreError::Unavailable(_)), "{failure}");
}

#[tokio::test]
async fn a_server_without_tls_is_refused_if_the_url_requires_tls() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url: RedisUrl = format!("rediss://{}", listener.local_addr().unwrap()).parse().unwrap();
    tokio::spawn(async move {
        while let Ok((mut caller, _)) = listener.accept().await {
            caller.write_all(b"-ERR no TLS here\r\n").await.unwrap();
        }
    });
    let buckets = RedisBuckets::open(&url, "plain").unwrap();
    let failure = buckets.exchange(&exchange(1), NOW).await.unwrap_err();
    assert!(matches!(failure, StoreError::Unavailable(_)), "{failure}");
}

#[tokio::test]
async fn a_lost_connection_is_reestablished_without_a_failed_call() {
    let redis = std::env::var("NOVANTRA_TEST_REDIS_URL")
        .expect("NOVANTRA_TEST_REDIS_URL is not set: run the tests by `cargo xtask test`, which starts a Redis");
    let redis = redis.trim_start_matches("redis://").split('/').next().unwrap().to_owned();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url: RedisUrl = format!("redis://{}", listener.local_addr().unwrap()).parse().unwrap();
    let accepted = Arc::new(AtomicUsize::new(0));
    let (cut, mut cuts) = tokio::sync::mpsc::channel::<()>(1);
    let counted = Arc::clone(&accepted);
    let relay = tokio::spawn(async move {
        let mut open = JoinSet::new();
        loop {
            tokio::select! {
                Ok((mut caller, _)) = listener.accept() => {
                    counted.fetch_add(1, Ordering::SeqCst);
                    let redis = redis.clone();
                    open.spawn(async move {
                        let mut server = TcpStream::connect(redis).await.unwrap();
                        copy_bidirectional(&mut caller, &mut server).await
                    });
                }
                Some(()) = cuts.recv() => open.shutdown().await,
            }
        }
    });
    let folder = tempfile::tempdir().unwrap();
    let buckets = RedisBuckets::open(&url, &folder.path().display().to_string()).unwrap();
    for times in 1..=3 {
        assert_eq!(buckets.exchange(&exchange(1), NOW).await.unwrap()[0].granted, 1);
        assert_eq!(accepted.load(Ordering::SeqCst), times);
        cut.send(()).await.unwrap();
    }
    relay.abort();
}
