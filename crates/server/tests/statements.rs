//! How many SQL statements a call costs over PostgreSQL, authentication, limits and audit included.

#[path = "../../store-sql/tests/support/proxy.rs"]
mod proxy;
mod support;

use std::sync::Arc;

use proxy::Proxy;
use support::{Client, Installation, Server, Setup, finding};
use tokio::task::JoinSet;

const FINDINGS: &str = "/api/v1/governance/findings";
const SCOPES: [&str; 2] = ["governance.findings:read", "governance.findings:write"];

/// How many call at once, and how often each of them.
const CALLERS: usize = 16;
const CALLS: usize = 25;

/// A server that speaks to its database through a proxy.
struct House {
    proxy: Proxy,
    client: Client,
    get: String,
    page: String,
    _server: Server,
}

impl House {
    async fn new() -> Arc<Self> {
        let installation = Installation::on_postgres().await;
        let proxy = Proxy::before(&installation.database_url()).await;
        let setup = Setup::over(installation).unlimited().set("AUDIT_READS", "buffered");
        let server = setup.set("DATABASE_URL", proxy.address()).start();
        let client = server.client("mirror", &SCOPES).await;
        let mut get = String::new();
        for number in 0..60 {
            let key = format!("f-{number}");
            let created = client.post_once(FINDINGS, &key, &finding(&key)).await;
            let id = created.body["finding"]["id"].as_str().expect("an id");
            get = format!("{FINDINGS}/{id}");
        }
        let house = Arc::new(Self { proxy, client, get, page: format!("{FINDINGS}?limit=50"), _server: server });
        // Whatever is only done once is done, and each connection has its statements prepared.
        house.crowd(&house.get).await;
        house.crowd(&house.page).await;
        house
    }

    async fn call(&self, path: &str) {
        let answer = self.client.get(path).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
    }

    /// Many calls, several at a time.
    async fn crowd(self: &Arc<Self>, path: &str) {
        let mut callers = JoinSet::new();
        for _ in 0..CALLERS {
            let (house, path) = (Arc::clone(self), path.to_owned());
            callers.spawn(async move {
                for _ in 0..CALLS {
                    house.call(&path).await;
                }
            });
        }
        callers.join_all().await;
    }

    /// All statements since this was last asked, transactions' beginnings and ends and whatever goes on beside calls
    /// included.
    fn statements(&self) -> Vec<String> {
        [self.proxy.prepared(), self.proxy.texts()].concat()
    }
}

/// What a statement is about: the account's standing, the records asked for, or anything else.
fn about(statement: &str) -> &'static str {
    ["service_accounts", "findings"]
        .into_iter()
        .find(|table| statement.contains(&format!("FROM {table} ")))
        .unwrap_or("else")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_get_and_a_page_are_two_statements_each_before_their_answer() {
    let house = House::new().await;
    for path in [&house.get, &house.page] {
        // The server renews its row and seals what is on record meanwhile: of several tries one goes by undisturbed.
        let mut seen = Vec::new();
        for _ in 0..20 {
            house.statements();
            house.call(path).await;
            let statements = house.statements();
            seen.push(statements.iter().map(|statement| about(&statement.replace('"', ""))).collect::<Vec<_>>());
        }
        assert!(seen.iter().any(|seen| seen[..] == ["service_accounts", "findings"]), "{path}: {seen:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_under_way_together_take_no_more_and_what_is_put_on_record_of_them_is_stored_many_at_a_time() {
    let house = House::new().await;
    let calls = CALLERS * CALLS;
    for path in [&house.get, &house.page] {
        house.statements();
        house.crowd(path).await;
        let statements = house.statements();
        let count =
            |of: &dyn Fn(&str) -> bool| statements.iter().filter(|statement| of(&statement.replace('"', ""))).count();
        let reads = count(&|statement| about(statement) == "findings");
        let standings = count(&|statement| about(statement) == "service_accounts");
        let entries = count(&|statement| statement.contains("INSERT INTO audit_entries"));
        assert!(reads == calls && standings <= calls, "{path}: {reads} and {standings} statements for {calls} calls");
        assert!(entries <= calls / 2, "{path}: {entries} statements store the entries of {calls} calls");
    }
}
