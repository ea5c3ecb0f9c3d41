//! A temporary PostgreSQL database.

use std::{
    process,
    sync::atomic::{AtomicU32, Ordering},
};

use super::Database;

/// A temporary database on the cluster that `NOVANTRA_TEST_POSTGRES_URL` names. It is dropped with this value.
pub(crate) struct TestDatabase {
    cluster: String,
    name: String,
}

static DATABASE_COUNT: AtomicU32 = AtomicU32::new(0);

impl TestDatabase {
    pub(crate) async fn create() -> Self {
        let cluster = std::env::var("NOVANTRA_TEST_POSTGRES_URL").expect(
            "NOVANTRA_TEST_POSTGRES_URL is not set: run the tests with `cargo xtask test`, which starts a PostgreSQL for them",
        );
        let name = format!("novantra_server_{}_{}", process::id(), DATABASE_COUNT.fetch_add(1, Ordering::Relaxed));
        Database::connect(&cluster).await.execute(&format!("CREATE DATABASE {name}")).await;
        Self { cluster, name }
    }

    pub(crate) fn url(&self) -> String {
        let (base, settings) = match self.cluster.split_once('?') {
            Some((base, settings)) => (base, format!("?{settings}")),
            None => (self.cluster.as_str(), String::new()),
        };
        let (server, _) = base.rsplit_once('/').expect("a URL with a database");
        format!("{server}/{}{settings}", self.name)
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        let (cluster, drop) = (self.cluster.clone(), format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name));
        // This needs a thread of its own, because a runtime can't block on another one.
        let dropped = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async { Database::connect(&cluster).await.execute(&drop).await });
        });
        if dropped.join().is_err() {
            eprintln!("the database {} was not dropped", self.name);
        }
    }
}
