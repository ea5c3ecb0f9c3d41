//! Lists: their orders, pages and time ranges.

use findings::{Finding, Severity};
use kernel::{Order, PageLimit, PageRequest, Stored, TimeRange, Timestamp};
use registers::Control;

use crate::{Fixture, samples};

pub(crate) const ORDERS: [Order; 3] = [Order::Newest, Order::Changed, Order::Due];

fn keys(listed: &[Stored<Finding>]) -> Vec<&str> {
    listed.iter().map(|stored| stored.record.key.as_str()).collect()
}

pub(crate) fn page_request(limit: u64, order: Order) -> PageRequest {
    PageRequest { limit: PageLimit::clamped(limit), order, ..PageRequest::default() }
}

/// Creates `count` findings; every third has the same millisecond as the one before.
async fn create_findings(fixture: &Fixture, count: usize) -> Vec<Stored<Finding>> {
    let mut all = Vec::with_capacity(count);
    for number in 0..count {
        if number % 3 != 1 {
            fixture.clock.tick();
        }
        all.push(fixture.create(fixture.home, samples::finding(&format!("f-{number}"))).await);
    }
    all
}

/// The order by creation is not affected by later changes.
pub async fn a_list_is_ordered_newest_first(fixture: Fixture) {
    let all = create_findings(&fixture, 5).await;
    fixture.clock.tick();
    fixture.update(&all[1], samples::finding("f-1")).await;
    let listed = fixture.list_all::<Finding>(fixture.home, &Default::default(), page_request(2, Order::Newest)).await;
    assert_eq!(keys(&listed), ["f-4", "f-3", "f-2", "f-1", "f-0"]);
}

/// A catch-up reads the oldest change first; of changes at one moment, the oldest record first.
pub async fn a_list_by_change_is_ordered_oldest_change_first(fixture: Fixture) {
    let all = create_findings(&fixture, 5).await;
    fixture.clock.tick();
    let mut changeset = fixture.changeset(fixture.home);
    for index in [2, 0] {
        changeset.update(&all[index], &all[index].changed(changeset.at(), all[index].record.clone()));
    }
    fixture.commit(changeset).await.unwrap();
    for limit in 1..=6 {
        let listed =
            fixture.list_all::<Finding>(fixture.home, &Default::default(), page_request(limit, Order::Changed)).await;
        assert_eq!(keys(&listed), ["f-1", "f-3", "f-4", "f-0", "f-2"], "in pages of {limit}");
    }
}

/// A page with the last record has no next position, even if that record just fits.
pub async fn a_page_reports_whether_more_records_follow(fixture: Fixture) {
    let nothing = fixture.list::<Finding>(fixture.home, &Default::default(), &PageRequest::default()).await;
    assert!(nothing.items.is_empty() && nothing.next.is_none());
    create_findings(&fixture, 4).await;
    for order in ORDERS {
        for (limit, expected, more) in [(3, 3, true), (4, 4, false), (5, 4, false), (1, 1, true)] {
            let page = fixture.list::<Finding>(fixture.home, &Default::default(), &page_request(limit, order)).await;
            assert_eq!((page.items.len(), page.next.is_some()), (expected, more), "{limit} of 4, {order:?}");
        }
        let page = fixture.list::<Finding>(fixture.home, &Default::default(), &page_request(2, order)).await;
        assert_eq!(page.next, page.items.last().map(|last| order.position(last)), "a page ends at its last record");
    }
}

/// The largest possible page has two hundred records.
pub async fn a_page_has_at_most_two_hundred_records(fixture: Fixture) {
    let mut changeset = fixture.changeset(fixture.home);
    for number in 0..201 {
        let stored = fixture.new_record(&changeset, samples::control(&format!("c-{number}")));
        changeset.create(&stored);
    }
    fixture.commit(changeset).await.unwrap();
    let page = page_request(u64::MAX, Order::Newest);
    let first = fixture.list::<Control>(fixture.home, &Default::default(), &page).await;
    assert_eq!((first.items.len(), first.next.is_some()), (200, true));
    let page = PageRequest { after: first.next, ..page };
    let second = fixture.list::<Control>(fixture.home, &Default::default(), &page).await;
    assert_eq!((second.items.len(), second.next), (1, None));
}

/// Creates findings with texts of the maximum length, whose characters have several bytes.
pub(crate) async fn create_large_findings(fixture: &Fixture, count: usize) {
    let mut changeset = fixture.changeset(fixture.home);
    for number in 0..count {
        let finding = Finding {
            description: samples::description(&"語".repeat(20_000)),
            ..samples::finding(&format!("f-{number:02}"))
        };
        changeset.create(&fixture.new_record(&changeset, finding));
    }
    fixture.commit(changeset).await.unwrap();
}

/// A store may end pages and batches early because of large records, but it leaves none out.
pub async fn records_with_long_texts_are_all_listed_and_streamed(fixture: Fixture) {
    create_large_findings(&fixture, 30).await;
    let expected: Vec<String> = (0..30).map(|number| format!("f-{number:02}")).collect();
    for order in ORDERS {
        let page = page_request(200, order);
        let paged = fixture.list_all::<Finding>(fixture.home, &Default::default(), page).await;
        assert_eq!(fixture.stream::<Finding>(fixture.home, &Default::default(), page).await, paged, "{order:?}");
        let mut listed = keys(&paged);
        listed.sort_unstable();
        assert_eq!(listed, expected, "{order:?}");
    }
}

