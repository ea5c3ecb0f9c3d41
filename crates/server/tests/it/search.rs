//! The index of words by which records are found, with the real program.

use crate::{
    bundle_imports::{import, installation},
    support::{Server, eventually, finding},
};

const RISK: &str =
    r#"{"kind":"risk","record":{"riskKey":"R-1","title":"Ransomware in a branch","status":"identified"}}"#;

const INDEXED: &str = "SELECT count(*) FROM search_words WHERE kind = 'risk' AND word = 'ransomware'";

#[tokio::test]
async fn check_repair_indexes_the_records_anew() {
    let installation = installation(&["acme", "other"]);
    import(&installation, "acme", RISK, &[]);
    let repair = || {
        let checked = installation.run_json(&["check", "--repair"]);
        let checks = checked["checks"].as_array().expect("checks").iter();
        let messages: Vec<_> =
            checks.filter(|check| check["about"] == "search").map(|check| &check["message"]).collect();
        assert_eq!(messages, ["the records of 2 workspaces were indexed anew"], "{checked}");
    };
    repair();
    let database = installation.database().await;
    assert_eq!(database.cell(INDEXED).await, "1");
    database.execute("UPDATE search_words SET word = 'wrong' WHERE word = 'ransomware'").await;
    repair();
    assert_eq!(database.cell(INDEXED).await, "1");
    assert_eq!(database.cell("SELECT count(*) FROM search_words WHERE word = 'wrong'").await, "0");
}

#[tokio::test]
async fn a_running_server_indexes_what_is_written() {
    let server = Server::start();
    let client = server.create_client("scanner", &["governance.findings:write"]).await;
    let database = server.installation().database().await;
    for key in ["first-key", "second-key"] {
        assert_eq!(client.post("/api/v1/governance/findings", &finding(key)).await.status, 201);
        let indexed = format!("SELECT count(*) FROM search_words WHERE kind = 'finding' AND word = '{key}'");
        eventually("the finding is indexed", async || (database.cell(&indexed).await == "1").then_some(())).await;
    }
}
