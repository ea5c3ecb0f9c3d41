//! The command line next to a running server.

use serde_json::Value;

use crate::support::{Client, Credentials, Installation, Server, finding};

const READ: &str = "governance.findings:read";
const WRITE: &str = "governance.findings:write";

#[tokio::test]
async fn a_disabled_account_is_refused_from_its_next_request_until_it_is_enabled() {
    let server = Server::start();
    let credentials = server.create_account("mirror", &[READ]);
    let client = Client::with_token(&server.url, &credentials).await;
    let path = "/api/v1/governance/findings";
    assert_eq!(client.get(path).await.status, 200);
    server.installation().run_json(&["service-account", "disable", &credentials.client_id]);
    assert_eq!(client.get(path).await.status, 401);
    assert_eq!(client.request_token(&credentials).await.status, 401);
    server.installation().run_json(&["service-account", "enable", &credentials.client_id]);
    assert_eq!(client.get(path).await.status, 200);
}

#[tokio::test]
async fn a_rotated_secret_works_immediately_and_the_old_one_expires_after_its_grace_period() {
    let server = Server::start();
    let first = server.create_account("scanner", &[READ]);
    let client = Client::new(&server.url);
    let rotate = |grace: &str| {
        let rotated =
            server.installation().run_json(&["service-account", "rotate", &first.client_id, "--grace", grace]);
        Credentials::from_json(&rotated)
    };
    let second = rotate("1h");
    assert_eq!(client.request_token(&first).await.status, 200);
    assert_eq!(client.request_token(&second).await.status, 200);
    let third = rotate("0s");
    assert_eq!(client.request_token(&first).await.status, 401);
    assert_eq!(client.request_token(&second).await.status, 401);
    assert_eq!(client.request_token(&third).await.status, 200);
}

#[tokio::test]
async fn a_removed_scope_is_missing_on_the_next_request() {
    let server = Server::start();
    let credentials = server.create_account("narrowed", &[READ, WRITE]);
    let client = Client::with_token(&server.url, &credentials).await;
    server.installation().run_json(&["service-account", "set-scopes", &credentials.client_id, "--scope", READ]);
    assert_eq!(client.post("/api/v1/governance/findings", &finding("refused")).await.status, 403);
    assert_eq!(client.get("/api/v1/governance/findings").await.status, 200);
}

#[tokio::test]
async fn limits_of_an_account_replace_those_of_the_installation() {
    let server = Server::start();
    let credentials = server.create_account("slow", &[READ]);
    let id = &credentials.client_id;
    let set = server.installation().run_json(&["service-account", "set-limits", id, "--reads", "2"]);
    assert_eq!(set["limits"]["reads"], 2);
    let client = Client::with_token(&server.url, &credentials).await;
    let mut statuses = Vec::new();
    for _ in 0..3 {
        statuses.push(client.get("/api/v1/governance/findings").await.status);
    }
    assert_eq!(statuses, [200, 200, 429]);
    let back = server.installation().run_json(&["service-account", "set-limits", id, "--reads", "default"]);
    assert_eq!(back["limits"]["reads"], Value::Null);
}

#[tokio::test]
async fn operator_commands_are_audited_with_their_reason() {
    let server = Server::start();
    let credentials = server.create_account("auditor", &["audit:read"]);
    let disabled = server.create_account("departed", &[READ]);
    let reason = "the vendor's contract has ended";
    server.installation().run_json(&["service-account", "disable", &disabled.client_id, "--reason", reason]);
    let client = Client::with_token(&server.url, &credentials).await;
    let listed = client.get("/api/v1/audit/entries?action=service_account.disabled").await;
    let entry = &listed.body["entries"][0];
    assert_eq!(entry["reason"], reason, "{}", listed.body);
    assert_eq!(entry["actor"]["kind"], "system");
    assert_eq!(entry["subject"]["id"], disabled.client_id.as_str());
    assert_eq!(entry["changes"][0]["after"], "disabled");
}

