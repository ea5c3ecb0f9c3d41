//! Tokens, cursors and effects of one server are valid on every other.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::{
    load::comment,
    support::{Client, Installation, ServerCluster, finding},
};

const FINDINGS: &str = "/api/v1/governance/findings";
const SCOPES: &[&str] = &["governance.findings:read", "governance.findings:write", "audit:read"];

/// Starts two servers; returns a client of each, both with one token.
async fn start_two_servers() -> (std::sync::Arc<ServerCluster>, Client, Client) {
    let servers = ServerCluster::start(Installation::with_new_postgres().await, 2);
    let credentials = servers.installation().create_account("integration", SCOPES);
    let [first, second] = <[Client; 2]>::try_from(servers.clients(&credentials).await).ok().expect("two");
    (servers, first, second)
}

async fn create(client: &Client, key: &str) -> String {
    let created = client.post_with_key(FINDINGS, key, &finding(key)).await;
    assert_eq!(created.status, 201, "{}", created.body);
    created.body["finding"]["id"].as_str().expect("an id").to_owned()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_key_sent_concurrently_to_two_servers_has_one_effect_and_one_response() {
    let (_servers, first, second) = start_two_servers().await;
    for round in 0..25 {
        let id = create(&first, &format!("round-{round}")).await;
        let answers =
            tokio::join!(comment(&first, &id), comment(&second, &id), comment(&first, &id), comment(&second, &id));
        let answers = [answers.0, answers.1, answers.2, answers.3];
        assert!(answers.iter().all(|answer| answer.body == answers[0].body), "{answers:?}");
        let replayed = answers.iter().filter(|answer| answer.headers.contains_key("idempotent-replayed")).count();
        assert_eq!(replayed, 3, "one of four requests must have an effect");
        let events = second.get(&format!("{FINDINGS}/{id}/events")).await;
        assert_eq!(events.body["findingEvents"].as_array().expect("events").len(), 1);
    }
    let acted = first.list_all("/api/v1/audit/entries?action=finding.event_recorded", "entries").await;
    let replays = first.list_all("/api/v1/audit/entries?action=finding.event_recorded.replayed", "entries").await;
    assert_eq!((acted.len(), replays.len()), (25, 75));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pagination_continues_on_another_server_with_the_same_token_and_cursor() {
    let (_servers, first, second) = start_two_servers().await;
    let mut created = Vec::new();
    for number in 0..23 {
        created.push(create(&first, &format!("key-{number}")).await);
    }
    let (mut listed, mut cursor, mut turn) = (Vec::new(), String::new(), [&first, &second].into_iter().cycle());
    loop {
        let page = turn.next().expect("a client").get(&format!("{FINDINGS}?limit=5{cursor}")).await;
        assert_eq!(page.status, 200, "{}", page.body);
        listed.extend(page.body["findings"].as_array().expect("findings").iter().map(|finding| finding["id"].clone()));
        let Some(next) = page.body["pagination"]["nextCursor"].as_str() else { break };
        cursor = format!("&cursor={next}");
    }
    let newest_first: Vec<Value> = created.into_iter().rev().map(Value::String).collect();
    assert_eq!(listed, newest_first);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_catch_up_from_the_as_of_of_either_server_misses_no_write() {
    let (_servers, first, second) = start_two_servers().await;
    let writing = [&first, &second].map(|client| {
        let client = client.clone();
        tokio::spawn(async move {
            let mut made = BTreeMap::new();
            for number in 0..60 {
                let key = format!("{}-{number}", client.next_url());
                made.insert(create(&client, &key).await, key);
            }
            made
        })
    });
    let (mut seen, mut since, mut turn) =
        (BTreeMap::new(), "1970-01-01".to_owned(), [&first, &second].into_iter().cycle());
    // The last pull begins after all writes are done.
    let mut last = false;
    while !last {
        last = writing.iter().all(tokio::task::JoinHandle::is_finished);
        let client = turn.next().expect("a client");
        since = pull(client, &since, &mut seen).await;
    }
    for writer in writing {
        let made = writer.await.expect("every write is stored");
        let missed: Vec<_> = made.iter().filter(|(id, key)| seen.get(*id) != Some(key)).collect();
        assert!(missed.is_empty(), "missed {missed:?}");
    }
}

/// Pulls the changes since this time; returns the start of the next pull.
async fn pull(client: &Client, since: &str, seen: &mut BTreeMap<String, String>) -> String {
    let path = format!("{FINDINGS}?order=updated&limit=50&updated_since={since}");
    let (mut cursor, mut as_of) = (String::new(), None);
    loop {
        let page = client.get(&format!("{path}{cursor}")).await;
        assert_eq!(page.status, 200, "{}", page.body);
        as_of.get_or_insert_with(|| page.headers["x-as-of"].to_str().expect("a timestamp").to_owned());
        for finding in page.body["findings"].as_array().expect("findings") {
            let text = |member: &str| finding[member].as_str().expect("a text").to_owned();
            seen.insert(text("id"), text("findingKey"));
        }
        match page.body["pagination"]["nextCursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return as_of.expect("a first page"),
        }
    }
}
