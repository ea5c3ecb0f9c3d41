//! Lists by due date: their order, and ranges of due dates.

use std::time::Duration;

use findings::{Finding, FindingFilter, Severity, Status};
use kernel::{Order, PageRequest, Stored, TimeRange, Timestamp};

use super::listing::page_request;
use crate::{Fixture, TestClock, samples};

fn at(seconds: u64) -> Timestamp {
    TestClock::START + Duration::from_secs(seconds)
}

fn due(key: &str, seconds: Option<u64>) -> Finding {
    Finding { due_at: seconds.map(at), ..samples::finding(key) }
}

fn keys(listed: &[Stored<Finding>]) -> Vec<&str> {
    listed.iter().map(|stored| stored.record.key.as_str()).collect()
}

/// Creates findings of which some share a due date, and some have none.
async fn create_findings(fixture: &Fixture) -> Vec<Stored<Finding>> {
    let dates = [Some(30), None, Some(10), Some(20), None, Some(10), Some(20), None];
    let mut all = Vec::new();
    for (number, date) in dates.into_iter().enumerate() {
        fixture.clock.tick();
        let finding = Finding {
            status: if number % 2 == 0 { Status::Open } else { Status::Triaged },
            severity: if number < 4 { Severity::High } else { Severity::Low },
            owner_member_user_id: (number > 1).then(|| samples::reference("ann")),
            ..due(&format!("f-{number}"), date)
        };
        all.push(fixture.create(fixture.home, finding).await);
    }
    all
}

/// Returns the keys of a list, which must be the same in pages of any size and as a stream.
async fn listed(fixture: &Fixture, filter: &FindingFilter, page: PageRequest) -> Vec<String> {
    let streamed = fixture.stream::<Finding>(fixture.home, filter, page).await;
    for limit in 1..=9 {
        let page = PageRequest { limit: page_request(limit, page.order).limit, ..page };
        let paged = fixture.list_all::<Finding>(fixture.home, filter, page).await;
        assert_eq!(keys(&paged), keys(&streamed), "pages of {limit} differ from the stream: {filter:?} {page:?}");
    }
    keys(&streamed).into_iter().map(str::to_owned).collect()
}

/// Records with the same due date, and those without one, are in the order of their creation.
pub async fn a_list_by_due_date_is_ordered_soonest_first_and_ends_with_records_without_one(fixture: Fixture) {
    let any = FindingFilter::default();
    let page = page_request(50, Order::Due);
    assert!(listed(&fixture, &any, page).await.is_empty());
    fixture.create(fixture.create_organization("other").await, due("of-another", Some(1))).await;
    let all = create_findings(&fixture).await;
    let expected = ["f-2", "f-5", "f-3", "f-6", "f-0", "f-1", "f-4", "f-7"];
    assert_eq!(listed(&fixture, &any, page).await, expected);

    for (limit, count, more) in [(8, 8, false), (7, 7, true), (6, 6, true), (5, 5, true), (4, 4, true)] {
        let page = fixture.list::<Finding>(fixture.home, &any, &page_request(limit, Order::Due)).await;
        assert_eq!(page.next.is_some(), more, "{limit} of 8");
        // A page may end before it is full.
        assert!(page.items.len() <= count);
    }

    fixture.clock.tick();
    fixture.update(&all[1], due("f-1", Some(15))).await;
    fixture.update(&all[2], due("f-2", None)).await;
    let expected = ["f-5", "f-1", "f-3", "f-6", "f-0", "f-2", "f-4", "f-7"];
    assert_eq!(listed(&fixture, &any, page).await, expected);

    for number in [0, 3, 5, 6] {
        let current = fixture.get(fixture.home, all[number].meta.id).await.unwrap();
        fixture.update(&current, due(&format!("f-{number}"), Some(10))).await;
    }
    let dated = ["f-0", "f-3", "f-5", "f-6", "f-1"];
    assert_eq!(listed(&fixture, &any, page).await[..5], dated);
    let only_dated = TimeRange { due_before: Some(Timestamp::MAX), ..TimeRange::default() };
    assert_eq!(listed(&fixture, &any, PageRequest { time_range: only_dated, ..page }).await, dated);
}

