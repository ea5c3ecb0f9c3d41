//! Rate limits of several servers over one PostgreSQL, which apply to all of them together.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use crate::support::{Client, Credentials, Installation, ServerCluster, Setup};

const FINDINGS: &str = "/api/v1/governance/findings";
const SCOPES: [&str; 1] = ["governance.findings:read"];

/// The limit of one account in reads per minute.
const LIMIT: u32 = 600;

/// Starts three servers with the given setup, and creates an account.
async fn start_three_servers(
    setup: impl Fn(usize, Setup) -> Setup + Send + Sync + 'static,
) -> (Arc<ServerCluster>, Credentials) {
    let servers = ServerCluster::start_with(Installation::with_new_postgres().await, 3, setup);
    let credentials = servers.installation().create_account("reader", &SCOPES);
    (servers, credentials)
}

fn redis_url() -> String {
    std::env::var("NOVANTRA_TEST_REDIS_URL").expect(
        "NOVANTRA_TEST_REDIS_URL is not set: run the tests with `cargo xtask test`, which starts a Redis for them",
    )
}

/// Reads through all servers concurrently until each has refused often. Returns how many reads were granted, and how
/// many the limit allows.
async fn exhaust(servers: &ServerCluster, credentials: &Credentials) -> (f64, f64) {
    let start = Instant::now();
    let exhaust_one = |client: Client| async move {
        let (mut passed, mut refused) = (0_u32, 0);
        while refused < 50 {
            let answer = client.get(FINDINGS).await;
            match answer.status {
                200 => passed += 1,
                429 => refused += 1,
                other => panic!("{other}: {}", answer.body),
            }
        }
        passed
    };
    let calls: Vec<_> =
        servers.clients(credentials).await.into_iter().map(|one| tokio::spawn(exhaust_one(one))).collect();
    let mut passed = 0;
    for calls in calls {
        passed += calls.await.expect("no panic");
    }
    let refilled = f64::from(LIMIT) * start.elapsed().as_secs_f64() / 60.0;
    (f64::from(passed), f64::from(LIMIT) + refilled)
}

/// The number of requests by the servers to the shared limits.
async fn lease_requests(servers: &ServerCluster) -> u64 {
    let mut total = 0;
    for index in 0..servers.len() {
        let url = servers.with_server(index, |server| format!("{}/metrics", server.admin_url));
        let text = reqwest::get(url).await.expect("an answer").text().await.expect("a text");
        let line = text.lines().find_map(|line| line.strip_prefix("novantra_rate_limit_leases_total "));
        total += line.expect("the metric exists").parse::<u64>().expect("a number");
    }
    total
}

fn assert_within_ten_percent((passed, limit): (f64, f64)) {
    let share = passed / limit;
    assert!((0.9..=1.1).contains(&share), "{passed} reads were granted, but the limit allows {limit}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_limit_holds_across_servers_within_ten_percent_despite_clock_skew() {
    let limited = |index, setup: Setup| {
        let setup = setup.set("RATE_LIMIT_TOKEN_READ", &LIMIT.to_string());
        if index == 1 { setup.clock_ahead(90) } else { setup }
    };
    let (servers, credentials) = start_three_servers(limited).await;
    assert_within_ten_percent(exhaust(&servers, &credentials).await);
    assert!(lease_requests(&servers).await > 0, "the servers did not use the shared limits");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_account_limit_holds_across_servers_with_redis() {
    let limited =
        |_, setup: Setup| setup.set("RATE_LIMIT_TOKEN_READ", &LIMIT.to_string()).set("RATE_LIMIT_URL", &redis_url());
    let (servers, credentials) = start_three_servers(limited).await;
    assert_within_ten_percent(exhaust(&servers, &credentials).await);
    let database = servers.installation().database().await;
    assert_eq!(
        database.cell("SELECT count(*) FROM rate_limits").await,
        "0",
        "the limits must be in Redis, not in the database"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn token_endpoint_failures_are_counted_across_servers() {
    let (servers, credentials) = start_three_servers(|_, setup| setup.set("RATE_LIMIT_TOKEN_ENDPOINT", "6")).await;
    let clients: Vec<Client> = servers.urls().iter().map(|url| Client::new(url)).collect();
    let wrong = Credentials { client_secret: credentials.client_id.clone(), client_id: credentials.client_id.clone() };
    let start = Instant::now();
    let mut answers = Vec::new();
    for client in clients.iter().cycle().take(12) {
        answers.push(client.request_token(&wrong).await.status);
    }
    let failed = answers.iter().filter(|status| **status == 401).count();
    let refilled = usize::try_from(start.elapsed().as_secs() / 10).expect("a few");
    assert!((6..=6 + refilled).contains(&failed), "{answers:?}");
    assert_eq!(
        clients[0].request_token(&credentials).await.status,
        200,
        "a client with the right secret must not be locked out"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_its_redis_answers_503() {
    let installation = Installation::with_new_postgres().await;
    // A free port on which nothing listens: it is bound and released immediately.
    let port = std::net::TcpListener::bind("127.0.0.1:0").and_then(|taken| taken.local_addr()).expect("a port").port();
    let servers = ServerCluster::start_with(installation, 1, move |_, setup| {
        setup.set("RATE_LIMIT_URL", &format!("redis://127.0.0.1:{port}"))
    });
    let credentials = servers.installation().create_account("reader", &SCOPES);
    let start = Instant::now();
    let answer = Client::new(&servers.urls()[0]).request_token(&credentials).await;
    assert_eq!(answer.status, 503, "{}", answer.body);
    assert!(answer.headers.contains_key("retry-after"));
    assert!(start.elapsed() < Duration::from_secs(10));
}
