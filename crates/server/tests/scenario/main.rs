//! The main scenario, end to end, over real HTTP against the built server: a scanner pushes a scan, a mirror follows
//! it, and every request is audited. It runs on SQLite, on PostgreSQL, and on two servers over one PostgreSQL that are
//! killed and restarted in turns. It uses the real scan if `NOVANTRA_TEST_DATA` contains it, and always a generated
//! one of the same shape.

#[path = "../support/mod.rs"]
mod support;

mod deployment;
mod evidence;
mod incidents;
mod mirror;
mod scan;
mod scanner;

use std::path::PathBuf;

use deployment::Deployment;
use mirror::Mirror;
use scan::Scan;
use scanner::Scanner;
use support::{Credentials, Installation};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_generated_scan_is_pushed_mirrored_and_audited() {
    run_scenario(Deployment::sqlite(), &import::sample::sarif()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_generated_scan_is_pushed_mirrored_and_audited_on_postgresql() {
    run_scenario(Deployment::postgres().await, &import::sample::sarif()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_generated_scan_is_pushed_mirrored_and_audited_while_servers_are_killed_and_restarted() {
    run_scenario(Deployment::two_with_kill_loop().await, &import::sample::sarif()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_real_scan_is_pushed_mirrored_and_audited() {
    let Some(folder) = std::env::var_os("NOVANTRA_TEST_DATA") else {
        eprintln!("NOVANTRA_TEST_DATA is not set: the test with the real scan is skipped");
        return;
    };
    let file = PathBuf::from(folder).join("sarif-semgrep-owasp-benchmark.sarif");
    run_scenario(Deployment::sqlite(), &std::fs::read(file).expect("the real scan")).await;
}

async fn run_scenario(deployment: Deployment, sarif: &[u8]) {
    let scan = Scan::from_sarif(sarif);
    assert_eq!(scan.findings.len(), 1768);
    let installation = deployment.installation().clone();
    let scanner = installation.create_account("scanner", &["governance.findings:write"]);
    let mirroring = installation.create_account("mirror", &["governance.findings:read", "governance.findings:write"]);

    let mut mirror = push_while_mirroring(&deployment, &scan, &scanner, &mirroring).await;
    import_finds_nothing_new(&installation, sarif, &scan);
    closed_findings_close_their_incidents(&deployment, &scanner, &mut mirror).await;

    let (deployment, repeated) = duplicates_have_one_effect_each(deployment, &mirroring, &mut mirror).await;
    catch_up_returns_exactly(&deployment, &mut mirror, &repeated).await;
    let refused = disabling_interrupts_a_pull(&deployment, &mirroring).await;

    evidence::assert_every_request_is_audited(&deployment, &repeated, refused).await;
    evidence::assert_the_log_verifies_online_and_from_an_export(&deployment).await;
    deployment.stop();
    evidence::assert_a_changed_entry_is_detected(&installation).await;
    evidence::assert_a_truncated_log_is_detected(&installation).await;
}

/// Findings that were reported as duplicates several times.
struct RepeatedReports {
    ids: Vec<String>,
    /// The number of responses that were replayed.
    replays: usize,
}

/// Pushes the scan while the mirror pulls; at the end, the mirror has exactly one incident for each finding.
async fn push_while_mirroring(
    deployment: &Deployment,
    scan: &Scan,
    scanner: &Credentials,
    mirroring: &Credentials,
) -> Mirror {
    let mut mirror = Mirror::new(deployment.client(mirroring).await);
    let (scanner, findings) = (Scanner::new(deployment.client(scanner).await), scan.findings.clone());
    let pushing = tokio::spawn(async move { scanner.push(&findings).await });
    while !pushing.is_finished() {
        mirror.pull_open().await;
    }
    pushing.await.expect("every finding is stored");
    mirror.pull_open().await;
    assert_eq!(mirror.incidents.mirrored_keys(), scan.keys(), "the mirror must have an incident for each finding");
    mirror
}

/// Imports the same file with the command line, and asserts that it has the same keys and the same content.
fn import_finds_nothing_new(installation: &Installation, sarif: &[u8], scan: &Scan) {
    let file = installation.folder().join("scan.sarif");
    std::fs::write(&file, sarif).expect("the scan is written");
    let file = file.to_str().expect("its path");
    let summary = installation.run_json(&["import", "sarif", file, "--workspace", "default"]);
    assert_eq!(
        (&summary["created"], &summary["updated"], &summary["unchanged"], &summary["failed"]),
        (&0.into(), &0.into(), &scan.findings.len().into(), &0.into()),
        "{summary}"
    );
}

/// Asserts that a pull without a status, oldest change first, from where the last one ended, closes the incidents of
/// closed findings.
async fn closed_findings_close_their_incidents(deployment: &Deployment, scanner: &Credentials, mirror: &mut Mirror) {
    let scanner = Scanner::new(deployment.client(scanner).await);
    let closed = mirror.incidents.ids(0..25);
    for id in &closed {
        scanner.close(id).await;
    }
    assert_catch_up_returns(deployment, mirror, &closed).await;
    assert_eq!(mirror.incidents.closed_findings(), closed.iter().cloned().collect());
}

/// Sends each report three times concurrently, and once more after every server was restarted.
async fn duplicates_have_one_effect_each(
    deployment: Deployment,
    mirroring: &Credentials,
    mirror: &mut Mirror,
) -> (Deployment, RepeatedReports) {
    let ids = mirror.incidents.ids(100..300);
    let mut replays = 0;
    for id in &ids {
        let (first, second, third) =
            tokio::join!(mirror.report_duplicate(id), mirror.report_duplicate(id), mirror.report_duplicate(id));
        let replayed = [&first, &second, &third].iter().filter(|answer| answer.replayed).count();
        assert!(
            replayed == 2 || (replayed == 3 && deployment.may_lose_responses()),
            "one of three reports must have an effect, not {}",
            3 - replayed
        );
        assert_eq!(first.body, second.body);
        assert_eq!(first.body, third.body);
        replays += replayed;
    }
    let deployment = deployment.restart().await;
    mirror.reconnect(deployment.client(mirroring).await);
    for id in &ids {
        let repeated = mirror.report_duplicate(id).await;
        assert!(repeated.replayed, "the restarted server must replay the response");
        assert_eq!(mirror.event_count(id).await, 1, "a repeated report must have one effect");
        replays += 1;
    }
    (deployment, RepeatedReports { ids, replays })
}

/// Asserts that a catch-up returns exactly what changed since the last pull.
async fn catch_up_returns_exactly(deployment: &Deployment, mirror: &mut Mirror, repeated: &RepeatedReports) {
    assert_catch_up_returns(deployment, mirror, &repeated.ids).await;
    assert_catch_up_returns(deployment, mirror, &[]).await;
}

/// Asserts that a pull returns changes of exactly these findings. A single server returns nothing else; next to others
/// that have writes in flight or were killed, it may return again what it returned before.
async fn assert_catch_up_returns(deployment: &Deployment, mirror: &mut Mirror, changed: &[String]) {
    let caught_up = mirror.catch_up().await;
    assert_eq!(caught_up.new_versions, changed.iter().cloned().collect());
    assert!(
        caught_up.received == changed.len() || deployment.may_lose_responses(),
        "{} findings were returned",
        caught_up.received
    );
}

/// Disables the account in the middle of a pull, and asserts that every server refuses the next request. Returns the
/// number of servers.
async fn disabling_interrupts_a_pull(deployment: &Deployment, mirroring: &Credentials) -> usize {
    let clients = deployment.clients(mirroring).await;
    let first = clients[0].get("/api/v1/governance/findings?limit=10").await;
    let cursor = first.body["pagination"]["nextCursor"].as_str().expect("another page").to_owned();
    let next = format!("/api/v1/governance/findings?limit=10&cursor={cursor}");
    for client in &clients {
        assert_eq!(client.get(&next).await.status, 200);
    }
    let disabled = deployment.installation().run(&["service-account", "disable", &mirroring.client_id]);
    assert!(disabled.status.success(), "{}", disabled.stderr);
    for client in &clients {
        let refused = client.get(&next).await;
        assert_eq!((refused.status, &refused.body["error"]), (401, &"unauthenticated".into()));
        assert_eq!(client.request_token(mirroring).await.status, 401);
    }
    clients.len()
}
