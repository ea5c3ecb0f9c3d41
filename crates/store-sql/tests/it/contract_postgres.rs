//! The store on PostgreSQL passes the contract suite of all stores.

use std::sync::Arc;

use kernel::Clock;
use postgres_cluster::TestDatabase;
use store_contract::OpenedStore;

use crate::support::postgres;

async fn open(clock: Arc<dyn Clock>) -> OpenedStore {
    let fresh = TestDatabase::create().await;
    let store = postgres::server(&fresh, clock).await;
    OpenedStore::new(Arc::new(store)).with_guard(fresh)
}

store_contract::contract_suite!(open);

#[tokio::test]
async fn a_page_of_large_records_ends_early() {
    store_contract::suite::listing::a_page_of_large_records_ends_early(store_contract::Fixture::open(open).await).await;
}