/// Pagination returns each record that exists throughout once, whatever is created and changed between the pages.
pub async fn pagination_returns_each_record_once_despite_concurrent_writes(fixture: Fixture) {
    let all = create_findings(&fixture, 12).await;
    let mut returned = Vec::new();
    let mut page = page_request(3, Order::Newest);
    loop {
        let listed = fixture.list::<Finding>(fixture.home, &Default::default(), &page).await;
        returned.extend(listed.items.iter().map(|stored| stored.meta.id));
        let Some(next) = listed.next else { break };
        page.after = Some(next);
        fixture.clock.tick();
        fixture.create(fixture.home, samples::finding(&format!("late-{}", returned.len()))).await;
        let (early, late) = (&all[returned.len() % 12], &all[11 - returned.len() % 12]);
        for changed in [early, late] {
            let current = fixture.get(fixture.home, changed.meta.id).await.unwrap();
            fixture.update(&current, Finding { severity: Severity::High, ..current.record.clone() }).await;
        }
    }
    let expected: Vec<_> = all.iter().rev().map(|stored| stored.meta.id).collect();
    assert_eq!(returned, expected);
}

/// Pagination by change returns every record, and those that change meanwhile again in their new version. It
/// terminates.
pub async fn pagination_by_change_returns_concurrently_changed_records_again(fixture: Fixture) {
    let all = create_findings(&fixture, 6).await;
    let page = page_request(2, Order::Changed);
    let first = fixture.list::<Finding>(fixture.home, &Default::default(), &page).await;
    assert_eq!(keys(&first.items), ["f-0", "f-1"]);
    fixture.clock.tick();
    let again = fixture.update(&all[0], Finding { severity: Severity::Low, ..all[0].record.clone() }).await;
    let ahead = fixture.update(&all[3], Finding { severity: Severity::Low, ..all[3].record.clone() }).await;
    let rest =
        fixture.list_all::<Finding>(fixture.home, &Default::default(), PageRequest { after: first.next, ..page }).await;
    assert_eq!(rest, [all[2].clone(), all[4].clone(), all[5].clone(), again, ahead]);
}

/// Time ranges include their start and exclude their end, alone and combined, over all pages.
pub async fn time_ranges_include_their_start_and_exclude_their_end(fixture: Fixture) {
    let mut all = Vec::new();
    for number in 0..5 {
        fixture.clock.tick();
        all.push(fixture.create(fixture.home, samples::finding(&format!("f-{number}"))).await);
    }
    fixture.clock.tick();
    let moved = fixture.update(&all[1], samples::finding("f-1")).await;
    let created = |index: usize| Some(all[index].meta.created_at);
    let changed = Some(moved.meta.updated_at);
    let open = TimeRange::default();
    for (time_range, expected) in [
        (TimeRange { created_after: created(3), ..open }, vec!["f-4", "f-3"]),
        (TimeRange { created_before: created(2), ..open }, vec!["f-1", "f-0"]),
        (TimeRange { created_after: created(1), created_before: created(3), ..open }, vec!["f-2", "f-1"]),
        (TimeRange { created_after: created(3), created_before: created(3), ..open }, vec![]),
        (TimeRange { created_after: created(4), created_before: created(0), ..open }, vec![]),
        (TimeRange { updated_after: changed, ..open }, vec!["f-1"]),
        (TimeRange { updated_before: changed, ..open }, vec!["f-4", "f-3", "f-2", "f-0"]),
        (TimeRange { updated_after: created(3), ..open }, vec!["f-4", "f-3", "f-1"]),
        (TimeRange { updated_after: created(3), updated_before: created(4), ..open }, vec!["f-3"]),
        (TimeRange { created_before: created(4), updated_after: created(3), ..open }, vec!["f-3", "f-1"]),
        (
            TimeRange { created_after: Some(Timestamp::MIN), updated_before: Some(Timestamp::MAX), ..open },
            keys(&all).into_iter().rev().collect(),
        ),
        (TimeRange { created_after: Some(Timestamp::MAX), ..open }, vec![]),
        (TimeRange { updated_before: Some(Timestamp::MIN), ..open }, vec![]),
        (TimeRange { created_before: Some(Timestamp::from_millis(-1)), ..open }, vec![]),
        (
            TimeRange { created_after: Some(Timestamp::from_millis(-1)), created_before: created(1), ..open },
            vec!["f-0"],
        ),
    ] {
        let page = PageRequest { time_range, ..page_request(2, Order::Newest) };
        let listed = fixture.list_all::<Finding>(fixture.home, &Default::default(), page).await;
        assert_eq!(keys(&listed), expected, "{time_range:?}");
        assert_eq!(fixture.stream::<Finding>(fixture.home, &Default::default(), page).await, listed, "{time_range:?}");
        let page = PageRequest { order: Order::Changed, ..page };
        let mut by_change = fixture.list_all::<Finding>(fixture.home, &Default::default(), page).await;
        assert_eq!(
            fixture.stream::<Finding>(fixture.home, &Default::default(), page).await,
            by_change,
            "{time_range:?}"
        );
        assert!(by_change.is_sorted_by_key(|stored| (stored.meta.updated_at, stored.meta.id)), "{time_range:?}");
        by_change.sort_by_key(|stored| std::cmp::Reverse(stored.meta.id));
        assert_eq!(by_change, listed, "{time_range:?}");
    }
}
