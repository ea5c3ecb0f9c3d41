//! Requests of other people's clients, as shell scripts of the test data: each says in its first line what is right.
//! The kinds of faults that they stand for have tests of their own in `crates/api-v1/tests/it/bodies.rs`.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use serde_json::Value;

use crate::support::{Client, Server, finding};

/// The scripts by name, each with the check of what it prints.
type Check = fn(&Value) -> bool;
const CASES: &[(&str, Check)] = &[
    ("50-token-unknown-parameter", is_token),
    ("51-crlf-in-description", |printed| printed["finding"]["description"] == "line 1\nline 2"),
    ("52-bom-before-the-json", |printed| printed["finding"]["findingKey"] == "bom-1"),
    ("52b-latin1-body", |printed| is_error(printed, "unsupported_media_type", "UTF-8")),
    ("55-record-sent-back", |printed| printed["finding"]["severity"] == "high"),
    ("55b-merge-patch-type", |printed| printed["finding"]["severity"] == "low"),
    ("58-empty-scope-in-json", is_token),
    ("59-trailing-slash", |printed| is_error(printed, "not_found", "/api/v1/governance/findings, without a slash")),
    ("60-plus-in-a-timestamp", |printed| is_error(printed, "validation", "%2B")),
];

fn is_token(printed: &Value) -> bool {
    printed["token_type"] == "Bearer" && printed["access_token"].is_string()
}

fn is_error(printed: &Value, error: &str, message: &str) -> bool {
    printed["error"] == error && printed["message"].as_str().is_some_and(|text| text.contains(message))
}

#[tokio::test]
async fn every_script_of_the_test_data_gets_its_right_response() {
    let Some(folder) = std::env::var_os("NOVANTRA_TEST_DATA").map(|folder| PathBuf::from(folder).join("cases")) else {
        eprintln!("NOVANTRA_TEST_DATA is not set: the shell scripts of the test data are left out");
        return;
    };
    let server = Server::start();
    let credentials = server.create_account("scripts", &["governance.findings:read", "governance.findings:write"]);
    let client = Client::with_token(&server.url, &credentials).await;
    client.post("/api/v1/governance/findings", &finding("a-record")).await;
    let token = client.request_token(&credentials).await.body["access_token"].as_str().expect("a token").to_owned();
    let mut scripts: Vec<PathBuf> = std::fs::read_dir(&folder)
        .expect("the cases")
        .map(|entry| entry.expect("a case").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "sh"))
        .collect();
    scripts.sort();
    assert_eq!(scripts.len(), CASES.len(), "a script has no check: {scripts:?}");
    for script in scripts {
        let name = script.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let (_, check) = CASES.iter().find(|(case, _)| *case == name).unwrap_or_else(|| panic!("{name} has no check"));
        let environment = [
            ("BASE", server.url.as_str()),
            ("TOKEN", &token),
            ("CLIENT_ID", &credentials.client_id),
            ("CLIENT_SECRET", &credentials.client_secret),
            ("NO_PROXY", "127.0.0.1"),
        ];
        let printed = run(&script, &environment);
        assert!(check(&printed), "{name} printed {printed}");
    }
}

/// Runs the script, and returns the JSON that it prints.
fn run(script: &Path, environment: &[(&str, &str)]) -> Value {
    let output = Command::new("bash")
        .args(["-e", "-o", "pipefail"])
        .arg(script)
        .envs(environment.iter().copied())
        .stdin(Stdio::null())
        .output()
        .expect("bash, which the scripts need, is installed");
    let text = String::from_utf8_lossy(&output.stdout);
    serde_json::from_str(&text).unwrap_or_else(|error| {
        let errors = String::from_utf8_lossy(&output.stderr);
        panic!("{} printed no JSON ({error}): {text} {errors}", script.display())
    })
}
