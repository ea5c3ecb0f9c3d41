//! A temporary database for one test.

use std::{
    process,
    sync::atomic::{AtomicU32, Ordering},
    thread,
};

use tokio_postgres::{Client, NoTls};

/// A database of its own on the cluster that `NOVANTRA_TEST_POSTGRES_URL` names. It is dropped with this value.
pub struct TestDatabase {
    cluster_url: String,
    name: String,
}

static DATABASES_CREATED: AtomicU32 = AtomicU32::new(0);

impl TestDatabase {
    /// Creates an empty database.
    ///
    /// # Panics
    /// If the environment names no cluster, or the cluster refuses.
    pub async fn create() -> Self {
        let cluster_url = std::env::var("NOVANTRA_TEST_POSTGRES_URL").expect(
            "NOVANTRA_TEST_POSTGRES_URL is not set: run the tests with `cargo xtask test`, which starts a PostgreSQL",
        );
        let name = format!("novantra_test_{}_{}", process::id(), DATABASES_CREATED.fetch_add(1, Ordering::Relaxed));
        execute(&cluster_url, &format!("CREATE DATABASE {name}")).await;
        Self { cluster_url, name }
    }

    /// The URL of the database.
    #[must_use]
    pub fn url(&self) -> String {
        let (base, parameters) = match self.cluster_url.split_once('?') {
            Some((base, parameters)) => (base, format!("?{parameters}")),
            None => (self.cluster_url.as_str(), String::new()),
        };
        let (server, _) = base.rsplit_once('/').expect("a URL with a database");
        format!("{server}/{}{parameters}", self.name)
    }

    /// The URL of another database of the cluster, which is not dropped with this one.
    #[must_use]
    pub fn cluster_url(&self) -> &str {
        &self.cluster_url
    }

    /// The name of the database.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns a connection to the database.
    ///
    /// # Panics
    /// If the server refuses it.
    pub async fn connect(&self) -> Client {
        connect(&self.url()).await
    }

    /// Returns a connection to another database of the cluster.
    ///
    /// # Panics
    /// If the server refuses it.
    pub async fn connect_to_cluster(&self) -> Client {
        connect(&self.cluster_url).await
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        let drop = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name);
        if execute_blocking(&self.cluster_url, &drop).is_err() {
            eprintln!("the database {} was not dropped", self.name);
        }
    }
}

/// Executes statements from code that can't await, and blocks the thread meanwhile.
///
/// # Errors
/// If they fail.
pub fn execute_blocking(url: &str, statements: &str) -> thread::Result<()> {
    let (url, statements) = (url.to_owned(), statements.to_owned());
    // A thread of its own, because a runtime can't block inside another runtime.
    let thread = thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(execute(&url, &statements));
    });
    thread.join()
}

async fn execute(url: &str, statements: &str) {
    connect(url).await.batch_execute(statements).await.expect("the statements succeed");
}

async fn connect(url: &str) -> Client {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await.expect("the server accepts the connection");
    // The task ends with the client or the server; in the latter case, the next statement fails.
    tokio::spawn(connection);
    client
}
