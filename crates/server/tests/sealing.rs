//! Sealing of the audit log: by commands while no server runs, and by one of several servers at a time.

mod support;

use std::{
    fs,
    time::{Duration, Instant},
};

use support::{Database, Fleet, Installation, Ran, eventually, finding};

const FINDINGS: &str = "/api/v1/governance/findings";

fn create(installation: &Installation, workspace: &str, name: &str) -> Ran {
    let scope = "governance.findings:read";
    installation.run(&["service-account", "create", "--workspace", workspace, "--name", name, "--scope", scope])
}

fn found(installation: &Installation, slug: &str) -> Ran {
    let ran = installation.run(&["workspace", "create", "--slug", slug, "--name", slug]);
    assert!(ran.status.success(), "{}", ran.stderr);
    ran
}

#[test]
fn a_checkpoint_that_a_command_signs_is_in_its_log_and_can_be_verified_against() {
    let installation = Installation::new();
    let created = found(&installation, "acme");
    let logged = created.stderr.lines().find(|line| line.contains("\"novantra::checkpoint\"")).expect("a checkpoint");
    let retained = installation.folder().join("kept.json");
    fs::write(&retained, logged).unwrap();
    let verified = installation.json(&["audit", "verify", "--checkpoint", retained.to_str().unwrap()]);
    assert_eq!(verified["ok"], true, "{verified}");
}

#[test]
fn a_chain_that_cannot_be_sealed_keeps_no_other_from_it() {
    let installation = Installation::new();
    found(&installation, "broken");
    found(&installation, "whole");
    let database = rusqlite::Connection::open(installation.folder().join("data/novantra.db")).unwrap();
    database
        .execute_batch(
            "CREATE TRIGGER broken BEFORE INSERT ON audit_checkpoints \
             WHEN NEW.organization_id = (SELECT organization_id FROM organizations WHERE slug = 'broken') \
             BEGIN SELECT RAISE(ABORT, 'this chain is broken'); END",
        )
        .unwrap();
    let refused = create(&installation, "broken", "first");
    assert!(refused.stderr.contains("not sealed yet"), "{}", refused.stderr);
    let ran = create(&installation, "whole", "second");
    assert!(ran.stderr.contains("this chain is broken"), "{}", ran.stderr);
    for (workspace, unsealed) in [("broken", 1), ("whole", 0)] {
        let verified = installation.json(&["audit", "verify", "--workspace", workspace]);
        assert_eq!(verified["logs"][0]["unsealed"], unsealed, "{verified}");
    }
}

#[test]
fn entries_that_can_not_be_read_are_named_and_keep_no_other_chain_from_its_seal() {
    let installation = Installation::new();
    found(&installation, "broken");
    found(&installation, "whole");
    let database = rusqlite::Connection::open(installation.folder().join("data/novantra.db")).unwrap();
    // More entries than a sealer processes in one batch.
    database
        .execute_batch(
            "WITH RECURSIVE counted(number) AS (SELECT 1 UNION ALL SELECT number + 1 FROM counted WHERE number < 3000) \
             INSERT INTO audit_entries (organization_id, id, occurred_at, actor_kind, actor_name, action, changes, request_id) \
             SELECT o.id, printf('00000000000000000000%06d', number), 0, 'system', 'nobody', 'a.b', 'no changes', o.id \
             FROM organizations AS o, counted WHERE o.slug = 'broken'; \
             INSERT INTO audit_waiting (organization_id, id) \
             SELECT organization_id, id FROM audit_entries WHERE changes = 'no changes'",
        )
        .unwrap();
    let ran = create(&installation, "whole", "first");
    assert!(ran.status.success(), "{}", ran.stderr);
    assert!(ran.stderr.contains("00000000000000000000000001"), "{}", ran.stderr);
    for (workspace, unsealed) in [("broken", 3000), ("whole", 0)] {
        let verified = installation.json(&["audit", "verify", "--workspace", workspace]);
        assert_eq!(verified["logs"][0]["unsealed"], unsealed, "{verified}");
    }
}