#[tokio::test]
async fn accounts_and_workspaces_are_shown_without_their_secrets() {
    let server = Server::start();
    let installation = server.installation();
    let create =
        ["workspace", "create", "--slug", "cedar-valley", "--name", "Cedar Valley", "--timezone", "America/Denver"];
    assert_eq!(installation.run_json(&create)["workspace"]["timezone"], "America/Denver");
    let account = ["service-account", "create", "--workspace", "cedar-valley", "--name", "ci", "--scope", READ];
    let contact = ["--contact", "ops@example.com", "--expires-at", "2999-01-01"];
    let credentials = Credentials::from_json(&installation.run_json(&[&account[..], &contact[..]].concat()));
    let details = installation.run_json(&["service-account", "show", &credentials.client_id]);
    assert_eq!(details["contact"], "ops@example.com");
    assert_eq!(details["expires_at"], "2999-01-01T00:00:00.000Z");
    assert_eq!(details["last_used_at"], Value::Null);
    let listed = installation.run(&["service-account", "list", "--workspace", "cedar-valley"]);
    assert!(listed.stdout.contains(&credentials.client_id), "{}", listed.stdout);
    assert!(!listed.stdout.contains("nvsec_"));
    assert!(!details.to_string().contains("argon2"));
}

#[test]
fn commands_refuse_the_texts_and_times_that_the_api_refuses() {
    let installation = Installation::new();
    assert!(installation.run(&["workspace", "create", "--slug", "made", "--name", "Made"]).status.success());
    let create = ["service-account", "create", "--workspace", "made", "--scope", READ, "--name"];
    for (arguments, expected) in [
        (&["\u{200b}\u{3164}"][..], "--name must be one line"),
        (&["paid \u{202e}gnp.exe"], "--name must be one line"),
        (&["a", "--reason", "approved by \u{2066}the auditor"], "bidirectional overrides"),
        (&["a", "--expires-at", "tomorrow"], "--expires-at must be a date or an RFC 3339 timestamp"),
        (&["a", "--expires-at", "2999-01-01T00:00:00 02:00"], "--expires-at has a blank where the +"),
    ] {
        let ran = installation.run(&[&create[..], arguments].concat());
        assert_eq!(ran.status.code(), Some(2), "{arguments:?}");
        assert!(ran.stderr.contains(expected), "{arguments:?}: {}", ran.stderr);
    }
}

#[test]
fn invalid_usage_exits_with_2_and_failed_commands_exit_with_1() {
    let installation = Installation::new();
    let run = |arguments: &[&str]| installation.run(arguments);
    std::fs::create_dir(installation.folder().join("data")).unwrap();
    assert!(run(&["migrate"]).status.success());
    for (arguments, status) in [
        (&["no-such-command"][..], 2),
        (&["service-account", "show", "nobody"], 2),
        (&["service-account", "show", "svc_01HZX3V6T9C6Q4W8N2D5K7M1RB"], 1),
        (&["workspace", "create", "--slug", "Not A Slug", "--name", "x"], 2),
        (&["workspace", "create", "--slug", "made", "--name", "Made", "--reason", "short"], 2),
        (&["workspace", "create", "--slug", "made", "--name", "Made"], 0),
        (&["workspace", "create", "--slug", "made", "--name", "Made"], 1),
        (&["service-account", "create", "--workspace", "made", "--name", "a", "--scope", "nothing:read"], 2),
        (&["service-account", "create", "--workspace", "none", "--name", "a", "--scope", READ], 1),
        (&["audit", "verify", "--file", "absent"], 2),
        (&["--log-level", "===", "workspace", "list"], 2),
    ] {
        let ran = run(arguments);
        assert_eq!(ran.status.code(), Some(status), "{arguments:?}: {}", ran.stderr);
        if status == 1 {
            assert_eq!(ran.stderr.lines().count(), 1, "{arguments:?}: {}", ran.stderr);
        }
    }
}

#[test]
fn a_command_before_the_first_start_explains_what_is_missing_and_creates_nothing() {
    let installation = Installation::new();
    let ran = installation.run(&["workspace", "list"]);
    assert_eq!(ran.status.code(), Some(1));
    assert!(ran.stderr.contains("novantra serve"), "{}", ran.stderr);
    assert!(!installation.folder().join("data").exists());
}

