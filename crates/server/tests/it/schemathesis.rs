//! Schemathesis, which makes requests of the API document and checks the responses against it, finds nothing. What it
//! does not check, and why, is in `schemathesis/`.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    path::Path,
    process::{Command, Stdio},
};

use serde_json::Value;

use crate::support::{Client, Server, finding};

const CONFIGURATION: &str = include_str!("schemathesis/schemathesis.toml");
const HOOKS: &str = include_str!("schemathesis/hooks.py");
const EVERY_KIND: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/bundles/every-kind.jsonl");

/// How many of the requests have the identifier of a record that exists, where the document has a parameter for one.
const EXISTING: f64 = 0.8;

#[tokio::test(flavor = "multi_thread")]
async fn schemathesis_finds_no_fault() {
    let program = std::env::var("NOVANTRA_TEST_SCHEMATHESIS").expect(
        "NOVANTRA_TEST_SCHEMATHESIS is not set: run the tests with `cargo xtask test`, which installs Schemathesis, or set \
         the path of the program",
    );
    let server = Server::start();
    let document: Value = serde_json::from_str(&server.installation().run(&["openapi"]).stdout).expect("a document");
    let client = client_with_every_scope(&server, &document).await;
    store_records(&server, &client).await;
    let folder = tempfile::tempdir().expect("a folder");
    let configuration = format!("{CONFIGURATION}{}", existing_identifiers(&client, &document).await);
    std::fs::write(folder.path().join("schemathesis.toml"), configuration).expect("a file");
    std::fs::write(folder.path().join("hooks.py"), HOOKS).expect("a file");
    let (succeeded, printed) = run(&program, folder.path(), &server.url, client.token());
    assert!(succeeded && printed.contains("✅ Stateful"), "{printed}");
}

async fn client_with_every_scope(server: &Server, document: &Value) -> Client {
    let flow = &document["components"]["securitySchemes"]["serviceAccount"]["flows"]["clientCredentials"];
    let scopes: Vec<&str> = flow["scopes"].as_object().expect("scopes").keys().map(String::as_str).collect();
    server.create_client("schemathesis", &scopes).await
}

/// Stores a record of every kind.
async fn store_records(server: &Server, client: &Client) {
    server.installation().run_json(&["import", "bundle", EVERY_KIND, "--workspace", "default"]);
    assert_eq!(client.post("/api/v1/governance/findings", &finding("schemathesis")).await.status, 201);
    let subscription = serde_json::json!({
        "url": "https://mirror.example/novantra", "eventTypes": ["finding.created"], "reason": "for a test",
    });
    assert_eq!(client.post("/api/v1/webhooks/subscriptions", &subscription).await.status, 201);
}

/// Runs Schemathesis in the folder; returns whether it succeeded, and its output.
fn run(program: &str, folder: &Path, url: &str, token: &str) -> (bool, String) {
    let output = Command::new(program)
        .args(["--config-file", "schemathesis.toml", "run", "--no-color"])
        .arg(format!("{url}/api/v1/openapi.json"))
        .current_dir(folder)
        .env("NOVANTRA_TOKEN", token)
        .env("PYTHONPATH", folder)
        .stdin(Stdio::null())
        .output()
        .expect("Schemathesis starts");
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&text).into_owned())
}

/// Returns the configuration that lets requests name records that exist.
async fn existing_identifiers(client: &Client, document: &Value) -> String {
    let mut by_prefix: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut prefixes_by_path = BTreeMap::new();
    let paths = document["paths"].as_object().expect("paths");
    for path in paths.keys().filter(|path| !path.contains('{')) {
        for id in identifiers(client, path).await {
            let prefix = id.split('_').next().unwrap_or_default().to_owned();
            prefixes_by_path.insert(path.clone(), prefix.clone());
            by_prefix.entry(prefix).or_default().insert(id);
        }
    }
    let mut configuration = String::new();
    for (prefix, ids) in &by_prefix {
        let ids: Vec<_> = ids.iter().collect();
        writeln!(configuration, "\n[dictionaries.{prefix}]\nvalues = {ids:?}").expect("a text");
    }
    for (path, methods) in paths {
        for operation in methods.as_object().expect("methods").values() {
            let mut parameters = Vec::new();
            for parameter in operation["parameters"].as_array().into_iter().flatten() {
                let (name, place) = (text(&parameter["name"]), text(&parameter["in"]));
                let prefix = match place {
                    "path" => path
                        .split_once(&format!("/{{{name}}}"))
                        .and_then(|(list, _)| prefixes_by_path.get(list).map(String::as_str)),
                    "query" => identifier_prefix(&parameter["schema"]),
                    _ => None,
                };
                if let Some(prefix) = prefix.filter(|prefix| by_prefix.contains_key(*prefix)) {
                    let binding = format!("{{ dictionary = \"{prefix}\", probability = {EXISTING} }}");
                    parameters.push(format!("\"{place}.{name}\" = {binding}"));
                }
            }
            if !parameters.is_empty() {
                let id = text(&operation["operationId"]);
                let parameters = parameters.join(", ");
                writeln!(
                    configuration,
                    "\n[[operations]]\ninclude-operation-id = \"{id}\"\nparameters = {{ {parameters} }}"
                )
                .expect("a text");
            }
        }
    }
    configuration
}

/// The identifiers of the records in a list; none if the path is no list.
async fn identifiers(client: &Client, path: &str) -> Vec<String> {
    if ["/stream", "/openapi.json"].iter().any(|end| path.ends_with(end)) {
        return Vec::new();
    }
    let answer = client.get(path).await;
    let members = answer.body.as_object().into_iter().flat_map(|body| body.values());
    let records = members.filter_map(Value::as_array).flatten();
    records.filter_map(|record| record["id"].as_str()).filter(|id| id.contains('_')).map(str::to_owned).collect()
}

/// The prefix of the identifiers that a parameter takes, if it takes one identifier. Lists of them can't be configured.
fn identifier_prefix(schema: &Value) -> Option<&str> {
    let (prefix, _) = schema["pattern"].as_str()?.strip_prefix('^')?.split_once("_[0-7]")?;
    Some(prefix)
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}
