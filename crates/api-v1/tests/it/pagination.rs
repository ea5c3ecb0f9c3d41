//! Lists: pages, cursors, filters, order and incremental pulls.

use std::{collections::BTreeSet, time::Duration};

use findings::{Finding, Severity, Status};
use kernel::Timestamp;
use scopes::Scope;
use serde_json::{Value, json};

use crate::support::{Call, Client, TestApi, finding_body, findings_path};

async fn setup(findings: usize) -> (TestApi, Client) {
    let api = TestApi::open().await;
    let client = api.full_access_client().await;
    for number in 0..findings {
        api.store_finding(&format!("k{number}"), |finding| finding).await;
    }
    (api, client)
}

fn keys(page: &Value) -> Vec<String> {
    let findings = page["findings"].as_array().unwrap();
    findings.iter().map(|finding| finding["findingKey"].as_str().unwrap().to_owned()).collect()
}

async fn list(api: &TestApi, client: &Client, query: &str) -> Value {
    api.get(&format!("{}?{query}", findings_path())).auth(client).send().await.expect(200).json()
}

/// The records of all pages. `between` runs after each page but the last.
async fn list_all_pages(api: &TestApi, client: &Client, query: &str, mut between: impl AsyncFnMut()) -> Vec<Value> {
    let (mut all, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = list(api, client, &format!("{query}{cursor}")).await;
        all.extend(page["findings"].as_array().unwrap().clone());
        match page["pagination"]["nextCursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => {
                assert_eq!(page["pagination"], json!({}));
                return all;
            }
        }
        between().await;
    }
}

#[tokio::test]
async fn a_page_has_50_records_by_default_and_never_more_than_200() {
    let (api, client) = setup(230).await;
    for (query, count) in [
        ("", 50),
        ("limit=1", 1),
        ("limit=200", 200),
        ("limit=201", 200),
        ("limit=99999999999999999999999", 200),
        ("limit=007", 7),
    ] {
        assert_eq!(keys(&list(&api, &client, query).await).len(), count, "{query}");
    }
    for bad in ["0", "-1", "x", "", "1.5", "1e2", "+1", "%201", "0x10"] {
        let response = api.get(&format!("{}?limit={bad}", findings_path())).auth(&client).send().await.expect(400);
        assert_eq!(response.issue_paths(), ["query.limit"], "{bad}");
    }
}

#[tokio::test]
async fn the_newest_records_come_first_and_the_last_page_has_no_cursor() {
    let (api, client) = setup(4).await;
    let page = list(&api, &client, "limit=4").await;
    assert_eq!(keys(&page), ["k3", "k2", "k1", "k0"]);
    assert_eq!(page["pagination"], json!({}));
    let page = list(&api, &client, "limit=3").await;
    let next = page["pagination"]["nextCursor"].as_str().unwrap();
    assert_eq!(keys(&list(&api, &client, &format!("cursor={next}&limit=200")).await), ["k0"]);
}

#[tokio::test]
async fn paging_neither_repeats_nor_skips_a_record_during_concurrent_writes() {
    let (api, client) = setup(25).await;
    let mut number = 0;
    let all = list_all_pages(&api, &client, "limit=4&status=open", async || {
        number += 1;
        api.clock().tick();
        api.create_finding(&client, &format!("new{number}")).await;
        let id = list(&api, &client, &format!("findingKey=k{number}")).await["findings"][0]["id"]
            .as_str()
            .unwrap()
            .to_owned();
        let body = json!({ "severity": "low", "reason": "because of a test" });
        api.patch(&format!("{}/{id}", findings_path())).auth(&client).json(&body).send().await.expect(200);
    })
    .await;
    let listed: Vec<_> = all.iter().map(|finding| finding["findingKey"].as_str().unwrap().to_owned()).collect();
    let distinct: BTreeSet<_> = listed.iter().cloned().collect();
    assert_eq!(listed.len(), distinct.len(), "a record was returned twice");
    for number in 0..25 {
        assert!(distinct.contains(&format!("k{number}")), "k{number} was skipped");
    }
}

#[tokio::test]
async fn paging_by_update_time_misses_no_record_that_changes_meanwhile() {
    let (api, client) = setup(12).await;
    let mut changed = false;
    let all = list_all_pages(&api, &client, "limit=5&order=updated&updated_since=2020-01-01", async || {
        if changed {
            return;
        }
        changed = true;
        api.clock().tick();
        let id = list(&api, &client, "findingKey=k0").await["findings"][0]["id"].as_str().unwrap().to_owned();
        let body = json!({ "title": "Changed", "reason": "because of a test" });
        api.patch(&format!("{}/{id}", findings_path())).auth(&client).json(&body).send().await.expect(200);
    })
    .await;
    assert_eq!(
        all.last().unwrap()["title"],
        "Changed",
        "the record that changed meanwhile is returned again at the end"
    );
    assert_eq!(all.len(), 13);
}

