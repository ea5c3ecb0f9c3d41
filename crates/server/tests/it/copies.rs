//! Restored and copied installations beside their originals.

use std::fs;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use crate::support::{Client, Credentials, Installation, Server, Setup, eventually, finding};

const FINDINGS: &str = "/api/v1/governance/findings";
const SCOPES: &[&str] = &["governance.findings:read", "governance.findings:write", "webhooks:manage"];

/// A server of an installation with an account, and a restored copy of the installation.
fn original_and_copy(restore_arguments: &[&str]) -> (Server, Credentials, Installation) {
    let server = Server::start();
    let credentials = server.create_account("integration", SCOPES);
    server.installation().run_json(&["backup", "backup.tar"]);
    let copy = Installation::new();
    let backup = server.installation().folder().join("backup.tar");
    copy.run_json(&[&["restore", backup.to_str().expect("a path")], restore_arguments].concat());
    copy.copy_master_key_from(server.installation());
    (server, credentials, copy)
}

fn id(installation: &Installation) -> Value {
    installation.run_json(&["installation", "show"])["id"].clone()
}

fn issuer(client: &Client) -> String {
    let payload = client.token().split('.').nth(1).expect("a payload");
    let claims: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).expect("base64")).expect("JSON");
    claims["iss"].as_str().expect("an issuer").to_owned()
}

#[tokio::test]
async fn tokens_of_a_restored_copy_and_of_its_original_are_not_valid_at_the_other() {
    let (original, credentials, copy) = original_and_copy(&[]);
    let copy = Server::start_with(copy);
    let at_original = Client::with_token(&original.url, &credentials).await;
    let at_copy = Client::with_token(&copy.url, &credentials).await;
    assert_eq!(at_original.for_server(&copy.url).get(FINDINGS).await.status, 401);
    assert_eq!(at_copy.for_server(&original.url).get(FINDINGS).await.status, 401);
    for (client, server) in [(&at_original, &original), (&at_copy, &copy)] {
        assert_eq!(client.get(FINDINGS).await.status, 200);
        assert_eq!(issuer(client), format!("novantra-{}", id(server.installation()).as_str().unwrap()));
    }
    assert_ne!(issuer(&at_original), issuer(&at_copy));
    copy.installation().wait_until_sealed().await;
    let log = copy.installation().run(&["audit", "export", "--workspace", "-"]).stdout;
    assert!(log.contains("installation.renewed"), "{log}");
    let verified = copy.installation().run(&["audit", "verify"]);
    assert!(verified.status.success(), "{}", verified.stderr);
}

#[tokio::test]
async fn an_installation_that_replaces_its_original_keeps_identity_and_tokens() {
    let (original, credentials, copy) = original_and_copy(&["--replaces-original"]);
    let client = Client::with_token(&original.url, &credentials).await;
    let before = id(original.installation());
    assert!(original.stop().success());
    let copy = Server::start_with(copy);
    assert_eq!(client.for_server(&copy.url).get(FINDINGS).await.status, 200);
    assert_eq!(id(copy.installation()), before);
}

#[tokio::test]
async fn a_copy_to_another_database_is_another_installation_unless_it_replaces_the_original() {
    let server = Server::start();
    let original = server.installation().clone();
    let before = id(&original);
    assert!(server.stop().success());
    for (arguments, same) in [(&[][..], false), (&["--replaces-original"], true)] {
        let copy = Installation::with_new_postgres().await;
        let (from, to) = (original.database_url(), copy.database_url());
        original.run_json(&[&["copy", "--from", &from, "--to", &to], arguments].concat());
        copy.copy_master_key_from(&original);
        let server = Server::start_with(copy.clone());
        assert_eq!(id(&copy) == before, same);
        assert!(server.stop().success());
    }
}

#[tokio::test]
async fn a_restored_copy_sends_no_webhook_until_a_command_resumes_them() {
    let (_original, credentials, copy) = original_and_copy(&[]);
    let start = || Setup::with_installation(copy.clone()).set("WEBHOOKS_ALLOW_LOOPBACK_HTTP", "true").start();
    let server = start();
    let client = Client::with_token(&server.url, &credentials).await;
    let subscription = json!({
        "url": "http://127.0.0.1:9/", "eventTypes": ["finding.created"], "description": "a closed port",
        "reason": "a test of restored copies",
    });
    let created = client.post("/api/v1/webhooks/subscriptions", &subscription).await;
    assert_eq!(created.status, 201, "{}", created.body);
    assert_eq!(client.post(FINDINGS, &finding("one")).await.status, 201);
    let deliveries = || copy.run_json(&["webhooks", "deliveries", "--workspace", "default"])["deliveries"].clone();
    let is_attempted = |deliveries: &Value| !deliveries[0]["attempts"].as_array().expect("attempts").is_empty();
    let waiting = eventually("the event is fanned out", async || {
        let deliveries = deliveries();
        deliveries[0].is_object().then_some(deliveries)
    })
    .await;
    assert!(!is_attempted(&waiting), "{waiting}");
    assert_eq!(waiting[0]["next_attempt_at"], Value::Null, "{waiting}");
    assert!(server.probe("/metrics").await.1.contains("\nnovantra_webhooks_paused 1\n"));
    let path =
        format!("/api/v1/webhooks/subscriptions/{}", created.body["webhookSubscription"]["id"].as_str().unwrap());
    let listed = client.get(&format!("{path}/deliveries")).await.body;
    assert_eq!(listed["webhookDeliveries"][0]["nextAttemptAt"], Value::Null, "{listed}");
    let test = json!({ "reason": "a test of restored copies" });
    let refused = client.post(&format!("{path}/test"), &test).await;
    assert_eq!(refused.status, 422, "{}", refused.body);
    assert!(refused.body.to_string().contains("novantra webhooks resume"), "{}", refused.body);
    eventually("the pause is logged", async || server.log().contains("webhooks are paused").then_some(())).await;
    assert!(server.stop().success());
    let server = start();
    assert!(!is_attempted(&deliveries()), "a restart does not resume webhooks");

    assert_eq!(copy.run_json(&["webhooks", "resume"])["resumed"], true);
    eventually("the delivery is attempted", async || is_attempted(&deliveries()).then_some(())).await;
    assert_eq!(copy.run_json(&["webhooks", "resume"])["resumed"], false);
    assert!(server.probe("/metrics").await.1.contains("\nnovantra_webhooks_paused 0\n"));
    let client = client.for_server(&server.url);
    eventually("tests are sent", async || {
        (client.post(&format!("{path}/test"), &test).await.status == 200).then_some(())
    })
    .await;
    assert!(server.stop().success());

    copy.run_json(&["installation", "renew", "--reason", "a copy of a copy"]);
    let id = waiting[0]["id"].as_str().expect("an id").to_owned();
    let redelivered = copy.run(&["webhooks", "redeliver", &id, "--workspace", "default"]);
    assert!(redelivered.stdout.contains("novantra webhooks resume"), "{} {}", redelivered.stdout, redelivered.stderr);
    assert!(!redelivered.stdout.contains(" now"), "{}", redelivered.stdout);
    let deliveries = deliveries();
    let redelivered = deliveries.as_array().expect("deliveries").iter().find(|delivery| delivery["id"] == id.as_str());
    assert_eq!(redelivered.expect("the delivery")["next_attempt_at"], Value::Null, "{deliveries}");
}

