//! The main job, end to end, over real HTTP against the built server: a scanner pushes a scan, a mirror follows it, and
//! every call is on record. On SQLite, on PostgreSQL, and on two servers over one PostgreSQL that are killed and started
//! again in turns meanwhile. On the real scan where `NOVANTRA_TEST_DATA` has it, and always on a generated one of the same
//! shape.

#[path = "../support/mod.rs"]
mod support;

mod evidence;
mod incidents;
mod mirror;
mod scan;
mod scanner;
mod stage;

use std::path::PathBuf;

use mirror::Mirror;
use scan::Scan;
use scanner::Scanner;
use stage::Stage;
use support::{Credentials, Installation};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_generated_scan_is_pushed_mirrored_and_on_record() {
    play(Stage::sqlite(), &import::sample::sarif()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_generated_scan_is_pushed_mirrored_and_on_record_over_postgresql() {
    play(Stage::postgres().await, &import::sample::sarif()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_generated_scan_is_pushed_mirrored_and_on_record_while_servers_are_killed_and_started_again() {
    play(Stage::two_in_havoc().await, &import::sample::sarif()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_real_scan_is_pushed_mirrored_and_on_record() {
    let Some(folder) = std::env::var_os("NOVANTRA_TEST_DATA") else {
        eprintln!(
            "NOVANTRA_TEST_DATA is not set: the real scan is left out, the generated one of the same shape is not"
        );
        return;
    };
    let file = PathBuf::from(folder).join("sarif-semgrep-owasp-benchmark.sarif");
    play(Stage::sqlite(), &std::fs::read(file).expect("the real scan")).await;
}

async fn play(stage: Stage, sarif: &[u8]) {
    let scan = Scan::of(sarif);
    assert_eq!(scan.findings.len(), 1768);
    let installation = stage.installation().clone();
    let scanner = installation.account("scanner", &["governance.findings:write"]);
    let mirroring = installation.account("mirror", &["governance.findings:read", "governance.findings:write"]);

    let mut mirror = push_while_mirroring(&stage, &scan, &scanner, &mirroring).await;
    import_finds_nothing_new(&installation, sarif, &scan);
    closed_findings_close_their_incidents(&stage, &scanner, &mut mirror).await;

    let (stage, repeated) = duplicates_have_one_effect_each(stage, &mirroring, &mut mirror).await;
    catch_up_finds_exactly(&stage, &mut mirror, &repeated).await;
    let refused = disabled_in_the_middle_of_a_pull(&stage, &mirroring).await;

    evidence::every_call_is_on_record(&stage, &repeated, refused).await;
    evidence::the_log_verifies_for_insiders_and_outsiders(&stage).await;
    stage.stop();
    evidence::a_changed_entry_is_named(&installation).await;
    evidence::a_cut_tail_is_found(&installation).await;
}

/// Findings that were reported as duplicates, more than once each.
struct Repeated {
    ids: Vec<String>,
    /// How many of the answers said that they are not the first.
    replays: usize,
}

/// The mirror pulls all the while, and at the end has an incident for each finding, and not one twice.
async fn push_while_mirroring(stage: &Stage, scan: &Scan, scanner: &Credentials, mirroring: &Credentials) -> Mirror {
    let mut mirror = Mirror::of(stage.client(mirroring).await);
    let (scanner, findings) = (Scanner::of(stage.client(scanner).await), scan.findings.clone());
    let pushing = tokio::spawn(async move { scanner.push(&findings).await });
    while !pushing.is_finished() {
        mirror.pull_open().await;
    }
    pushing.await.expect("every finding is taken");
    mirror.pull_open().await;
    assert_eq!(mirror.incidents.keys_mirrored(), scan.keys(), "an incident for each finding");
    mirror
}

/// The same file through the command line gives the same keys and the same content.
fn import_finds_nothing_new(installation: &Installation, sarif: &[u8], scan: &Scan) {
    let file = installation.folder().join("scan.sarif");
    std::fs::write(&file, sarif).expect("the scan is written");
    let file = file.to_str().expect("its path");
    let summary = installation.json(&["import", "sarif", file, "--workspace", "default"]);
    assert_eq!(
        (&summary["created"], &summary["updated"], &summary["unchanged"], &summary["failed"]),
        (&0.into(), &0.into(), &scan.findings.len().into(), &0.into()),
        "{summary}"
    );
}

/// A pull without a status, oldest change first, from where the last one stood, closes the incidents of what was closed.
async fn closed_findings_close_their_incidents(stage: &Stage, scanner: &Credentials, mirror: &mut Mirror) {
    let scanner = Scanner::of(stage.client(scanner).await);
    let closed = mirror.incidents.ids(0..25);
    for id in &closed {
        scanner.close(id).await;
    }
    brings_exactly(stage, mirror, &closed).await;
    assert_eq!(mirror.incidents.closed(), closed.iter().cloned().collect());
}

/// Each report is sent three times at once, and once more after every server was started anew.
async fn duplicates_have_one_effect_each(
    stage: Stage,
    mirroring: &Credentials,
    mirror: &mut Mirror,
) -> (Stage, Repeated) {
    let ids = mirror.incidents.ids(100..300);
    let mut replays = 0;
    for id in &ids {
        let (first, second, third) =
            tokio::join!(mirror.report_duplicate(id), mirror.report_duplicate(id), mirror.report_duplicate(id));
        let replayed = [&first, &second, &third].iter().filter(|answer| answer.replayed).count();
        assert!(replayed == 2 || (replayed == 3 && stage.loses_answers()), "one of three acts, not {}", 3 - replayed);
        assert_eq!(first.body, second.body);
        assert_eq!(first.body, third.body);
        replays += replayed;
    }
    let stage = stage.restarted().await;
    mirror.reconnect(stage.client(mirroring).await);
    for id in &ids {
        let again = mirror.report_duplicate(id).await;
        assert!(again.replayed, "the restarted server knows the key");
        assert_eq!(mirror.events_of(id).await, 1, "one effect");
        replays += 1;
    }
    (stage, Repeated { ids, replays })
}

/// What changed since the last pull, no more and no less.
async fn catch_up_finds_exactly(stage: &Stage, mirror: &mut Mirror, repeated: &Repeated) {
    brings_exactly(stage, mirror, &repeated.ids).await;
    brings_exactly(stage, mirror, &[]).await;
}

/// Pulls, and finds just these changed. A server alone brings nothing else; beside others, which it has to wait for, or
/// which were killed, it may bring again what it brought before.
async fn brings_exactly(stage: &Stage, mirror: &mut Mirror, changed: &[String]) {
    let caught_up = mirror.catch_up().await;
    assert_eq!(caught_up.news, changed.iter().cloned().collect());
    assert!(caught_up.came == changed.len() || stage.loses_answers(), "{} came", caught_up.came);
}

/// The call after the disabling command is refused, whatever it is in the middle of and whichever server it goes to. Says
/// how many servers that were.
async fn disabled_in_the_middle_of_a_pull(stage: &Stage, mirroring: &Credentials) -> usize {
    let clients = stage.clients(mirroring).await;
    let first = clients[0].get("/api/v1/governance/findings?limit=10").await;
    let cursor = first.body["pagination"]["nextCursor"].as_str().expect("another page").to_owned();
    let next = format!("/api/v1/governance/findings?limit=10&cursor={cursor}");
    for client in &clients {
        assert_eq!(client.get(&next).await.status, 200);
    }
    let disabled = stage.installation().run(&["service-account", "disable", &mirroring.client_id]);
    assert!(disabled.status.success(), "{}", disabled.stderr);
    for client in &clients {
        let refused = client.get(&next).await;
        assert_eq!((refused.status, &refused.body["error"]), (401, &"unauthenticated".into()));
        assert_eq!(client.token(mirroring).await.status, 401);
    }
    clients.len()
}
