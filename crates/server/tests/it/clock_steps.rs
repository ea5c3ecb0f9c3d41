//! Clocks that were wrong, and were put right.

use std::path::PathBuf;

use kernel::Timestamp;
use serde_json::Value;

use crate::support::{Client, Credentials, Installation, Server, Setup, clock_of_file, eventually, finding, set_clock};

const FINDINGS: &str = "/api/v1/governance/findings";
const SCOPES: [&str; 3] = ["governance.findings:read", "governance.findings:write", "audit:read"];
const TWO_HOURS: i64 = 2 * 3600;
const MONTHS: i64 = 200 * 86_400;
const FIFTY_YEARS: i64 = 50 * 365 * 86_400;

/// A SQLite installation whose clock a test sets.
struct Machine {
    installation: Installation,
    clock: PathBuf,
}

impl Machine {
    fn new(seconds_ahead: i64) -> Self {
        let installation = Installation::new();
        let clock = installation.folder().join("clock");
        set_clock(&clock, seconds_ahead);
        Self { installation, clock }
    }

    fn set_clock(&self, seconds_ahead: i64) {
        set_clock(&self.clock, seconds_ahead);
    }

    fn start(&self) -> Server {
        Setup::with_installation(self.installation.clone()).clock_file(&self.clock).start()
    }

    /// Runs a command with the clock of the machine.
    fn run(&self, arguments: &[&str]) -> (bool, String) {
        let mut program = self.installation.program();
        let output = program.envs(clock_of_file(&self.clock)).args(arguments).output().expect("the program starts");
        (output.status.success(), String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned())
    }

    fn create_account(&self) -> Credentials {
        self.create_account_named("scanner")
    }

    fn create_account_named(&self, name: &str) -> Credentials {
        let scopes = SCOPES.map(|scope| format!("--scope={scope}"));
        let name = ["service-account", "create", "--workspace=default", "--name", name, "--json"];
        let (succeeded, output) = self.run(&[&name[..], &scopes.each_ref().map(String::as_str)].concat());
        assert!(succeeded, "{output}");
        let document = output.lines().find(|line| line.starts_with('{')).expect("a document");
        Credentials::from_json(&serde_json::from_str(document).expect("JSON"))
    }
}

/// Returns how far a time of the API is ahead of the real time, in seconds.
fn seconds_ahead(time: &Value) -> i64 {
    let time: Timestamp = time.as_str().expect("a time").parse().expect("a time");
    time.seconds() - real_seconds()
}

/// The real time in seconds.
fn real_seconds() -> i64 {
    let output = std::process::Command::new("date").arg("+%s").output().expect("the time");
    String::from_utf8_lossy(&output.stdout).trim().parse().expect("a number")
}

async fn created_at(client: &Client, key: &str) -> i64 {
    let created = client.post(FINDINGS, &finding(key)).await;
    assert_eq!(created.status, 201, "{}", created.body);
    seconds_ahead(&created.body["finding"]["createdAt"])
}

/// Returns a client with a new token, once the rate limit of the token endpoint permits.
async fn client(server: &Server, credentials: &Credentials) -> Client {
    eventually("a token is issued", async || Client::try_with_token(&server.url, credentials).await).await
}

#[tokio::test]
async fn calls_are_answered_after_a_clock_that_was_two_hours_ahead_is_put_right() {
    let machine = Machine::new(TWO_HOURS);
    let server = machine.start();
    let credentials = machine.create_account();
    let before = client(&server, &credentials).await;
    for _ in 0..5 {
        assert_eq!(before.get(FINDINGS).await.status, 200);
    }
    machine.set_clock(0);
    assert_eq!(before.get(FINDINGS).await.status, 401, "a token of the future would outlive its lifetime");
    let client = client(&server, &credentials).await;
    eventually("calls are answered", async || (client.get(FINDINGS).await.status == 200).then_some(())).await;
    for number in 0..5 {
        let finding = finding(&format!("after-{number}"));
        // The buckets of before count as empty, and refill from now on.
        eventually("a finding is stored", async || (client.post(FINDINGS, &finding).await.status == 201).then_some(()))
            .await;
    }
}

#[tokio::test]
async fn a_clock_that_is_in_another_century_for_a_moment_leaves_no_trace() {
    let machine = Machine::new(0);
    let server = machine.start();
    let credentials = machine.create_account();
    let client = client(&server, &credentials).await;
    assert_eq!(client.get(FINDINGS).await.status, 200);
    machine.set_clock(FIFTY_YEARS);
    assert!(created_at(&client, "during").await.abs() < 60);
    let listed = client.get(FINDINGS).await;
    assert!(seconds_ahead(&listed.headers["x-as-of"].to_str().unwrap().into()).abs() < 60);
    machine.set_clock(0);
    assert!(created_at(&client, "after").await.abs() < 60);
    assert!(server.log().contains("the clock was set ahead"), "{}", server.log());
}