#[tokio::test]
async fn an_installation_that_was_copied_by_other_means_is_renewed_by_a_command() {
    let server = Server::start();
    let credentials = server.create_account("integration", SCOPES);
    let installation = server.installation().clone();
    let client = Client::with_token(&server.url, &credentials).await;
    let before = id(&installation);
    let refused = installation.run(&["installation", "renew"]);
    assert!(refused.stderr.contains("stop it first"), "{}", refused.stderr);
    assert!(server.stop().success());
    let user = ["user", "create", "--workspace", "default", "--name", "A", "--email", "a@b.example", "--role", "lead"];
    installation.run_json(&user);
    let database = installation.database().await;
    let links = database.cell("SELECT count(*) FROM user_links").await;
    assert_eq!(links, "2", "that of the first start, and that of the user");
    let renewed = installation.run_json(&["installation", "renew", "--reason", "a copy of production for tests"]);
    let left =
        [database.cell("SELECT count(*) FROM user_links").await, database.cell("SELECT count(*) FROM users").await];
    assert_eq!(left, ["0", "1"], "the links are the original's, the user belongs to both");
    assert_ne!(renewed["id"], before);
    let server = Server::start_with(installation.clone());
    assert_eq!(client.for_server(&server.url).get(FINDINGS).await.status, 401);
    assert_eq!(installation.run_json(&["installation", "show"])["webhooks_paused"], true);
    let check = installation.run(&["check"]);
    assert!(check.stdout.contains("novantra webhooks resume"), "{}", check.stdout);
}

/// Whether the installation is a copy on which no server has started yet.
fn is_unrenewed(installation: &Installation) -> bool {
    installation.run_json(&["installation", "show"])["renewal_pending"].as_bool().expect("a boolean")
}

#[tokio::test]
async fn a_server_with_a_wrong_master_key_does_not_renew_a_copy() {
    let (original, _, copy) = original_and_copy(&[]);
    let key = copy.folder().join("data/master.key");
    let right = fs::read(&key).unwrap();
    let other = Installation::new();
    other.run_json(&["installation", "create"]);
    copy.copy_master_key_from(&other);
    let refused = copy.run(&["serve", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"]);
    assert!(refused.stderr.contains("belongs to another installation"), "{}", refused.stderr);
    fs::write(&key, right).unwrap();
    assert!(is_unrenewed(&copy));
    assert_eq!(id(&copy), id(original.installation()));
    assert!(Server::start_with(copy.clone()).stop().success());
    assert!(!is_unrenewed(&copy));
    assert_ne!(id(&copy), id(original.installation()));
}

#[tokio::test]
async fn commands_describe_the_first_start_of_a_copy() {
    let (_original, _, copy) = original_and_copy(&[]);
    let show = copy.run(&["installation", "show"]).stdout;
    assert!(show.contains("that of the original: the first start of a server") && show.contains("paused"), "{show}");
    assert_eq!(copy.run_json(&["installation", "show"])["webhooks_paused"], true);
    let check = copy.run(&["check"]).stdout;
    assert!(check.contains("the first start of a server gives it an identifier"), "{check}");
}

#[tokio::test]
async fn webhooks_that_are_resumed_before_the_first_start_of_a_copy_stay_resumed() {
    let (original, credentials, copy) = original_and_copy(&[]);
    let resumed = copy.run_json(&["webhooks", "resume"]);
    assert_eq!(resumed["resumed"], true);
    assert_eq!(resumed["renewed"], id(&copy));
    assert_ne!(id(&copy), id(original.installation()));
    let server = Server::start_with(copy.clone());
    let show = copy.run_json(&["installation", "show"]);
    assert_eq!(show["id"], resumed["renewed"]);
    assert_eq!(show["webhooks_paused"], false);
    let at_original = Client::with_token(&original.url, &credentials).await;
    assert_eq!(at_original.for_server(&server.url).get(FINDINGS).await.status, 401);
    copy.wait_until_sealed().await;
    let log = copy.run(&["audit", "export", "--workspace", "-"]).stdout;
    assert!(log.contains("installation.renewed") && log.contains("installation.webhooks_resumed"), "{log}");
}
