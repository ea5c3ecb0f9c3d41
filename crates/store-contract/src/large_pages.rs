//! A test of stores that read records from elsewhere. It is not part of the suite, because a store in memory has all
//! records in memory anyway.

use findings::Finding;
use kernel::MAX_PAGE_BYTES;

use crate::{
    Fixture,
    suite::listing::{ORDERS, create_large_findings, page_request},
};

/// A store that reads records from elsewhere ends a page once its texts have the maximum size of a page, so that few
/// large records are in memory at a time.
pub async fn a_page_of_large_records_ends_early(fixture: Fixture) {
    create_large_findings(&fixture, 30).await;
    for order in ORDERS {
        let page = fixture.list::<Finding>(fixture.home, &Default::default(), &page_request(200, order)).await;
        // Each finding has a little more than 60,000 bytes.
        assert_eq!((page.items.len(), page.next.is_some()), (MAX_PAGE_BYTES / 60_000 + 1, true), "{order:?}");
    }
}
