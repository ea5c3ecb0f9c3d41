//! Rate limits of several servers over one PostgreSQL: they hold for all of them together.

mod support;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use support::{Client, Credentials, Fleet, Installation, Setup};

const FINDINGS: &str = "/api/v1/governance/findings";
const SCOPES: [&str; 1] = ["governance.findings:read"];

/// Reads a minute of one account.
const LIMIT: u32 = 600;

/// Three servers, each with what is set, and an account.
async fn three(setup: impl Fn(usize, Setup) -> Setup + Send + Sync + 'static) -> (Arc<Fleet>, Credentials) {
    let fleet = Fleet::set_up(Installation::on_postgres().await, 3, setup);
    let credentials = fleet.installation().account("reader", &SCOPES);
    (fleet, credentials)
}

fn redis() -> String {
    std::env::var("NOVANTRA_TEST_REDIS_URL").expect(
        "NOVANTRA_TEST_REDIS_URL is not set: run the tests by `cargo xtask test`, which starts a Redis for them",
    )
}

/// Reads through all servers at once until each has refused often. Says how many reads came through, and of how many the
/// limit speaks.
async fn exhaust(fleet: &Fleet, credentials: &Credentials) -> (f64, f64) {
    let begun = Instant::now();
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
        fleet.clients(credentials).await.into_iter().map(|one| tokio::spawn(exhaust_one(one))).collect();
    let mut passed = 0;
    for calls in calls {
        passed += calls.await.expect("no panic");
    }
    let refilled = f64::from(LIMIT) * begun.elapsed().as_secs_f64() / 60.0;
    (f64::from(passed), f64::from(LIMIT) + refilled)
}

/// How often the servers asked the shared limits.
async fn leases(fleet: &Fleet) -> u64 {
    let mut leases = 0;
    for place in 0..fleet.len() {
        let url = fleet.with(place, |server| format!("{}/metrics", server.admin_url));
        let text = reqwest::get(url).await.expect("an answer").text().await.expect("a text");
        let line = text.lines().find_map(|line| line.strip_prefix("novantra_rate_limit_leases_total "));
        leases += line.expect("the figure is there").parse::<u64>().expect("a number");
    }
    leases
}

fn within_a_tenth((passed, limit): (f64, f64)) {
    let share = passed / limit;
    assert!((0.9..=1.1).contains(&share), "{passed} reads came through where the limit says {limit}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_accounts_limit_holds_over_all_servers_within_a_tenth_though_one_clock_is_off() {
    let limited = |place, setup: Setup| {
        let setup = setup.set("RATE_LIMIT_TOKEN_READ", &LIMIT.to_string());
        if place == 1 { setup.clock_ahead(90) } else { setup }
    };
    let (fleet, credentials) = three(limited).await;
    within_a_tenth(exhaust(&fleet, &credentials).await);
    assert!(leases(&fleet).await > 0, "the shared limits were asked");
}

#[tokio::test(flavor = "multi_thread")]
async fn it_holds_where_redis_keeps_it() {
    let limited =
        |_, setup: Setup| setup.set("RATE_LIMIT_TOKEN_READ", &LIMIT.to_string()).set("RATE_LIMIT_URL", &redis());
    let (fleet, credentials) = three(limited).await;
    within_a_tenth(exhaust(&fleet, &credentials).await);
    let database = fleet.installation().database().await;
    assert_eq!(database.cell("SELECT count(*) FROM rate_limits").await, "0", "the database is left alone");
}

#[tokio::test(flavor = "multi_thread")]
async fn failures_at_the_token_endpoint_are_counted_over_all_servers() {
    let (fleet, credentials) = three(|_, setup| setup.set("RATE_LIMIT_TOKEN_ENDPOINT", "6")).await;
    let clients: Vec<Client> = fleet.urls().iter().map(|url| Client::new(url)).collect();
    let wrong = Credentials { client_secret: credentials.client_id.clone(), client_id: credentials.client_id.clone() };
    let begun = Instant::now();
    let mut answers = Vec::new();
    for client in clients.iter().cycle().take(12) {
        answers.push(client.token(&wrong).await.status);
    }
    let failed = answers.iter().filter(|status| **status == 401).count();
    let refilled = usize::try_from(begun.elapsed().as_secs() / 10).expect("a few");
    assert!((6..=6 + refilled).contains(&failed), "{answers:?}");
    assert_eq!(clients[0].token(&credentials).await.status, 200, "who knows the secret is not locked out");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_its_redis_a_server_answers_503_and_lets_nobody_through_unlimited() {
    let installation = Installation::on_postgres().await;
    // A port that nobody listens on: it is taken, and given up at once.
    let port = std::net::TcpListener::bind("127.0.0.1:0").and_then(|taken| taken.local_addr()).expect("a port").port();
    let fleet = Fleet::set_up(installation, 1, move |_, setup| {
        setup.set("RATE_LIMIT_URL", &format!("redis://127.0.0.1:{port}"))
    });
    let credentials = fleet.installation().account("reader", &SCOPES);
    let begun = Instant::now();
    let answer = Client::new(&fleet.urls()[0]).token(&credentials).await;
    assert_eq!(answer.status, 503, "{}", answer.body);
    assert!(answer.headers.contains_key("retry-after"));
    assert!(begun.elapsed() < Duration::from_secs(10));
}