#[test]
fn migrate_reports_a_folder_that_does_not_exist_instead_of_creating_it() {
    let installation = Installation::new();
    let mistyped = installation.folder().join("dtaa");
    let migrate = |file: &std::path::Path| {
        installation.run(&["migrate", "--database-url", &format!("sqlite:{}", file.display())])
    };
    let refused = migrate(&mistyped.join("novantra.db"));
    assert_eq!(refused.status.code(), Some(1));
    assert!(refused.stderr.contains(&format!("there is no folder {}", mistyped.display())), "{}", refused.stderr);
    assert!(!mistyped.exists());
    let file = installation.folder().join("novantra.db");
    let created = migrate(&file);
    assert!(created.stdout.contains(&format!("created a new database, {}", file.display())), "{}", created.stdout);
    let again = migrate(&file);
    assert!(again.stdout.starts_with("nothing to do"), "{}", again.stdout);
}

#[test]
fn check_explains_whether_the_installation_is_usable() {
    let installation = Installation::new();
    let before = installation.run(&["check"]);
    assert_eq!(before.status.code(), Some(1));
    assert!(before.stderr.contains("there is no "), "{}", before.stderr);
    installation.run_json(&["workspace", "create", "--slug", "made", "--name", "Made"]);
    let checked = installation.run_json(&["check"]);
    assert_eq!(checked["ok"], true, "{checked}");
    let mut bad = installation.program();
    let bad = bad.args(["check"]).env("NOVANTRA_TOKEN_LIFETIME", "1s").output().unwrap();
    assert_eq!(bad.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&bad.stderr).contains("NOVANTRA_TOKEN_LIFETIME"));
}

#[test]
fn check_names_a_trigger_that_could_suppress_entries_of_the_audit_log() {
    let installation = Installation::new();
    installation.run_json(&["workspace", "create", "--slug", "made", "--name", "Made"]);
    let database = rusqlite::Connection::open(installation.folder().join("data/novantra.db")).unwrap();
    database.execute_batch("CREATE INDEX mine ON findings (organization_id, title)").unwrap();
    let checked = installation.run_json(&["check"]).to_string();
    assert!(checked.contains("harmless: the index mine is not of this program"), "{checked}");
    let hide =
        "CREATE TRIGGER hide AFTER INSERT ON audit_waiting BEGIN DELETE FROM audit_waiting WHERE id = NEW.id; END";
    database.execute_batch(hide).unwrap();
    let checked = installation.run(&["check"]);
    assert_eq!(checked.status.code(), Some(1));
    assert!(
        checked.stderr.contains("the trigger hide is not of this program (CREATE TRIGGER hide"),
        "{}",
        checked.stderr
    );
}

#[test]
fn a_failed_command_leaves_no_open_write() {
    let installation = Installation::new();
    installation.run_json(&["workspace", "create", "--slug", "acme", "--name", "Acme"]);
    let unknown_id = "svc_01HZX3V6T9C6Q4W8N2D5K7M1RB";
    for arguments in [
        &["workspace", "create", "--slug", "acme", "--name", "Acme again"][..],
        &["service-account", "create", "--workspace", "nowhere", "--name", "x", "--scope", READ],
        &["service-account", "disable", unknown_id],
        &["service-account", "show", unknown_id],
        &["service-account", "list", "--workspace", "nowhere"],
        &["audit", "export", "--workspace", "nowhere"],
        &["audit", "checkpoint", "--workspace", "nowhere"],
    ] {
        assert_eq!(installation.run(arguments).status.code(), Some(1), "{arguments:?}");
    }
    let database = rusqlite::Connection::open(installation.folder().join("data/novantra.db")).unwrap();
    let open: i64 = database.query_row("SELECT count(*) FROM open_writes", [], |row| row.get(0)).unwrap();
    assert_eq!(open, 0);
}

#[test]
fn an_invalid_locale_or_timezone_is_refused_with_an_explanation() {
    let installation = Installation::new();
    for (flag, value, message) in [("--locale", "en_US", "BCP 47"), ("--timezone", "Denver", "IANA")] {
        let ran = installation.run(&["workspace", "create", "--slug", "acme", "--name", "Acme", flag, value]);
        assert_eq!(ran.status.code(), Some(2), "{}", ran.stderr);
        assert!(ran.stderr.contains(message), "{}", ran.stderr);
    }
}
