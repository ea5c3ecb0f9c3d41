//! The first start of a server, and conditions that prevent a start.

use serde_json::Value;

use crate::support::{Client, Credentials, Installation, Server, Setup, eventually, finding};

#[tokio::test]
async fn a_first_start_creates_a_workspace_and_keys_and_logs_the_next_steps() {
    let server = Setup::new().start();
    let workspaces = server.installation().run_json(&["workspace", "list"]);
    assert_eq!(workspaces["workspaces"][0]["slug"], "default");
    assert!(server.installation().folder().join("data/master.key").exists());
    let log = server.log();
    assert!(log.contains("novantra service-account create --workspace default"), "{log}");
    assert!(log.contains(&format!("listening on {}", server.url)), "{log}");
}

#[tokio::test]
async fn a_first_start_prints_a_link_for_the_first_administrator_and_later_starts_print_none() {
    let server = Setup::new().start();
    let link = server.ready_message["sign_in_link"]["url"].as_str().expect("a link").to_owned();
    assert!(link.starts_with(&format!("{}/app/setup/", server.url)), "{link}");
    let page = reqwest::get(&link).await.expect("an answer");
    assert_eq!(page.status(), 200);
    assert!(page.text().await.expect("a page").contains("Make the first administrator"));
    let server = Server::start_with(server.kill());
    assert!(server.ready_message["sign_in_link"].is_null(), "{}", server.ready_message);
}

#[tokio::test]
async fn the_link_of_the_demo_signs_its_administrator_in_once() {
    let server = Setup::new().argument("--demo").start();
    let link = server.ready_message["sign_in_link"]["url"].as_str().expect("a link").to_owned();
    assert!(link.starts_with(&format!("{}/app/demo/", server.url)), "{link}");
    let browser = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).build().expect("a client");
    let opened = browser.get(&link).send().await.expect("an answer");
    assert_eq!(opened.status(), 200);
    let signed_in = browser.post(&link).header("sec-fetch-site", "same-origin").send().await.expect("an answer");
    assert_eq!(signed_in.status(), 200);
    let cookie = signed_in.headers()["set-cookie"].to_str().expect("a cookie").split(';').next().map(str::to_owned);
    let overview = browser.get(format!("{}/app/people", server.url)).header("cookie", cookie.expect("a cookie"));
    let overview = overview.send().await.expect("an answer");
    assert_eq!(overview.status(), 200);
    assert!(overview.text().await.expect("a page").contains("Dana Whitlock"));
    assert_eq!(browser.get(&link).send().await.expect("an answer").status(), 404);
}

#[cfg(unix)]
#[tokio::test]
async fn files_of_a_first_start_are_accessible_only_to_their_owner() {
    use std::os::unix::fs::PermissionsExt as _;

    let server = Setup::new().start();
    let data = server.installation().folder().join("data");
    let files: Vec<_> =
        std::fs::read_dir(&data).expect("a folder").map(|entry| entry.expect("an entry").path()).collect();
    assert!(files.iter().any(|file| file.ends_with("novantra.db")), "{files:?}");
    for path in files.iter().chain([&data]) {
        let mode = std::fs::metadata(path).expect("its mode").permissions().mode();
        assert_eq!(mode & 0o077, 0, "{} is {mode:o}", path.display());
    }
}

#[tokio::test]
async fn probes_and_metrics_answer_on_the_admin_listener() {
    let server = Server::start();
    assert_eq!(server.probe("/livez").await.0, 200);
    assert_eq!(server.probe("/readyz").await.0, 200);
    let client = server.create_client("probe", &["organization:read"]).await;
    assert_eq!(client.get("/api/v1/organization").await.status, 200);
    let (status, text) = server.probe("/metrics").await;
    assert_eq!(status, 200);
    for figure in [
        "novantra_http_requests_total{method=\"GET\",route=\"/api/v1/organization\",status=\"200\"} 1",
        "novantra_http_requests_in_flight 0",
        "novantra_audit_unsealed_entries ",
        "novantra_outbox_pending_events 0",
    ] {
        assert!(text.contains(figure), "{figure} is not in\n{text}");
    }
    assert!(text.lines().any(|line| line.starts_with("process_resident_memory_bytes ") && !line.ends_with(" 0")));
}

