//! A new PostgreSQL database for each test, dropped when the test ends.
#![allow(dead_code, reason = "each file of tests uses what it needs")]

use std::{
    process,
    sync::atomic::{AtomicU32, Ordering},
};

use novantra_store_sql::{Database, DatabaseUrl};
use tokio_postgres::{Client, NoTls};

/// A database of its own on the cluster that `NOVANTRA_TEST_POSTGRES_URL` names.
pub(crate) struct TestDatabase {
    cluster: String,
    name: String,
}

static DATABASES_CREATED: AtomicU32 = AtomicU32::new(0);

impl TestDatabase {
    pub(crate) async fn create() -> Self {
        let cluster = std::env::var("NOVANTRA_TEST_POSTGRES_URL").expect(
            "NOVANTRA_TEST_POSTGRES_URL is not set: run the tests with `cargo xtask test`, which starts a PostgreSQL",
        );
        let name = format!("novantra_test_{}_{}", process::id(), DATABASES_CREATED.fetch_add(1, Ordering::Relaxed));
        run(&cluster, &format!("CREATE DATABASE {name}")).await;
        Self { cluster, name }
    }

    /// Returns the URL of the database.
    pub(crate) fn address(&self) -> String {
        let (address, parameters) = self.cluster.split_once('?').unwrap_or((&self.cluster, ""));
        let (server, _) = address.rsplit_once('/').unwrap();
        format!("{server}/{}?{parameters}", self.name)
    }

    pub(crate) fn url(&self) -> DatabaseUrl {
        self.address().parse().unwrap()
    }

    pub(crate) async fn open(&self) -> Database {
        let database = Database::open(&self.url()).await.unwrap();
        database.migrate(kernel::Timestamp::from_millis(0)).await.unwrap();
        database
    }

    pub(crate) fn cluster(&self) -> &str {
        &self.cluster
    }

    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// A connection to another database of the cluster.
    pub(crate) async fn connect_to_cluster(&self) -> Client {
        connect(&self.cluster).await
    }

    /// Runs a statement to its end and blocks this thread meanwhile.
    pub(crate) fn execute_blocking(&self, statement: &str) {
        let (address, statement) = (self.address(), statement.to_owned());
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(run(&address, &statement));
        });
        thread.join().unwrap();
    }

    /// Returns a connection that bypasses the store.
    pub(crate) async fn connect(&self) -> Client {
        connect(&self.address()).await
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        execute_on_own_thread(&self.cluster, &format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name));
    }
}

/// Runs a statement from code that can't await.
pub(crate) fn execute_on_own_thread(address: &str, statement: &str) {
    let (address, owned) = (address.to_owned(), statement.to_owned());
    // A thread of its own, because a runtime can't block inside another runtime.
    let thread = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(run(&address, &owned));
    });
    if thread.join().is_err() {
        eprintln!("could not run: {statement}");
    }
}

async fn connect(address: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(address, NoTls).await.unwrap();
    tokio::spawn(connection);
    client
}

async fn run(address: &str, statement: &str) {
    connect(address).await.batch_execute(statement).await.unwrap();
}