#[tokio::test]
async fn a_cursor_is_valid_only_for_its_own_list() {
    let (api, client) = setup(5).await;
    let other_organization = api.fixture.create_organization("elsewhere").await;
    let other_client = api.client(other_organization, Scope::ALL).await;
    let cursor =
        async |query: &str| list(&api, &client, query).await["pagination"]["nextCursor"].as_str().unwrap().to_owned();
    let plain = cursor("limit=2").await;
    let open = cursor("limit=2&status=open").await;
    let changed = cursor("limit=2&order=updated&updatedAfter=2020-01-01").await;
    let refused = async |client: &Client, path: &str| {
        assert_eq!(api.get(path).auth(client).send().await.expect(400).error_code(), "invalid_cursor", "{path}");
    };
    let path = findings_path();
    refused(&other_client, &format!("{path}?cursor={plain}")).await;
    refused(&client, &format!("/api/v1/governance/controls?cursor={plain}")).await;
    refused(&client, &format!("/api/v1/audit/entries?cursor={plain}")).await;
    refused(&client, &format!("{path}?cursor={plain}&status=open")).await;
    refused(&client, &format!("{path}?cursor={open}")).await;
    refused(&client, &format!("{path}?cursor={open}&status=closed")).await;
    refused(&client, &format!("{path}?cursor={changed}")).await;
    refused(&client, &format!("{path}?cursor={changed}&updatedAfter=2020-01-01")).await;
    for nonsense in ["", "x", "a.b", "%00", &plain[1..], &format!("{plain}A"), &plain.to_uppercase()] {
        refused(&client, &format!("{path}?cursor={nonsense}")).await;
    }
    list(&api, &client, &format!("status=open&limit=1&cursor={open}")).await;
    list(&api, &client, &format!("updatedAfter=2020-01-01&cursor={changed}&order=updated")).await;
}

#[tokio::test]
async fn a_cursor_is_valid_however_the_filters_of_its_list_are_spelled() {
    let (api, client) = setup(5).await;
    let path = findings_path();
    for (first, spellings) in [
        (
            "status=open,triaged&severity=medium,low",
            &["severity=low,medium&status=triaged,open,open", "status=open%2Ctriaged&severity=lo%77,medium"][..],
        ),
        ("findingKey=k0,k1,k2", &["findingKey=k2,k1,k0", "finding%4bey=k0,k0,%6b1,k2"]),
        (
            "createdAfter=2020-01-01",
            &["createdAfter=2020-01-01T00:00:00Z", "createdAfter=2020-01-01T02:00:00.0005%2B02:00"],
        ),
        ("order=updated&updatedAfter=2020-01-01", &["updated_since=2020-01-01&order=updated"]),
    ] {
        let page = list(&api, &client, &format!("limit=2&{first}")).await;
        let next = page["pagination"]["nextCursor"].as_str().unwrap();
        let second = keys(&list(&api, &client, &format!("limit=2&{first}&cursor={next}")).await);
        assert!(!second.is_empty(), "{first}");
        for spelling in spellings {
            let page = list(&api, &client, &format!("{spelling}&cursor={next}&limit=2")).await;
            assert_eq!(keys(&page), second, "{spelling}");
        }
    }
    let page = list(&api, &client, "limit=1&findingKey=k0,k1").await;
    let next = page["pagination"]["nextCursor"].as_str().unwrap();
    for other in ["findingKey=k0%2Ck1", "findingKey=k0,k1,k2", "findingKey=k0%252Ck1", "createdAfter=2020-01-01"] {
        let response = api.get(&format!("{path}?cursor={next}&{other}")).auth(&client).send().await.expect(400);
        assert_eq!(response.error_code(), "invalid_cursor", "{other}");
    }
}

#[tokio::test]
async fn a_broken_percent_encoding_is_refused_and_named() {
    let (api, client) = setup(1).await;
    for (query, path) in [
        ("findingKey=%", "query.findingKey"),
        ("findingKey=k0,%zz", "query.findingKey"),
        ("status=open%2", "query.status"),
        ("%g0=1", "query.%g0"),
        ("findingKey=%ff", "query.findingKey"),
    ] {
        let response = api.get(&format!("{}?{query}", findings_path())).auth(&client).send().await.expect(400);
        assert_eq!(response.issue_paths(), [path], "{query}");
    }
}

