//! Counts of records and calls, with the real program.

use crate::{
    bundle_imports::{import, installation},
    support::{Server, eventually, finding},
};

const BUNDLE: &str = r#"{"kind":"evidence-requirement","record":{"requirementKey":"restore","title":"Restore test","status":"active"}}
{"kind":"evidence-claim","record":{"claimKey":"one","evidenceRequirementKey":"restore","title":"One","validFrom":"2026-01-01"}}
{"kind":"evidence-claim","record":{"claimKey":"two","evidenceRequirementKey":"restore","title":"Two","validFrom":"2026-01-01"}}
"#;

const PENDING: &str = "SELECT number FROM rollup_counts WHERE part = 'evidence' AND name = 'state.pending'";

#[tokio::test]
async fn check_repair_counts_the_records_anew_and_a_check_alone_does_not() {
    let installation = installation(&["acme", "other"]);
    import(&installation, "acme", BUNDLE, &[]);
    let checked = installation.run_json(&["check"]);
    assert!(!checked.to_string().contains("rollups"), "{checked}");
    let repair = || {
        let checked = installation.run_json(&["check", "--repair"]);
        let checks = checked["checks"].as_array().expect("checks").iter();
        let messages: Vec<_> =
            checks.filter(|check| check["about"] == "rollups").map(|check| &check["message"]).collect();
        assert_eq!(messages, ["the records of 2 workspaces were counted anew"], "{checked}");
    };
    repair();
    let database = installation.database().await;
    assert_eq!(database.cell(PENDING).await, "2");
    assert_eq!(database.cell("SELECT count(*) FROM rollups").await, "8", "each part of each workspace");
    database.execute("UPDATE rollup_counts SET number = 99").await;
    repair();
    assert_eq!(database.cell(PENDING).await, "2");
}

#[tokio::test]
async fn a_running_server_counts_records_and_a_stopped_one_has_stored_all_calls() {
    let mut server = Server::start();
    let client = server.create_client("scanner", &["governance.findings:read", "governance.findings:write"]).await;
    for number in 0..3 {
        assert_eq!(client.post("/api/v1/governance/findings", &finding(&format!("key-{number}"))).await.status, 201);
    }
    assert_eq!(client.get("/api/v1/governance/controls").await.status, 403);
    let database = server.installation().database().await;
    eventually("the findings are counted", async || {
        let counted =
            "SELECT coalesce(sum(number), 0) FROM rollup_counts WHERE part = 'findings' AND name LIKE 'open.%'";
        (database.cell(counted).await == "3").then_some(())
    })
    .await;
    server.signal("TERM");
    assert!(server.wait().success());
    let calls = |span: &str| {
        format!("SELECT sum(answered), sum(refused), sum(failed) FROM account_calls WHERE span = '{span}'")
    };
    for span in ["minute", "hour"] {
        assert_eq!(database.rows(&calls(span)).await, [["3", "1", "0"]], "{span}");
    }
}
