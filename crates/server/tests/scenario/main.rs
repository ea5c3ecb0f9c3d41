//! The main job, end to end, over real HTTP against the built server on SQLite: a scanner pushes a scan, a mirror follows
//! it, and every call is on record. On the real scan where `NOVANTRA_TEST_DATA` has it, and always on a generated one of
//! the same shape.

#[path = "../support/mod.rs"]
mod support;

mod evidence;
mod incidents;
mod mirror;
mod scan;
mod scanner;

use std::path::PathBuf;

use mirror::Mirror;
use scan::Scan;
use scanner::Scanner;
use support::{Credentials, Installation, Server};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_generated_scan_is_pushed_mirrored_and_on_record() {
    play(&import::sample::sarif()).await;
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
    play(&std::fs::read(file).expect("the real scan")).await;
}

async fn play(sarif: &[u8]) {
    let scan = Scan::of(sarif);
    assert_eq!(scan.findings.len(), 1768);
    let server = Server::start();
    let installation = server.installation().clone();
    let scanner = server.account("scanner", &["governance.findings:write"]);
    let mirroring = server.account("mirror", &["governance.findings:read", "governance.findings:write"]);

    let mut mirror = push_while_mirroring(&server, &scan, &scanner, &mirroring).await;
    import_finds_nothing_new(&installation, sarif, &scan);
    closed_findings_close_their_incidents(&server, &scanner, &mut mirror).await;

    let (server, repeated) = duplicates_have_one_effect_each(server, &mirroring, &mut mirror).await;
    catch_up_finds_exactly(&server, &mirroring, &mut mirror, &repeated).await;
    disabled_in_the_middle_of_a_pull(&server, &mirroring).await;

    evidence::every_call_is_on_record(&server, &repeated).await;
    evidence::the_log_verifies_for_insiders_and_outsiders(&server).await;
    let status = server.stop();
    assert!(status.success(), "{status}");
    evidence::a_changed_entry_is_named(&installation);
    evidence::a_cut_tail_is_found(&installation);
}

/// The mirror pulls all the while, and at the end has an incident for each finding, and not one twice.
async fn push_while_mirroring(server: &Server, scan: &Scan, scanner: &Credentials, mirroring: &Credentials) -> Mirror {
    let mut mirror = Mirror::of(&server.url, mirroring).await;
    let pushing = tokio::spawn({
        let (url, scanner, findings) = (server.url.clone(), scanner.clone(), scan.findings.clone());
        async move { Scanner::of(&url, &scanner).await.push(&findings).await }
    });
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
async fn closed_findings_close_their_incidents(server: &Server, scanner: &Credentials, mirror: &mut Mirror) {
    let scanner = Scanner::of(&server.url, scanner).await;
    let closed = mirror.incidents.ids(0..25);
    for id in &closed {
        scanner.close(id).await;
    }
    let changed = mirror.catch_up().await;
    assert_eq!(changed, closed.iter().cloned().collect());
    assert_eq!(mirror.incidents.closed(), closed.iter().cloned().collect());
}

/// Each report is sent three times at once, and once more after the server was started anew.
async fn duplicates_have_one_effect_each(
    server: Server,
    mirroring: &Credentials,
    mirror: &mut Mirror,
) -> (Server, Vec<String>) {
    let repeated = mirror.incidents.ids(100..300);
    for id in &repeated {
        let (first, second, third) =
            tokio::join!(mirror.report_duplicate(id), mirror.report_duplicate(id), mirror.report_duplicate(id));
        let replayed = [&first, &second, &third].iter().filter(|answer| answer.replayed).count();
        assert_eq!(replayed, 2, "one of three acts");
        assert_eq!(first.body, second.body);
        assert_eq!(first.body, third.body);
    }
    let installation = server.installation().clone();
    assert!(server.stop().success());
    let server = Server::over(installation);
    mirror.reconnect(&server.url, mirroring).await;
    for id in &repeated {
        let again = mirror.report_duplicate(id).await;
        assert!(again.replayed, "the restarted server knows the key");
        assert_eq!(mirror.events_of(id).await, 1, "one effect");
    }
    (server, repeated)
}

/// What changed since the last pull, no more and no less.
async fn catch_up_finds_exactly(server: &Server, mirroring: &Credentials, mirror: &mut Mirror, repeated: &[String]) {
    mirror.reconnect(&server.url, mirroring).await;
    assert_eq!(mirror.catch_up().await, repeated.iter().cloned().collect());
    assert!(mirror.catch_up().await.is_empty(), "nothing changed since");
}

/// The call after the disabling command is refused, whatever it is in the middle of.
async fn disabled_in_the_middle_of_a_pull(server: &Server, mirroring: &Credentials) {
    let client = support::Client::with_token(&server.url, mirroring).await;
    let first = client.get("/api/v1/governance/findings?limit=10").await;
    let cursor = first.body["pagination"]["nextCursor"].as_str().expect("another page").to_owned();
    let next = format!("/api/v1/governance/findings?limit=10&cursor={cursor}");
    assert_eq!(client.get(&next).await.status, 200);
    let disabled = server.installation().run(&["service-account", "disable", &mirroring.client_id]);
    assert!(disabled.status.success(), "{}", disabled.stderr);
    let refused = client.get(&next).await;
    assert_eq!((refused.status, &refused.body["error"]), (401, &"unauthenticated".into()));
    assert_eq!(client.token(mirroring).await.status, 401);
}