#[test]
fn an_entry_that_was_removed_before_its_seal_is_missed() {
    let installation = Installation::new();
    found(&installation, "robbed");
    let database = rusqlite::Connection::open(installation.folder().join("data/novantra.db")).unwrap();
    let left = "INSERT INTO audit_waiting (organization_id, id) \
                SELECT id, '00000000000000000000000001' FROM organizations WHERE slug = 'robbed'";
    assert_eq!(database.execute(left, []).unwrap(), 1);
    let ran = create(&installation, "robbed", "first");
    assert!(ran.status.success(), "{}", ran.stderr);
    assert!(ran.stderr.contains("aud_00000000000000000000000001 is unsealed but no longer exists"), "{}", ran.stderr);
}

#[test]
fn an_entry_that_is_kept_from_waiting_for_its_seal_is_counted() {
    let installation = Installation::new();
    found(&installation, "hushed");
    let database = rusqlite::Connection::open(installation.folder().join("data/novantra.db")).unwrap();
    let hushed = "INSERT INTO audit_entries (organization_id, id, occurred_at, actor_kind, actor_name, action, changes, \
                  request_id) SELECT id, '00000000000000000000000001', 0, 'system', 'nobody', 'a.b', '[]', id \
                  FROM organizations WHERE slug = 'hushed'";
    assert_eq!(database.execute(hushed, []).unwrap(), 1);
    let verified = installation.json(&["audit", "verify", "--workspace", "hushed"]);
    assert_eq!(verified["logs"][0]["unsealed"], 1, "{verified}");
}

async fn unsealed(database: &Database) -> bool {
    database.cell("SELECT count(*) FROM audit_waiting").await != "0"
}

#[tokio::test(flavor = "multi_thread")]
async fn when_the_server_that_seals_is_killed_another_does_within_five_seconds() {
    let servers = Fleet::start(Installation::on_postgres().await, 2);
    let database = servers.installation().database().await;
    let credentials = servers.installation().account("scanner", &["governance.findings:write"]);
    // It is unknown which server seals, so each is killed once, and its last requests leave unsealed entries while it
    // may have the lease.
    for killed in [0, 1] {
        let clients = servers.clients(&credentials).await;
        for (index, client) in clients.iter().enumerate() {
            let created = client
                .post_once(FINDINGS, &format!("key-{killed}-{index}"), &finding(&format!("f-{killed}-{index}")))
                .await;
            assert_eq!(created.status, 201, "{}", created.body);
        }
        eventually("one of the servers seals", async || (!unsealed(&database).await).then_some(())).await;
        servers.kill(killed);
        let key = format!("orphan-{killed}");
        let written = Instant::now();
        assert_eq!(clients[1 - killed].post_once(FINDINGS, &key, &finding(&key)).await.status, 201);
        eventually("the other server seals", async || (!unsealed(&database).await).then_some(())).await;
        assert!(written.elapsed() < Duration::from_secs(5), "sealed after {:?}", written.elapsed());
        servers.start_again(killed);
    }
    verify(servers.installation());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sealer_that_slept_past_its_lease_spoils_no_chain() {
    let servers = Fleet::start(Installation::on_postgres().await, 2);
    let database = servers.installation().database().await;
    let credentials = servers.installation().account("scanner", &["governance.findings:write"]);
    let clients = servers.clients(&credentials).await;
    for turn in 0..4 {
        let (asleep, awake) = (turn % 2, 1 - turn % 2);
        // The server is suspended at an arbitrary moment, with entries to seal.
        for number in 0..20 {
            let key = format!("before-{turn}-{number}");
            assert_eq!(clients[asleep].post_once(FINDINGS, &key, &finding(&key)).await.status, 201);
        }
        servers.with(asleep, |server| server.signal("STOP"));
        let key = format!("meanwhile-{turn}");
        assert_eq!(clients[awake].post_once(FINDINGS, &key, &finding(&key)).await.status, 201);
        eventually("the other server seals", async || (!unsealed(&database).await).then_some(())).await;
        servers.with(asleep, |server| server.signal("CONT"));
    }
    eventually("every entry is sealed", async || (!unsealed(&database).await).then_some(())).await;
    verify(servers.installation());
}

fn verify(installation: &Installation) {
    let verified = installation.json(&["audit", "verify"]);
    assert_eq!(verified["ok"], true, "{verified}");
}
