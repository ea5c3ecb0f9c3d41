//! The number of SQL statements per request over PostgreSQL, including authentication, rate limits and audit.

use std::sync::Arc;

use postgres_cluster::StatementProxy;
use tokio::task::JoinSet;

use crate::support::{Client, Installation, Server, Setup, finding};

const FINDINGS: &str = "/api/v1/governance/findings";
const SCOPES: [&str; 2] = ["governance.findings:read", "governance.findings:write"];

/// The number of concurrent callers, and of requests per caller.
const CALLERS: usize = 16;
const CALLS: usize = 25;

/// A server that accesses its database through a proxy.
struct ProxiedServer {
    proxy: StatementProxy,
    client: Client,
    finding_path: String,
    list_path: String,
    _server: Server,
}

impl ProxiedServer {
    async fn new() -> Arc<Self> {
        let installation = Installation::with_new_postgres().await;
        let proxy = StatementProxy::start(&installation.database_url()).await;
        let setup = Setup::with_installation(installation).unlimited().set("AUDIT_READS", "buffered");
        let server = setup.set("DATABASE_URL", proxy.url()).start();
        let client = server.create_client("mirror", &SCOPES).await;
        let mut get = String::new();
        for number in 0..60 {
            let key = format!("f-{number}");
            let created = client.post_with_key(FINDINGS, &key, &finding(&key)).await;
            let id = created.body["finding"]["id"].as_str().expect("an id");
            get = format!("{FINDINGS}/{id}");
        }
        let target = Arc::new(Self {
            proxy,
            client,
            finding_path: get,
            list_path: format!("{FINDINGS}?limit=50"),
            _server: server,
        });
        // One-time work is done by now, and each connection has prepared its statements.
        target.send_concurrently(&target.finding_path).await;
        target.send_concurrently(&target.list_path).await;
        target
    }

    async fn send_get(&self, path: &str) {
        let answer = self.client.get(path).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
    }

    /// Sends many requests concurrently.
    async fn send_concurrently(self: &Arc<Self>, path: &str) {
        let mut callers = JoinSet::new();
        for _ in 0..CALLERS {
            let (target, path) = (Arc::clone(self), path.to_owned());
            callers.spawn(async move {
                for _ in 0..CALLS {
                    target.send_get(&path).await;
                }
            });
        }
        callers.join_all().await;
    }

    /// All statements since the last call of this method, including transaction boundaries and background work.
    fn take_statements(&self) -> Vec<String> {
        let statements = [self.proxy.take_prepared(), self.proxy.take_simple_queries()].concat();
        statements.into_iter().map(|statement| statement.replace('"', "")).collect()
    }

    /// Sends one request, and returns the statement by which it reads findings.
    ///
    /// The server renews its registration, seals the audit log, and counts findings meanwhile: one of several tries is
    /// undisturbed, and takes two statements.
    async fn read_of_one_request(&self, path: &str) -> String {
        let mut seen = Vec::new();
        for _ in 0..20 {
            self.take_statements();
            self.send_get(path).await;
            let statements = self.take_statements();
            let tables: Vec<_> = statements.iter().map(|statement| table_of(statement)).collect();
            match (&tables[..], statements.into_iter().next_back()) {
                (["service_accounts", "findings"], Some(read)) => return read,
                _ => seen.push(tables),
            }
        }
        panic!("{path}: {seen:?}");
    }
}

/// The table that a statement reads: the accounts, the findings or another one.
fn table_of(statement: &str) -> &'static str {
    // The server looks for changes in all tables that are not indexed for the search.
    if statement.contains("FROM search_progress ") {
        return "other";
    }
    ["service_accounts", "findings"]
        .into_iter()
        .find(|table| statement.contains(&format!("FROM {table} ")))
        .unwrap_or("other")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_get_and_a_list_request_each_take_two_statements() {
    let target = ProxiedServer::new().await;
    for path in [&target.finding_path, &target.list_path] {
        target.read_of_one_request(path).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn concurrent_requests_take_no_more_statements_and_share_audit_inserts() {
    let target = ProxiedServer::new().await;
    let calls = CALLERS * CALLS;
    for path in [&target.finding_path, &target.list_path] {
        // The task that counts findings for the overview reads them by other statements.
        let read = target.read_of_one_request(path).await;
        target.take_statements();
        target.send_concurrently(path).await;
        let statements = target.take_statements();
        let count = |matches: &dyn Fn(&str) -> bool| statements.iter().filter(|statement| matches(statement)).count();
        let reads = count(&|statement| statement == read);
        let account_reads = count(&|statement| table_of(statement) == "service_accounts");
        let entries = count(&|statement| statement.contains("INSERT INTO audit_waiting"));
        assert!(
            reads == calls && account_reads <= calls,
            "{path}: {reads} and {account_reads} statements for {calls} requests"
        );
        assert!(entries <= calls / 2, "{path}: {entries} statements store the audit entries of {calls} requests");
    }
}
