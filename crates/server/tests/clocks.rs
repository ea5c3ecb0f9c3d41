//! Servers over one PostgreSQL whose machines don't agree on the time: they go by the database's.

mod support;

use std::collections::BTreeSet;

use kernel::Timestamp;
use support::{Answer, Client, Credentials, Fleet, Installation, Ran, clock_ahead, eventually, finding};

const FINDINGS: &str = "/api/v1/governance/findings";
const SCOPES: [&str; 2] = ["governance.findings:read", "governance.findings:write"];

/// Two servers, the second of them on a machine whose clock is 90 s ahead, and an account.
async fn two() -> (std::sync::Arc<Fleet>, Credentials) {
    let installation = Installation::on_postgres().await;
    let fleet = Fleet::set_up(installation, 2, |place, setup| if place == 1 { setup.clock_ahead(90) } else { setup });
    let credentials = fleet.installation().account("scanner", &SCOPES);
    (fleet, credentials)
}

async fn create(client: &Client, key: &str) -> Answer {
    let answer = client.post_once(FINDINGS, key, &finding(key)).await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    answer
}

fn check(installation: &Installation, ahead: Option<i64>) -> Ran {
    let mut program = installation.program();
    program.envs(ahead.into_iter().flat_map(clock_ahead));
    Ran::from(program.arg("check").output().expect("the program starts"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_of_either_server_works_on_the_other() {
    let (fleet, credentials) = two().await;
    for (from, to) in [(0, 1), (1, 0)] {
        let client = Client::with_token(&fleet.urls()[from], &credentials).await.at(&fleet.urls()[to]);
        assert_eq!(client.get(FINDINGS).await.status, 200, "a token of server {from} at server {to}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn records_are_stamped_with_the_databases_time_by_either_server() {
    let (fleet, credentials) = two().await;
    let database = fleet.installation().database().await;
    for (place, client) in fleet.clients(&credentials).await.iter().enumerate() {
        let created = create(client, &format!("f-{place}")).await;
        let stamped: Timestamp =
            created.body["finding"]["createdAt"].as_str().expect("a time").parse().expect("a time");
        let now = database.cell("SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint").await;
        let apart = stamped.millis() - now.parse::<i64>().expect("milliseconds");
        assert!(apart.abs() < 5_000, "server {place} is {apart} ms off");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_catch_up_misses_nothing_whichever_server_wrote_it_and_whichever_tells_of_it() {
    let (fleet, credentials) = two().await;
    let clients = fleet.clients(&credentials).await;
    let (mut written, mut seen, mut since) = (BTreeSet::new(), BTreeSet::new(), "2000-01-01T00:00:00.000Z".to_owned());
    let mut catch_up = async |client: &Client| {
        let answer = client.get(&format!("{FINDINGS}?order=updated&limit=200&updated_since={since}")).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        since = answer.headers["x-as-of"].to_str().expect("a time").to_owned();
        let keys = answer.body["findings"].as_array().expect("a page").iter();
        seen.extend(keys.map(|finding| finding["findingKey"].as_str().expect("a key").to_owned()));
        seen.clone()
    };
    for turn in 0..20 {
        let key = format!("f-{turn}");
        create(&clients[turn % 2], &key).await;
        written.insert(key);
        catch_up(&clients[turn / 2 % 2]).await;
    }
    for client in &clients {
        let seen = catch_up(client).await;
        assert_eq!(written.difference(&seen).collect::<Vec<_>>(), Vec::<&String>::new());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_lease_of_the_sealer_goes_on_though_its_holders_clock_is_off() {
    let (fleet, credentials) = two().await;
    let database = fleet.installation().database().await;
    for dead in [0, 1] {
        let clients = fleet.clients(&credentials).await;
        create(&clients[dead], &format!("before-{dead}")).await;
        fleet.kill(dead);
        create(&clients[1 - dead], &format!("after-{dead}")).await;
        eventually("the other seals", async || {
            let unsealed = database.cell("SELECT count(*) FROM audit_waiting").await;
            (unsealed == "0").then_some(())
        })
        .await;
        fleet.start_again(dead);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_says_by_how_much_a_machines_clock_is_off() {
    let (fleet, _) = two().await;
    let right = check(fleet.installation(), None);
    assert!(right.status.success(), "{}", right.stderr);
    for (ahead, words) in [(90, "s ahead of the database's"), (-90, "s behind the database's")] {
        let off = check(fleet.installation(), Some(ahead));
        assert_eq!(off.status.code(), Some(1), "{}", off.stdout);
        assert!(off.stderr.contains(words) && off.stderr.contains("clock: "), "{}", off.stderr);
    }
}