#[tokio::test]
async fn a_cursor_with_any_altered_character_is_rejected() {
    let (api, client) = setup(5).await;
    let cursor = list(&api, &client, "limit=2").await["pagination"]["nextCursor"].as_str().unwrap().to_owned();
    for index in 0..cursor.len() {
        let mut altered = cursor.clone().into_bytes();
        altered[index] = if altered[index] == b'A' { b'B' } else { b'A' };
        let path = format!("{}?cursor={}", findings_path(), String::from_utf8(altered).unwrap());
        assert_eq!(api.get(&path).auth(&client).send().await.expect(400).error_code(), "invalid_cursor");
    }
}

#[tokio::test]
async fn a_cursor_is_valid_for_a_day_and_expires_later() {
    let (api, client) = setup(5).await;
    let cursor = list(&api, &client, "limit=2").await["pagination"]["nextCursor"].as_str().unwrap().to_owned();
    let path = format!("{}?cursor={cursor}", findings_path());
    api.clock().advance(Duration::from_secs(24 * 3600));
    api.get(&path).bearer_auth(&api.new_token(&client).await).send().await.expect(200);
    api.clock().advance(Duration::from_secs(24 * 3600 + 1));
    let response = api.get(&path).bearer_auth(&api.new_token(&client).await).send().await.expect(400);
    assert_eq!(response.error_code(), "invalid_cursor");
}

#[tokio::test]
async fn filters_narrow_a_list_and_commas_separate_alternatives() {
    let (api, client) = setup(0).await;
    api.store_finding("a", |finding| Finding { severity: Severity::High, ..finding }).await;
    api.store_finding("b", |finding| Finding { status: Status::Triaged, ..finding }).await;
    api.store_finding("c", |finding| Finding { status: Status::Remediating, ..finding }).await;
    let mut subject = finding_body("d,e");
    subject["subjectModuleKey"] = json!("assets");
    subject["subjectResourceType"] = json!("asset");
    subject["subjectResourceId"] = json!("srv 1");
    api.post(findings_path()).auth(&client).json(&subject).send().await.expect(201);
    for (query, expected) in [
        ("status=open", &["d,e", "a"][..]),
        ("status=triaged,remediating", &["c", "b"]),
        ("status=triaged%2Cremediating", &["c", "b"]),
        ("status=open,open", &["d,e", "a"]),
        ("severity=high", &["d,e", "a"]),
        ("severity=high&sourceKind=manual", &["a"]),
        ("sourceKind=manual,module_signal&status=triaged", &["b"]),
        ("subjectResourceId=srv+1", &["d,e"]),
        ("subjectResourceId=srv%201", &["d,e"]),
        ("findingKey=a,c", &["c", "a"]),
        ("findingKey=d%2Ce", &["d,e"]),
        ("findingKey=a,d%2ce,c", &["d,e", "c", "a"]),
        ("findingKey=a%2Cc", &[]),
        ("findingKey=nonsense", &[]),
        ("status=closed", &[]),
    ] {
        assert_eq!(keys(&list(&api, &client, query).await), expected, "{query}");
    }
}

