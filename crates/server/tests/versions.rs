//! A server next to a newer one that has migrated the shared database.

mod support;

use serde_json::json;
use support::{Client, Installation, Server, Setup, finding};

const FINDINGS: &str = "/api/v1/governance/findings";
const SCOPES: [&str; 2] = ["governance.findings:read", "governance.findings:write"];

/// A migration that only adds to the schema, as a newer program would apply it.
const EXPANDING: [&str; 3] = [
    "ALTER TABLE findings ADD COLUMN mood text",
    "CREATE TABLE moods (organization_id text NOT NULL, id text NOT NULL, PRIMARY KEY (organization_id, id))",
    "INSERT INTO schema_migrations (version, name, checksum, applied_at) VALUES (9999, 'moods', 'of another program', 0)",
];

/// A migration that removes something: from then on, a program must know it.
const CONTRACTING: &str = "UPDATE installation SET value = '9999' WHERE key = 'oldest_schema'";

async fn works(client: &Client, key: &str) {
    let created = client.post_once(FINDINGS, key, &finding(key)).await;
    assert_eq!(created.status, 201, "{}", created.body);
    let id = created.body["finding"]["id"].as_str().expect("an id");
    let change = json!({ "title": "Another title", "reason": "its title said little" });
    let changed = client.patch(&format!("{FINDINGS}/{id}"), &change).await;
    assert_eq!(changed.status, 200, "{}", changed.body);
    let listed = client.get(FINDINGS).await;
    assert_eq!(listed.status, 200, "{}", listed.body);
    assert!(listed.body["findings"].as_array().expect("a page").iter().any(|finding| finding["findingKey"] == key));
}

async fn lives_beside_a_newer_server(installation: Installation) {
    let server = Server::over(installation.clone());
    let credentials = server.account("scanner", &SCOPES);
    let client = Client::with_token(&server.url, &credentials).await;
    works(&client, "before").await;
    let database = installation.database().await;
    for statement in EXPANDING {
        database.execute(statement).await;
    }
    works(&client, "meanwhile").await;
    assert_eq!(server.probe("/readyz").await.0, 200);
    assert!(installation.run(&["check"]).status.success());
    assert!(server.stop().success());

    let server = Setup::over(installation.clone()).unlimited().start();
    works(&Client::with_token(&server.url, &credentials).await, "afterwards").await;
    database.execute(CONTRACTING).await;
    let (status, message) = server.probe("/readyz").await;
    assert!(status == 503 && message.contains("newer than this program"), "{status} {message}");
    server.stop();

    let serve: [&str; 5] = ["serve", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"];
    for refused in [installation.run(&serve), installation.run(&["check"]), installation.run(&["migrate"])] {
        assert_eq!(refused.status.code(), Some(1), "{}", refused.stdout);
        assert!(refused.stderr.contains("it requires programs that have migration 9999"), "{}", refused.stderr);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_goes_on_and_starts_again_on_an_expanded_database_and_not_on_one_that_left_it_behind() {
    lives_beside_a_newer_server(Installation::on_postgres().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sqlite_file_of_a_newer_program_serves_as_long_as_it_says_so() {
    lives_beside_a_newer_server(Installation::new()).await;
}
