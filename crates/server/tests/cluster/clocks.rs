//! Servers over one PostgreSQL whose machines have different clocks: all of them use the database's time.

use std::collections::BTreeSet;

use kernel::Timestamp;

use crate::support::{
    Answer, Client, CommandOutput, Credentials, Installation, ServerCluster, Setup, UNSEALED, clock_ahead, eventually,
    finding,
};

const FINDINGS: &str = "/api/v1/governance/findings";
const SCOPES: [&str; 2] = ["governance.findings:read", "governance.findings:write"];

/// Starts two servers, the second of them with a clock that is 90 s ahead, and creates an account.
async fn start_two_servers() -> (std::sync::Arc<ServerCluster>, Credentials) {
    let installation = Installation::with_new_postgres().await;
    let servers = ServerCluster::start_with(
        installation,
        2,
        |index, setup| if index == 1 { setup.clock_ahead(90) } else { setup },
    );
    let credentials = servers.installation().create_account("scanner", &SCOPES);
    (servers, credentials)
}

async fn create(client: &Client, key: &str) -> Answer {
    let answer = client.post_with_key(FINDINGS, key, &finding(key)).await;
    assert_eq!(answer.status, 201, "{}", answer.body);
    answer
}

fn run_check(installation: &Installation, ahead: Option<i64>) -> CommandOutput {
    let mut program = installation.program();
    program.envs(ahead.into_iter().flat_map(clock_ahead));
    CommandOutput::from(program.arg("check").output().expect("the program starts"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_of_either_server_works_on_the_other() {
    let (servers, credentials) = start_two_servers().await;
    for (from, to) in [(0, 1), (1, 0)] {
        let client = Client::with_token(&servers.urls()[from], &credentials).await.for_server(&servers.urls()[to]);
        assert_eq!(client.get(FINDINGS).await.status, 200, "a token of server {from} at server {to}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn both_servers_timestamp_records_with_the_database_time() {
    let (servers, credentials) = start_two_servers().await;
    let database = servers.installation().database().await;
    for (index, client) in servers.clients(&credentials).await.iter().enumerate() {
        let created = create(client, &format!("f-{index}")).await;
        let created_at: Timestamp =
            created.body["finding"]["createdAt"].as_str().expect("a time").parse().expect("a time");
        let now = database.cell("SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint").await;
        let difference = created_at.millis() - now.parse::<i64>().expect("milliseconds");
        assert!(difference.abs() < 5_000, "server {index} is {difference} ms off");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_catch_up_misses_no_write_of_either_server() {
    let (servers, credentials) = start_two_servers().await;
    let clients = servers.clients(&credentials).await;
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
async fn the_sealing_lease_moves_to_the_other_server_despite_clock_skew() {
    let (servers, credentials) = start_two_servers().await;
    let database = servers.installation().database().await;
    for killed in [0, 1] {
        let clients = servers.clients(&credentials).await;
        create(&clients[killed], &format!("before-{killed}")).await;
        servers.kill(killed);
        create(&clients[1 - killed], &format!("after-{killed}")).await;
        eventually("the other server seals", async || {
            let unsealed = database.cell(UNSEALED).await;
            (unsealed == "0").then_some(())
        })
        .await;
        servers.restart(killed);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn check_reports_the_clock_skew_of_a_machine() {
    let (servers, _) = start_two_servers().await;
    let synchronized = run_check(servers.installation(), None);
    assert!(synchronized.status.success(), "{}", synchronized.stderr);
    for (ahead, message) in [(90, "s ahead of the database's"), (-90, "s behind the database's")] {
        let skewed = run_check(servers.installation(), Some(ahead));
        assert_eq!(skewed.status.code(), Some(1), "{}", skewed.stdout);
        assert!(skewed.stderr.contains(message) && skewed.stderr.contains("clock: "), "{}", skewed.stderr);
    }
}

/// Lets the statements of all later sessions read a clock that a test sets ahead in the table `clock_offset`.
async fn replace_clock(database: &crate::support::Database) {
    for statement in [
        "CREATE SCHEMA test_clock",
        "CREATE TABLE test_clock.clock_offset (ahead interval NOT NULL)",
        "INSERT INTO test_clock.clock_offset VALUES ('0 s')",
        "CREATE FUNCTION test_clock.clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE AS \
         'SELECT pg_catalog.clock_timestamp() + ahead FROM test_clock.clock_offset'",
        "DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET search_path = public, test_clock, pg_catalog', \
         current_database()); END $$",
    ] {
        database.execute(statement).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_starts_while_the_databases_clock_is_months_ahead_uses_the_time_of_the_servers_that_run() {
    let installation = Installation::with_new_postgres().await;
    let database = installation.database().await;
    replace_clock(&database).await;
    let running = Setup::with_installation(installation.clone()).unlimited().start();
    let credentials = installation.create_account("scanner", &SCOPES);
    let client = Client::with_token(&running.url, &credentials).await;
    create(&client, "before").await;
    database.execute("UPDATE test_clock.clock_offset SET ahead = '200 days'").await;
    // The machine's clock does not tell that the database's is wrong.
    let setup = Setup::with_installation(installation.clone()).unlimited().log("later.log");
    let later = setup.clock_ahead(200 * 86_400).start();
    let now = Timestamp::from_millis(
        database
            .cell("SELECT (extract(epoch FROM pg_catalog.clock_timestamp()) * 1000)::bigint")
            .await
            .parse()
            .unwrap(),
    );
    for url in [&later.url, &running.url] {
        let client = Client::with_token(url, &credentials).await;
        let created = create(&client, &format!("during-{url}")).await;
        let created_at: Timestamp = created.body["finding"]["createdAt"].as_str().unwrap().parse().unwrap();
        let as_of: Timestamp = client.get(FINDINGS).await.headers["x-as-of"].to_str().unwrap().parse().unwrap();
        for time in [created_at, as_of] {
            assert!(time.distance(now).as_secs() < 60, "{time} is not near {now}");
        }
    }
    assert!(later.log().contains("but by the processes of the installation that run already"), "{}", later.log());
}