/// With a bound of the due date, records without one are left out.
pub async fn a_range_of_due_dates_includes_its_start_and_excludes_its_end_in_every_order(fixture: Fixture) {
    let all = create_findings(&fixture).await;
    let open = TimeRange::default();
    let created = |index: usize| Some(all[index].meta.created_at);
    for (time_range, expected) in [
        (TimeRange { due_after: Some(at(20)), ..open }, vec!["f-3", "f-6", "f-0"]),
        (TimeRange { due_before: Some(at(20)), ..open }, vec!["f-2", "f-5"]),
        (TimeRange { due_after: Some(at(10)), due_before: Some(at(30)), ..open }, vec!["f-2", "f-5", "f-3", "f-6"]),
        (TimeRange { due_after: Some(at(11)), due_before: Some(at(20)), ..open }, vec![]),
        (TimeRange { due_after: Some(at(30)), due_before: Some(at(10)), ..open }, vec![]),
        (TimeRange { due_after: Some(Timestamp::MIN), ..open }, vec!["f-2", "f-5", "f-3", "f-6", "f-0"]),
        (TimeRange { due_after: Some(at(10)), created_after: created(3), ..open }, vec!["f-5", "f-3", "f-6"]),
        (TimeRange { due_before: Some(at(21)), updated_before: created(5), ..open }, vec!["f-2", "f-3"]),
        (TimeRange { created_before: created(2), ..open }, vec!["f-0", "f-1"]),
        (TimeRange { updated_after: created(4), created_before: created(7), ..open }, vec!["f-5", "f-6", "f-4"]),
    ] {
        let any = FindingFilter::default();
        let page = PageRequest { time_range, ..page_request(50, Order::Due) };
        assert_eq!(listed(&fixture, &any, page).await, expected, "{time_range:?}");
        let mut by_number = expected;
        by_number.sort_unstable();
        let page = PageRequest { order: Order::Changed, ..page };
        assert_eq!(listed(&fixture, &any, page).await, by_number, "{time_range:?}");
        by_number.reverse();
        let page = PageRequest { order: Order::Newest, ..page };
        assert_eq!(listed(&fixture, &any, page).await, by_number, "{time_range:?}");
    }
}

/// Every filter and every combination holds in the order of due dates, with and without a range of due dates.
pub async fn a_list_by_due_date_is_filtered_like_any_other(fixture: Fixture) {
    create_findings(&fixture).await;
    let any = FindingFilter::default();
    let ann = any.clone().with("owner_member_user_id", [samples::reference("ann")]);
    let keyed = any.clone().with("finding_key", ["f-7", "f-0", "f-2", "f-1"].map(samples::key));
    let later = TimeRange { due_after: Some(at(20)), ..TimeRange::default() };
    for (filter, expected, later_ones) in [
        (any.clone().with("status", [Status::Open]), vec!["f-2", "f-6", "f-0", "f-4"], vec!["f-6", "f-0"]),
        (
            any.clone()
                .with("status", [Status::Open, Status::Triaged, Status::Closed])
                .with("severity", [Severity::High]),
            vec!["f-2", "f-3", "f-0", "f-1"],
            vec!["f-3", "f-0"],
        ),
        (any.clone().with("severity", [Severity::Low]), vec!["f-5", "f-6", "f-4", "f-7"], vec!["f-6"]),
        (ann.clone(), vec!["f-2", "f-5", "f-3", "f-6", "f-4", "f-7"], vec!["f-3", "f-6"]),
        (ann.clone().with("status", [Status::Triaged]), vec!["f-5", "f-3", "f-7"], vec!["f-3"]),
        (ann.with("owner_responsibility_id", [samples::reference("ann")]), vec![], vec![]),
        (keyed, vec!["f-2", "f-0", "f-1", "f-7"], vec!["f-0"]),
        (any.with("subject_resource_id", [samples::reference("x")]), vec![], vec![]),
    ] {
        for (time_range, expected) in [(TimeRange::default(), expected), (later, later_ones)] {
            let page = PageRequest { time_range, ..page_request(50, Order::Due) };
            assert_eq!(listed(&fixture, &filter, page).await, expected, "{filter:?} {time_range:?}");
            let mut newest = listed(&fixture, &filter, PageRequest { order: Order::Newest, ..page }).await;
            let mut expected = expected;
            newest.sort_unstable();
            expected.sort_unstable();
            assert_eq!(newest, expected, "{filter:?} {time_range:?}");
        }
    }
}

/// Records that are created or that change otherwise between two pages move no other record.
pub async fn pagination_by_due_date_returns_each_unchanged_record_once_despite_concurrent_writes(fixture: Fixture) {
    let all = create_findings(&fixture).await;
    let mut page = page_request(2, Order::Due);
    let mut returned = Vec::new();
    for round in 0_u64.. {
        let listed = fixture.list::<Finding>(fixture.home, &Default::default(), &page).await;
        returned.extend(listed.items.iter().map(|stored| stored.record.key.as_str().to_owned()));
        let Some(next) = listed.next else { break };
        page.after = Some(next);
        if round < 3 {
            fixture.clock.tick();
            fixture.create(fixture.home, due(&format!("new-{round}"), Some(round * 12))).await;
            let current = fixture.get(fixture.home, all[3].meta.id).await.unwrap();
            fixture.update(&current, Finding { severity: Severity::Critical, ..current.record.clone() }).await;
        }
    }
    returned.retain(|key| !key.starts_with("new-"));
    assert_eq!(returned, ["f-2", "f-5", "f-3", "f-6", "f-0", "f-1", "f-4", "f-7"]);
}