#[tokio::test]
async fn an_existing_installation_is_not_opened_with_a_clock_of_another_century() {
    let machine = Machine::new(0);
    let server = machine.start();
    let credentials = machine.create_account();
    assert_eq!(client(&server, &credentials).await.get(FINDINGS).await.status, 200);
    assert!(server.stop().success());
    machine.set_clock(FIFTY_YEARS);
    for arguments in
        [&["serve", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0"][..], &["workspace", "list"]]
    {
        let (succeeded, output) = machine.run(arguments);
        assert!(!succeeded && output.contains("set the clock") && output.contains("novantra clock reset"), "{output}");
    }
    machine.set_clock(0);
    assert!(machine.start().stop().success());
}

#[tokio::test]
async fn changes_after_a_clock_was_ahead_are_logged_with_the_real_time_and_stamped_with_it_after_a_reset() {
    let machine = Machine::new(TWO_HOURS);
    let server = machine.start();
    let credentials = machine.create_account();
    let ahead = client(&server, &credentials).await;
    assert!(created_at(&ahead, "ahead").await > TWO_HOURS - 60);
    assert_eq!(ahead.get(FINDINGS).await.status, 200);
    assert!(server.stop().success());

    machine.set_clock(0);
    let server = machine.start();
    assert!(server.log().contains("novantra clock reset"), "{}", server.log());
    let held = client(&server, &credentials).await;
    assert!(created_at(&held, "held").await > TWO_HOURS - 60, "clients were told that nothing earlier would change");
    let listed = held.get("/api/v1/audit/entries?action=finding.created").await;
    let [newer, older] = [0, 1].map(|index| listed.body["entries"][index].clone());
    assert!(older.is_object() && older.get("wallClock").is_none(), "{}", listed.body);
    assert!(newer["wallClock"].is_string(), "{}", listed.body);
    assert!(seconds_ahead(&newer["wallClock"]).abs() < 60, "{newer}");
    let (_, check) = machine.run(&["check"]);
    assert!(check.contains("novantra clock reset"), "{check}");
    let (succeeded, refused) = machine.run(&["clock", "reset"]);
    assert!(!succeeded && refused.contains("stop it first"), "{refused}");
    assert!(server.stop().success());

    let (succeeded, reset) = machine.run(&["clock", "reset", "--reason", "the clock was two hours ahead"]);
    assert!(succeeded, "{reset}");
    let server = machine.start();
    let right = client(&server, &credentials).await;
    assert!(created_at(&right, "right").await.abs() < 60);
    let (succeeded, verified) = machine.run(&["audit", "verify"]);
    assert!(succeeded, "{verified}");
    let (_, log) = machine.run(&["audit", "export", "--workspace", "-"]);
    let entry = log.lines().find(|line| line.contains("installation.clock_reset")).expect("an entry");
    assert!(entry.contains("the clock was two hours ahead"), "{entry}");
    let (_, check) = machine.run(&["check"]);
    assert!(!check.contains("novantra clock reset"), "{check}");
}

#[tokio::test]
async fn a_clock_that_is_months_ahead_at_a_restart_is_not_believed_while_the_machine_has_not_run_that_long() {
    let machine = Machine::new(0);
    let server = machine.start();
    let credentials = machine.create_account();
    assert_eq!(client(&server, &credentials).await.get(FINDINGS).await.status, 200);
    server.kill();
    machine.set_clock(MONTHS);
    let server = machine.start();
    let restarted = client(&server, &credentials).await;
    assert!(created_at(&restarted, "restarted").await.abs() < 60);
    let listed = restarted.get(FINDINGS).await;
    assert!(seconds_ahead(&listed.headers["x-as-of"].to_str().unwrap().into()).abs() < 60);
    assert!(server.log().contains("but by the time that this machine has run for"), "{}", server.log());

    // A command beside the server, too.
    machine.create_account_named("integration");
    let entries = restarted.get("/api/v1/audit/entries?action=service_account.created").await;
    let created = entries.body["entries"].as_array().expect("entries");
    assert_eq!(created.len(), 2, "{}", entries.body);
    assert!(created.iter().all(|entry| seconds_ahead(&entry["occurredAt"]).abs() < 60), "{}", entries.body);
    let (succeeded, check) = machine.run(&["check"]);
    assert!(!succeeded && check.contains("but by other evidence"), "{check}");

    machine.set_clock(0);
    assert!(created_at(&restarted, "right").await.abs() < 60);
    let (_, check) = machine.run(&["check"]);
    assert!(!check.contains("clock: "), "{check}");
}

#[tokio::test]
async fn a_clock_that_is_months_ahead_at_a_restart_is_believed_after_a_reset() {
    let machine = Machine::new(0);
    let server = machine.start();
    let credentials = machine.create_account();
    assert_eq!(client(&server, &credentials).await.get(FINDINGS).await.status, 200);
    assert!(server.stop().success());
    machine.set_clock(MONTHS);
    let (succeeded, reset) = machine.run(&["clock", "reset", "--reason", "the clock is right now"]);
    assert!(succeeded, "{reset}");
    let server = machine.start();
    assert!(created_at(&client(&server, &credentials).await, "reset").await > MONTHS - 60);
}
