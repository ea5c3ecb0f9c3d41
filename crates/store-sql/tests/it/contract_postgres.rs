//! The store on PostgreSQL passes the contract suite of all stores, and every statement that it sends meanwhile is one
//! that a distributed database can run.

use std::sync::Arc;

use kernel::Clock;
use novantra_store_sql::{Database, Role};
use store_contract::OpenedStore;
use ulid::Ulid;

use crate::support::{old_entries::PostgresUrl, open_store, portable_statements::CheckedStatements, postgres};

async fn open(clock: Arc<dyn Clock>) -> OpenedStore {
    let fresh = postgres::create().await;
    let statements = CheckedStatements::start(&fresh.url()).await;
    let database = Database::open(&statements.url().parse().unwrap()).await.unwrap();
    let store = open_store(database, Role::Server, clock, Ulid::from_parts(0, 1)).await;
    let old_entries = Arc::new(PostgresUrl(fresh.url()));
    OpenedStore::new(Arc::new(store)).with_old_entries(old_entries).with_guard((statements, fresh))
}

store_contract::contract_suite!(open);

#[tokio::test]
async fn a_page_of_large_records_ends_early() {
    store_contract::large_pages::a_page_of_large_records_ends_early(store_contract::Fixture::open(open).await).await;
}
