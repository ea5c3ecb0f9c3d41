//! A server next to a newer one that has migrated the shared database.

use serde_json::json;

use crate::support::{Client, Installation, Server, Setup, finding};

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

async fn assert_works(client: &Client, key: &str) {
    let created = client.post_with_key(FINDINGS, key, &finding(key)).await;
    assert_eq!(created.status, 201, "{}", created.body);
    let id = created.body["finding"]["id"].as_str().expect("an id");
    let change = json!({ "title": "Another title", "reason": "a clearer title for a test" });
    let changed = client.patch(&format!("{FINDINGS}/{id}"), &change).await;
    assert_eq!(changed.status, 200, "{}", changed.body);
    let listed = client.get(FINDINGS).await;
    assert_eq!(listed.status, 200, "{}", listed.body);
    assert!(listed.body["findings"].as_array().expect("a page").iter().any(|finding| finding["findingKey"] == key));
}

async fn runs_beside_a_newer_server(installation: Installation) {
    let server = Server::start_with(installation.clone());
    let credentials = server.create_account("scanner", &SCOPES);
    let client = Client::with_token(&server.url, &credentials).await;
    assert_works(&client, "before").await;
    let database = installation.database().await;
    for statement in EXPANDING {
        database.execute(statement).await;
    }
    assert_works(&client, "meanwhile").await;
    assert_eq!(server.probe("/readyz").await.0, 200);
    assert!(installation.run(&["check"]).status.success());
    assert!(server.stop().success());

    let server = Setup::with_installation(installation.clone()).unlimited().start();
    assert_works(&Client::with_token(&server.url, &credentials).await, "afterwards").await;
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
async fn a_server_runs_on_an_expanded_database_and_refuses_an_incompatible_one() {
    runs_beside_a_newer_server(Installation::with_new_postgres().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_runs_on_an_expanded_sqlite_file_and_refuses_an_incompatible_one() {
    runs_beside_a_newer_server(Installation::new()).await;
}
