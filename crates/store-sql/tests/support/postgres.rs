//! A fresh PostgreSQL database for each test, dropped when the test is done.

use std::{
    process,
    sync::atomic::{AtomicU32, Ordering},
};

use novantra_store_sql::{Database, DatabaseUrl};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, PgConnection, postgres::PgConnectOptions};

/// A database of its own on the cluster that `NOVANTRA_TEST_POSTGRES_URL` names.
pub(crate) struct Fresh {
    cluster: PgConnectOptions,
    name: String,
}

static MADE: AtomicU32 = AtomicU32::new(0);

impl Fresh {
    pub(crate) async fn make() -> Self {
        let url = std::env::var("NOVANTRA_TEST_POSTGRES_URL").expect(
            "NOVANTRA_TEST_POSTGRES_URL is not set: run the tests by `cargo xtask test`, which starts a PostgreSQL for them",
        );
        let cluster: PgConnectOptions = url.parse().unwrap();
        let name = format!("novantra_test_{}_{}", process::id(), MADE.fetch_add(1, Ordering::Relaxed));
        let fresh = Self { cluster, name };
        fresh.maintain("CREATE DATABASE").await;
        fresh
    }

    pub(crate) fn url(&self) -> DatabaseUrl {
        DatabaseUrl::Postgres(Box::new(self.cluster.clone().database(&self.name)))
    }

    pub(crate) async fn open(&self) -> Database {
        let database = Database::open(&self.url()).await.unwrap();
        database.migrate(kernel::Timestamp::from_millis(0)).await.unwrap();
        database
    }

    async fn maintain(&self, what: &str) {
        let mut connection: PgConnection = self.cluster.connect().await.unwrap();
        let statement = format!("{what} {}", self.name);
        sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut connection).await.unwrap();
        connection.close().await.unwrap();
    }
}

impl Drop for Fresh {
    fn drop(&mut self) {
        let (cluster, name) = (self.cluster.clone(), self.name.clone());
        // A thread of its own, because a runtime can't be waited for from within another.
        let dropped = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let mut connection: PgConnection = cluster.connect().await.unwrap();
                let statement = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
                sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut connection).await.unwrap();
            });
        });
        if dropped.join().is_err() {
            eprintln!("the database {} was not dropped", self.name);
        }
    }
}