#[tokio::test]
async fn controls_are_listed_and_filtered_like_findings() {
    let (api, client) = setup(0).await;
    api.store_control(api.home, "CTL-1").await;
    api.fixture.create(api.home, store_contract::samples::control("CTL-2")).await;
    let keys = async |query: &str| {
        let page =
            api.get(&format!("/api/v1/governance/controls?{query}")).auth(&client).send().await.expect(200).json();
        page["controls"]
            .as_array()
            .unwrap()
            .iter()
            .map(|control| control["controlKey"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(keys("limit=10").await, ["CTL-2", "CTL-1"]);
    assert_eq!(keys("status=active").await, ["CTL-1"]);
    assert_eq!(keys("status=draft,retired").await, ["CTL-2"]);
}

#[tokio::test]
async fn after_filters_are_inclusive_before_filters_exclusive_and_a_date_means_its_midnight() {
    let (api, client) = setup(0).await;
    let midnight: Timestamp = "2026-06-01T00:00:00Z".parse().unwrap();
    for (key, offset) in [("before", -1), ("at", 0), ("past", 1)] {
        api.clock().set(Timestamp::from_millis(midnight.millis() + offset));
        api.store_finding(key, |finding| finding).await;
    }
    let client = Client { token: api.new_token(&client).await, ..client };
    for moment in ["2026-06-01", "2026-06-01T00:00:00Z", "2026-06-01T00:00:00.000Z", "2026-06-01T02:00:00.0009%2B02:00"]
    {
        for (name, expected) in [
            ("createdAfter", &["past", "at"][..]),
            ("createdBefore", &["before"]),
            ("updatedAfter", &["past", "at"]),
            ("updated_since", &["past", "at"]),
            ("updatedBefore", &["before"]),
        ] {
            assert_eq!(keys(&list(&api, &client, &format!("{name}={moment}")).await), expected, "{name}={moment}");
        }
    }
    let both = "createdAfter=2026-06-01&createdBefore=2026-06-01T00:00:00.001Z";
    assert_eq!(keys(&list(&api, &client, both).await), ["at"]);
    for bad in ["", "now", "2026-13-01", "1780000000", "2026-06-01T00:00:00", "2026-06-01T00:00:00+02:00"] {
        let response =
            api.get(&format!("{}?createdAfter={bad}", findings_path())).auth(&client).send().await.expect(400);
        assert_eq!(response.issue_paths(), ["query.createdAfter"], "{bad}");
    }
    for extreme in ["0001-01-01", "9999-12-31T23:59:59.999Z"] {
        for name in ["createdAfter", "createdBefore", "updatedAfter", "updatedBefore"] {
            list(&api, &client, &format!("{name}={extreme}")).await;
        }
    }
}

#[tokio::test]
async fn order_updated_lists_the_oldest_change_first_and_requires_an_updated_filter() {
    let (api, client) = setup(3).await;
    api.clock().tick();
    let id = list(&api, &client, "findingKey=k0").await["findings"][0]["id"].as_str().unwrap().to_owned();
    let body = json!({ "severity": "low", "reason": "because of a test" });
    api.patch(&format!("{}/{id}", findings_path())).auth(&client).json(&body).send().await.expect(200);
    assert_eq!(keys(&list(&api, &client, "order=updated&updatedAfter=2020-01-01").await), ["k1", "k2", "k0"]);
    assert_eq!(keys(&list(&api, &client, "order=updated&updatedBefore=2030-01-01").await), ["k1", "k2", "k0"]);
    let response = api.get(&format!("{}?order=updated", findings_path())).auth(&client).send().await.expect(400);
    assert_eq!(response.issue_paths(), ["query.order"]);
    let twice = format!("{}?updatedAfter=2020-01-01&updated_since=2020-01-01", findings_path());
    api.get(&twice).auth(&client).send().await.expect(400);
}

#[tokio::test]
async fn a_pull_since_x_as_of_returns_exactly_the_later_changes() {
    let (api, client) = setup(3).await;
    let pull = async |since: &str| {
        let path = format!("{}?order=updated&updated_since={since}", findings_path());
        let response = api.get(&path).auth(&client).send().await.expect(200);
        let as_of = response.header("x-as-of").to_owned();
        assert!(as_of.parse::<Timestamp>().is_ok());
        (keys(&response.json()), as_of)
    };
    let (all, as_of) = pull("2020-01-01").await;
    assert_eq!(all, ["k0", "k1", "k2"]);
    assert_eq!(pull(&as_of).await.0, Vec::<String>::new(), "no record is returned twice");
    api.create_finding(&client, "at-the-same-millisecond").await;
    let (changed, as_of) = pull(&as_of).await;
    assert_eq!(changed, ["at-the-same-millisecond"]);
    assert_eq!(pull(&as_of).await.0, Vec::<String>::new());
}

#[tokio::test]
async fn a_write_in_flight_holds_x_as_of_back_until_it_is_visible() {
    let (api, client) = setup(1).await;
    let api = std::sync::Arc::new(api);
    api.clock().advance(Duration::from_secs(1));
    let as_of = std::sync::Arc::new(std::sync::Mutex::new(String::new()));
    let (hook_api, reader, hook_as_of) = (api.clone(), client.clone(), as_of.clone());
    // A pull at a later time, while the write already has its timestamp but is not stored yet.
    api.probe.before_next(Call::Commit, move || {
        Box::pin(async move {
            hook_api.clock().advance(Duration::from_secs(5));
            let response = hook_api.get(findings_path()).auth(&reader).send().await.expect(200);
            assert_eq!(keys(&response.json()), ["k0"]);
            *hook_as_of.lock().unwrap() = response.header("x-as-of").to_owned();
        })
    });
    api.create_finding(&client, "late").await;
    let since = as_of.lock().unwrap().clone();
    assert_eq!(keys(&list(&api, &client, &format!("order=updated&updated_since={since}")).await), ["late"]);
}
