//! Rules of every list of the document: pages of each size, times, the order of catching up, and streams.

use std::collections::BTreeSet;

use ::submissions::SubmissionPackageStatus;
use serde_json::{Value, json};

use crate::{
    operations::{PathParams, scoped_operations, with_query},
    submissions,
    support::{Client, Operation, TestApi, findings_path},
};

/// The records of each list.
const RECORDS: u64 = 5;

/// An API with several records in every list, each created and changed at a time of its own.
async fn setup() -> (TestApi, Client, PathParams) {
    let api = TestApi::open().await;
    let client = api.full_access_client().await;
    let params = PathParams::create_records(&api, &client).await.with_siblings(&api, RECORDS).await;
    for number in 1..RECORDS {
        api.clock().tick();
        api.create_finding(&client, &format!("k{number}")).await;
        let body = json!({ "eventType": "comment", "note": number.to_string(), "reason": "because a test says so" });
        let path = format!("{}/{}/events", findings_path(), params.finding);
        api.post(&path).auth(&client).json(&body).send().await.expect(201);
    }
    let package = submissions::store_package(&api, SubmissionPackageStatus::Draft, "listed").await;
    for _ in 0..RECORDS {
        api.clock().tick();
        submissions::record(&api, &client, &package, "comment", json!({})).await.expect(201);
    }
    (api, client, params.with_package(package))
}

fn lists() -> impl Iterator<Item = &'static Operation> {
    // The audit log grows with each call, and the custody of a claim is a part of it, whose entries have one time. Their
    // own tests are in `audit_log` and `attachments/custody`.
    let others = ["listAuditEntries", "listEvidenceCustody"];
    scoped_operations().filter(move |operation| operation.is_list() && !others.contains(&operation.id.as_str()))
}

/// The records of a page, and its cursor.
async fn page(api: &TestApi, client: &Client, path: &str) -> (Vec<Value>, Option<String>) {
    let page = api.get(path).auth(client).send().await.expect(200).json();
    let (_, records) = page.as_object().unwrap().iter().find(|(name, _)| *name != "pagination").unwrap();
    let next = page["pagination"]["nextCursor"].as_str().map(str::to_owned);
    assert_eq!(page["pagination"].as_object().unwrap().len(), usize::from(next.is_some()), "{path}");
    (records.as_array().unwrap().clone(), next)
}

/// The records of all pages of this size.
async fn walk(api: &TestApi, client: &Client, path: &str, limit: usize) -> Vec<Value> {
    let path = with_query(path, &format!("limit={limit}"));
    let (mut all, mut next) = page(api, client, &path).await;
    while let Some(cursor) = next {
        let (records, following) = page(api, client, &format!("{path}&cursor={cursor}")).await;
        assert!(records.len() <= limit, "{path}");
        all.extend(records);
        next = following;
    }
    all
}

/// The records of a stream, without its last line.
async fn stream(api: &TestApi, client: &Client, path: &str) -> Vec<Value> {
    let response = api.get(path).auth(client).header("accept", "application/x-ndjson").send().await.expect(200);
    let mut lines = response.lines();
    assert_eq!(lines.pop(), Some(json!({ "pagination": {} })), "{path}");
    lines
}

fn ids(records: &[Value]) -> Vec<&str> {
    records.iter().map(|record| record["id"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn every_list_has_the_same_records_on_pages_of_every_size_and_in_a_stream() {
    let (api, client, params) = setup().await;
    for operation in lists() {
        let path = params.path(operation);
        let all = walk(&api, &client, &path, 200).await;
        let least = if operation.path.contains("/webhooks/") { 1 } else { 2 };
        assert!(all.len() >= least, "{} has {} records", operation.id, all.len());
        assert_eq!(ids(&all).into_iter().collect::<BTreeSet<_>>().len(), all.len(), "{} repeats one", operation.id);
        let is_newest_first = all.windows(2).all(|pair| pair[0]["createdAt"].as_str() >= pair[1]["createdAt"].as_str());
        assert!(is_newest_first, "{}", operation.id);
        for limit in 1..=all.len() + 1 {
            assert_eq!(walk(&api, &client, &path, limit).await, all, "{} in pages of {limit}", operation.id);
        }
        assert_eq!(stream(&api, &client, &path).await, all, "{}", operation.id);
    }
}

#[tokio::test]
async fn every_list_is_bounded_by_the_times_of_creation_and_change() {
    let (api, client, params) = setup().await;
    for operation in lists() {
        let path = params.path(operation);
        let all = walk(&api, &client, &path, 200).await;
        for record in &all {
            for (member, after, before) in
                [("createdAt", "createdAfter", "createdBefore"), ("updatedAt", "updatedAfter", "updatedBefore")]
            {
                let time = record[member].as_str().unwrap();
                for (parameter, is_within) in [
                    (after, (|listed: &str, time: &str| listed >= time) as fn(&str, &str) -> bool),
                    (before, |listed, time| listed < time),
                ] {
                    let bounded = with_query(&path, &format!("{parameter}={time}"));
                    let is_expected = |listed: &&Value| is_within(listed[member].as_str().unwrap(), time);
                    let expected: Vec<_> = all.iter().filter(is_expected).cloned().collect();
                    assert_eq!(walk(&api, &client, &bounded, 2).await, expected, "{} {parameter}", operation.id);
                    assert_eq!(stream(&api, &client, &bounded).await, expected, "{} {parameter}", operation.id);
                }
            }
            let since = record["updatedAt"].as_str().unwrap();
            let alias = walk(&api, &client, &with_query(&path, &format!("updated_since={since}")), 200).await;
            let named = walk(&api, &client, &with_query(&path, &format!("updatedAfter={since}")), 200).await;
            assert_eq!(alias, named, "{}", operation.id);
        }
    }
}

#[tokio::test]
async fn every_list_is_caught_up_with_oldest_change_first_from_any_change_on() {
    let (api, client, params) = setup().await;
    for operation in lists() {
        let path = params.path(operation);
        let mut expected = walk(&api, &client, &path, 200).await;
        let key = |record: &Value| (record["updatedAt"].to_string(), record["id"].to_string());
        expected.sort_by_key(key);
        for (index, record) in expected.iter().enumerate() {
            let since = record["updatedAt"].as_str().unwrap();
            let first = expected.iter().position(|other| other["updatedAt"] == record["updatedAt"]).unwrap();
            assert!(first <= index);
            let caught_up = with_query(&path, &format!("order=updated&updated_since={since}"));
            for limit in [1, 2, 200] {
                assert_eq!(walk(&api, &client, &caught_up, limit).await, expected[first..], "{}", operation.id);
            }
            assert_eq!(stream(&api, &client, &caught_up).await, expected[first..], "{}", operation.id);
        }
        let response = api.get(&path).auth(&client).send().await.expect(200);
        let later = with_query(&path, &format!("order=updated&updated_since={}", response.header("x-as-of")));
        assert_eq!(walk(&api, &client, &later, 200).await, Vec::<Value>::new(), "{}", operation.id);
    }
}