#[tokio::test]
async fn a_second_server_on_one_sqlite_file_is_refused_in_one_line() {
    let server = Setup::new().start();
    let second = server.installation().run(&["serve", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"]);
    assert_eq!(second.status.code(), Some(1));
    assert!(second.stderr.contains("another server runs on "), "{}", second.stderr);
}

#[tokio::test]
async fn a_port_in_use_is_reported_in_one_line_and_leaves_no_database() {
    let server = Setup::new().start();
    let other = Installation::new();
    let address = server.url.trim_start_matches("http://");
    let ran = other.run(&["serve", "--listen", address, "--admin-listen", "127.0.0.1:0"]);
    assert_eq!(ran.status.code(), Some(1));
    assert!(ran.stderr.contains("--listen"), "{}", ran.stderr);
    assert!(!other.folder().join("data/novantra.db").exists());
}

#[tokio::test]
async fn a_server_with_another_master_key_refuses_to_start() {
    let installation = Installation::new();
    assert!(Server::start_with(installation.clone()).stop().success());
    let key = installation.folder().join("data/master.key");
    let serve = || installation.run(&["serve", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"]);
    std::fs::remove_file(&key).unwrap();
    let without = serve();
    assert_eq!(without.status.code(), Some(1));
    assert!(without.stderr.contains("there is no master key at "), "{}", without.stderr);
    assert!(!key.exists(), "the server must not create another master key");
    std::fs::write(&key, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n").unwrap();
    let with_another = serve();
    assert_eq!(with_another.status.code(), Some(1));
    assert!(
        with_another.stderr.contains("belongs to another installation than the database"),
        "{}",
        with_another.stderr
    );
}

#[tokio::test]
async fn an_unknown_setting_prevents_the_server_from_starting() {
    let installation = Installation::new();
    std::fs::write(installation.folder().join("novantra.toml"), "lissten = \"127.0.0.1:0\"\n").unwrap();
    let ran = installation.run(&["serve"]);
    assert_eq!(ran.status.code(), Some(2));
    assert_eq!(ran.stderr, "novantra: lissten in novantra.toml is not a setting\n");
}

#[tokio::test]
async fn an_in_memory_server_prints_a_working_account() {
    let server = Setup::new().set("DATABASE_URL", "memory:").start();
    let credentials = Credentials::from_json(&server.ready_message["service_accounts"][0]);
    let client = Client::with_token(&server.url, &credentials).await;
    let created = client.post("/api/v1/governance/findings", &finding("memory-1")).await;
    assert_eq!(created.status, 201, "{}", created.body);
}

/// The database of a demo, in its folder.
async fn demo_database(server: &Server) -> String {
    eventually("the demo folder is logged", async || {
        let log = server.log();
        let folder = log.lines().find_map(|line| line.split("records in ").nth(1))?;
        Some(folder.split('"').next().unwrap_or_default().to_owned())
    })
    .await
}

/// A client of the demo that may read everything.
async fn demo_reader(server: &Server) -> Client {
    let database = demo_database(server).await;
    let folder = std::path::Path::new(&database).parent().expect("a folder");
    let run = |arguments: &[&str]| {
        let mut program = server.installation().program();
        let ran = program.env("NOVANTRA_DATA_DIR", folder).args(arguments).output().expect("the program starts");
        String::from_utf8(ran.stdout).expect("UTF-8")
    };
    let document: Value = serde_json::from_str(&run(&["openapi"])).expect("a document");
    let flows = &document["components"]["securitySchemes"]["serviceAccount"]["flows"]["clientCredentials"]["scopes"];
    let scopes = flows.as_object().expect("scopes").keys().cloned().collect::<Vec<_>>().join(",");
    let create = ["service-account", "create", "--workspace", "cedar-valley", "--name", "reader", "--scope", &scopes];
    let account = run(&[&create[..], &["--json"]].concat());
    let credentials = Credentials::from_json(&serde_json::from_str(&account).expect("an account"));
    Client::with_token(&server.url, &credentials).await
}

#[tokio::test]
async fn the_demo_has_records_in_every_list_and_something_overdue_and_something_due_soon() {
    let server = Setup::new().argument("--demo").start();
    let client = demo_reader(&server).await;
    let document = client.get("/api/v1/openapi.json").await.body;
    let first = async |path: &str| {
        let body = client.get(path).await.body;
        let list = body.as_object().and_then(|body| body.values().find_map(Value::as_array));
        list.and_then(|list| list.first()).cloned().unwrap_or_else(|| panic!("{path} has no records: {body}"))
    };
    let mut lists = 0;
    for (path, item) in document["paths"].as_object().expect("paths") {
        let is_list = item["get"]["operationId"].as_str().is_some_and(|id| id.starts_with("list"));
        let of_records = !path.contains("/webhooks/") && !path.contains("/events");
        if !is_list || !of_records {
            continue;
        }
        let parent = match &**path {
            "/api/v1/governance/indicators/measurements" => Some("/api/v1/governance/indicators?status=active"),
            path if path.ends_with("/nodes") => Some("/api/v1/governance/frameworks/versions?status=active"),
            path if path.ends_with("/custody") => Some("/api/v1/governance/evidence/claims"),
            path if path.ends_with("/items") => Some("/api/v1/governance/monitoring/runs"),
            _ => None,
        };
        let path = match parent {
            Some(parent) => {
                let id = first(parent).await["id"].as_str().expect("an id").to_owned();
                match path.split_once('{').and_then(|(start, rest)| Some((start, rest.split_once('}')?.1))) {
                    Some((start, end)) => format!("{start}{id}{end}"),
                    None => format!("{path}?indicatorDefinitionId={id}"),
                }
            }
            None => path.clone(),
        };
        first(&path).await;
        lists += 1;
    }
    assert!(lists >= 28, "only {lists} lists of the document were found");
    let findings = "/api/v1/governance/findings?status=open,triaged,remediation_planned,remediating";
    let now = server_time(&client).await;
    first(&format!("{findings}&dueBefore={now}")).await;
    let soon = first(&format!("{findings}&dueAfter={now}&order=due")).await;
    assert!(soon["dueAt"].as_str().expect("a due date") > now.as_str());
    assert!(server.stop().success());
}

/// The time of the server, as of its last list.
async fn server_time(client: &Client) -> String {
    client.get("/api/v1/governance/findings?limit=1").await.headers["x-as-of"].to_str().expect("a time").to_owned()
}

#[tokio::test]
async fn the_demo_prints_working_commands_and_removes_its_folder() {
    let server = Setup::new().argument("--demo").start();
    let folder = demo_database(&server).await;
    assert!(std::path::Path::new(&folder).exists(), "{folder}");
    let accounts = server.ready_message["service_accounts"].as_array().expect("two accounts").clone();
    assert_eq!(accounts.len(), 2);
    for (account, expected) in accounts.iter().zip(["{\"finding\":{", "{\"findings\":[{"]) {
        let call = account["curl"].as_str().expect("a call");
        let ran = std::process::Command::new("sh").args(["-c", call]).output().expect("a shell");
        let output = String::from_utf8_lossy(&ran.stdout).into_owned();
        assert!(output.starts_with(expected), "{call}\nprinted {output}");
    }
    assert!(server.stop().success());
    assert!(!std::path::Path::new(&folder).exists(), "{folder} still exists");
}

#[tokio::test]
async fn a_killed_server_restarts_with_every_acknowledged_write() {
    let server = Server::start();
    let credentials = server.create_account("writer", &["governance.findings:read", "governance.findings:write"]);
    let client = Client::with_token(&server.url, &credentials).await;
    let created = client.post("/api/v1/governance/findings", &finding("acknowledged-1")).await;
    assert_eq!(created.status, 201, "{}", created.body);
    let id = created.body["finding"]["id"].as_str().expect("an id").to_owned();
    let server = Server::start_with(server.kill());
    let client = Client::with_token(&server.url, &credentials).await;
    assert_eq!(client.get(&format!("/api/v1/governance/findings/{id}")).await.status, 200);
    eventually("the audit log is sealed", async || {
        let verified = server.installation().run_json(&["audit", "verify"]);
        let logs = verified["logs"].as_array()?.clone();
        logs.iter().all(|log| log["unsealed"] == 0).then_some(())
    })
    .await;
}
