//! Witnesses that cosign the installation's log, against one that is not ours.

mod witness;

use std::net::{IpAddr, Ipv4Addr};

use crate::support::{Client, CommandOutput, Installation, Server, Setup, eventually};

use witness::{TestWitness, open_note};

const COSIGNED: &str = "/api/v1/audit/log/checkpoint?cosigned=true";

/// An installation whose log witnesses follow.
struct Witnessed {
    installation: Installation,
    /// The setting of the witnesses.
    witnesses: String,
    /// The verifier key of the installation's log.
    log: String,
}

impl Witnessed {
    fn new(witnesses: &[&TestWitness]) -> Self {
        let settings: Vec<String> = witnesses.iter().map(|witness| witness.setting()).collect();
        let mut witnessed =
            Self { installation: Installation::new(), witnesses: settings.join(","), log: String::new() };
        let created = witnessed.run(&["workspace", "create", "--slug", "default", "--name", "Default"]);
        assert!(created.status.success(), "{}", created.stderr);
        let printed = witnessed.run(&["audit", "public-key", "--note", "--workspace", "-"]);
        assert!(printed.status.success(), "{}", printed.stderr);
        witnessed.log = printed.stdout.trim().to_owned();
        for witness in witnesses {
            witness.follow(&witnessed.log);
        }
        witnessed
    }

    /// Runs a command with the settings of the server.
    fn run(&self, arguments: &[&str]) -> CommandOutput {
        let mut program = self.installation.program();
        program.env("NOVANTRA_AUDIT_ORIGIN", "audit.example.org").env("NOVANTRA_AUDIT_WITNESSES", &self.witnesses);
        CommandOutput::from(program.args(arguments).output().expect("the program starts"))
    }

    fn start(&self) -> Server {
        Setup::with_installation(self.installation.clone())
            .set("AUDIT_ORIGIN", "audit.example.org")
            .set("AUDIT_WITNESSES", &self.witnesses)
            .set("AUDIT_WITNESS_INTERVAL", "1s")
            .start()
    }

    /// The entry of this action in the installation's log.
    fn entries(&self, action: &str) -> Vec<serde_json::Value> {
        let entries = self.installation.audit_entries("-");
        entries.into_iter().filter(|entry| entry["action"] == action).collect()
    }

    /// The lines of `check` about witnesses: whether each is right, and the message.
    fn check(&self) -> Vec<(bool, String)> {
        let checked = self.run(&["check", "--json"]);
        let document: serde_json::Value = serde_json::from_str(&checked.stdout).expect("a document");
        let checks = document["checks"].as_array().expect("checks").iter().filter(|check| check["about"] == "witness");
        checks.map(|check| (check["ok"] == true, check["message"].as_str().expect("a message").to_owned())).collect()
    }
}

/// Calls the server without credentials from an address of this machine, which is an entry of the installation's log.
async fn call_from(server: &Server, host: u8) {
    let address = IpAddr::from(Ipv4Addr::new(127, 0, host, 1));
    let client = reqwest::Client::builder().local_address(address).build().expect("a client");
    let answer = client.get(format!("{}/api/v1/governance/findings", server.url)).send().await.expect("an answer");
    assert_eq!(answer.status(), 401);
}

async fn auditor(server: &Server) -> Client {
    server.create_client("auditor", &["audit:read"]).await
}

/// Waits until the witness has cosigned more entries than this. Returns their number.
async fn cosigned_beyond(witness: &TestWitness, size: u64) -> u64 {
    eventually("the witness has cosigned the log", async || Some(witness.size()).filter(|now| *now > size)).await
}

#[tokio::test]
async fn witnesses_cosign_each_head_and_the_note_verifies_with_the_programs_of_others() {
    let (one, two) = (TestWitness::start("witness.example/one", 1), TestWitness::start("two", 2));
    let witnessed = Witnessed::new(&[&one, &two]);
    let server = witnessed.start();
    let client = auditor(&server).await;
    let mut size = 0;
    for round in 1..=3 {
        call_from(&server, round).await;
        size = cosigned_beyond(&one, size).await;
        let (noted, signatures) = eventually("the note with the cosignatures of both is served", async || {
            let answer = client.get(COSIGNED).await;
            if answer.status == 404 {
                return None;
            }
            assert_eq!(answer.status, 200, "{}", answer.body);
            let note = answer.body.as_str().expect("a note");
            Some(open_note(note, &witnessed.log, &[&one.vkey, &two.vkey])).filter(|(noted, _)| *noted >= size)
        })
        .await;
        assert_eq!(signatures, 3, "the log and both witnesses have signed the {noted} entries");
    }
    assert!(one.answers().iter().all(|status| *status == 200), "{:?}", one.answers());
    let own = client.get("/api/v1/audit/log/checkpoint").await;
    assert_ne!(own.body.as_str().unwrap().lines().next(), witnessed.log.split('+').next(), "that of the workspace");
    for (refused, status) in [("?cosigned=yes", 400), ("?cosigned=false", 200)] {
        assert_eq!(client.get(&format!("/api/v1/audit/log/checkpoint{refused}")).await.status, status, "{refused}");
    }
    let checked = witnessed.check();
    assert_eq!(checked.len(), 2, "{checked:?}");
    assert!(checked.iter().all(|(is_right, message)| *is_right && message.contains("has cosigned")), "{checked:?}");
    assert!(server.stop().success());
    let printed = witnessed.run(&["audit", "checkpoint", "--workspace", "-", "--cosigned"]);
    assert_eq!(open_note(&printed.stdout, &witnessed.log, &[&one.vkey, &two.vkey]).1, 3, "{}", printed.stderr);
    let other = witnessed.run(&["audit", "checkpoint", "--workspace", "default", "--cosigned"]);
    assert!(other.stderr.contains("--workspace -"), "{}", other.stderr);
}

#[tokio::test]
async fn an_entry_and_an_export_are_verified_offline_with_the_note_of_witnesses() {
    let (one, two) = (TestWitness::start("one", 1), TestWitness::start("two", 2));
    let witnessed = Witnessed::new(&[&one, &two]);
    let server = witnessed.start();
    call_from(&server, 1).await;
    let size = cosigned_beyond(&one, 0).await;
    let note = eventually("the note is stored", async || {
        let printed = witnessed.run(&["audit", "checkpoint", "--workspace", "-", "--cosigned"]);
        printed.status.success().then_some(printed.stdout).filter(|note| note.contains("— two "))
    })
    .await;
    let entry = witnessed.installation.audit_entries("-")[0].clone();
    let id = entry["id"].as_str().unwrap();
    let proved = witnessed.run(&["audit", "prove", id, "--workspace", "-", "--cosigned"]);
    assert!(proved.stdout.contains("— one ") && proved.stdout.contains("— two "), "{}{}", proved.stdout, proved.stderr);
    let refused = witnessed.run(&["audit", "prove", id, "--workspace", "default", "--cosigned"]);
    assert!(refused.stderr.contains("witnesses do not follow"), "{}", refused.stderr);
    assert!(size > 0 && server.stop().success());

    let folder = witnessed.installation.folder();
    let export = witnessed.run(&["audit", "export", "--workspace", "-"]);
    let pem = witnessed.run(&["audit", "public-key"]);
    std::fs::write(folder.join("export.jsonl"), &export.stdout).unwrap();
    std::fs::write(folder.join("cosigned.note"), &note).unwrap();
    let verify = |note: &str, keys: &[&str], cosigned: &str| {
        std::fs::write(folder.join("cosigned.note"), note).unwrap();
        std::fs::write(folder.join("keys"), format!("{}{}\n", pem.stdout, keys.join("\n"))).unwrap();
        let files = ["--file", "export.jsonl", "--public-key", "keys", "--checkpoint", "cosigned.note"];
        witnessed.run(&[&["audit", "verify", "--cosigned", cosigned][..], &files].concat())
    };
    let log = witnessed.log.as_str();
    for (keys, cosigned) in [(&[log][..], "0"), (&[log, &one.vkey], "1"), (&[log, &one.vkey, &two.vkey], "2")] {
        let verified = verify(&note, keys, cosigned);
        assert!(verified.status.success(), "{keys:?}: {}", verified.stderr);
    }
    let too_few = verify(&note, &[log, &one.vkey], "2");
    assert!(too_few.stderr.contains("1 of the 1 witnesses have cosigned it, and 2 must have"), "{}", too_few.stderr);
    let position = note.rfind("— two ").unwrap() + 40;
    let mut forged = note.clone();
    forged.replace_range(position..=position, if &note[position..=position] == "A" { "B" } else { "A" });
    let invalid = verify(&forged, &[log, &one.vkey, &two.vkey], "0");
    assert!(invalid.stderr.contains("the signature of two"), "{}", invalid.stderr);
    assert!(verify(&forged, &[log, &one.vkey], "1").status.success(), "those of others do not matter");
}

#[tokio::test]
async fn a_database_that_is_set_back_is_found_by_the_witness() {
    let witness = TestWitness::start("witness", 1);
    let witnessed = Witnessed::new(&[&witness]);
    let data = witnessed.installation.folder().join("data/novantra.db");
    let server = witnessed.start();
    call_from(&server, 1).await;
    let first = cosigned_beyond(&witness, 0).await;
    assert!(server.stop().success());
    let earlier = std::fs::read(&data).unwrap();
    let server = witnessed.start();
    call_from(&server, 2).await;
    call_from(&server, 3).await;
    cosigned_beyond(&witness, first + 1).await;
    assert!(server.stop().success());
    std::fs::write(&data, earlier).unwrap();
    let server = witnessed.start();
    eventually("the conflict is recorded", async || {
        (!witnessed.entries("audit.witness_conflict").is_empty()).then_some(())
    })
    .await;
    assert!(!witnessed.check()[0].0);
    // The log grows beyond what the witness has seen, but does not continue it.
    for host in 4..8 {
        call_from(&server, host).await;
    }
    witnessed.installation.wait_until_sealed().await;
    assert!(server.stop().success());
    let server = witnessed.start();
    eventually("the other tree is recorded", async || {
        let recorded = witnessed.entries("audit.witness_conflict");
        recorded.iter().any(|entry| entry["changes"].to_string().contains("other tree")).then_some(())
    })
    .await;
    assert!(server.stop().success());
}

#[tokio::test]
async fn nothing_waits_for_a_witness_that_does_not_answer_and_another_one_cosigns_meanwhile() {
    let (hanging, answering) = (TestWitness::start("hanging", 1), TestWitness::start("answering", 2));
    hanging.memory.lock().unwrap().hangs = true;
    let witnessed = Witnessed::new(&[&hanging, &answering]);
    let server = witnessed.start();
    call_from(&server, 1).await;
    cosigned_beyond(&answering, 0).await;
    // The request to the other one is still open.
    witnessed.installation.wait_until_sealed().await;
    let stopping = std::time::Instant::now();
    assert!(server.stop().success());
    assert!(stopping.elapsed() < std::time::Duration::from_secs(8), "the shutdown waited for a witness");
}

#[tokio::test]
async fn a_witness_that_is_away_is_reported_and_asked_again_when_it_is_back() {
    let away = TestWitness::start("away", 1);
    let witnessed = Witnessed::new(&[&away]);
    let log = std::mem::take(&mut away.memory.lock().unwrap().logs);
    let server = witnessed.start();
    call_from(&server, 1).await;
    eventually("the witness has refused twice", async || (away.answers() == [404, 404]).then_some(())).await;
    let [(is_right, message)] = &*witnessed.check() else { panic!("one witness") };
    assert!(!is_right && message.contains("has not cosigned"), "{message}");
    assert!(server.log().contains("follows no log with the name audit.example.org/"), "{}", server.log());
    away.memory.lock().unwrap().logs = log;
    cosigned_beyond(&away, 0).await;
}

#[tokio::test]
async fn a_witness_with_another_size_is_sent_the_proof_from_there() {
    let witness = TestWitness::start("witness", 1);
    let witnessed = Witnessed::new(&[&witness]);
    let server = witnessed.start();
    call_from(&server, 1).await;
    let first = cosigned_beyond(&witness, 0).await;
    let earlier = witness.memory.lock().unwrap().trees.clone();
    call_from(&server, 2).await;
    cosigned_beyond(&witness, first).await;
    assert!(server.stop().success());
    // The witness was restored from a backup, so the size that is stored here is not that it has.
    witness.memory.lock().unwrap().trees = earlier;
    witness.memory.lock().unwrap().answers.clear();
    let server = witnessed.start();
    call_from(&server, 3).await;
    cosigned_beyond(&witness, first).await;
    assert_eq!(witness.answers()[..2], [409, 200]);
    assert!(server.stop().success());
}

#[tokio::test]
async fn a_witness_that_has_seen_a_larger_tree_is_recorded_once_and_not_asked_again() {
    let witness = TestWitness::start("witness", 1);
    let witnessed = Witnessed::new(&[&witness]);
    let origin = witnessed.log.split('+').next().unwrap().to_owned();
    witness.memory.lock().unwrap().trees.insert(origin, (1_000_000, tlog_tiles::Hash([7; 32])));
    for start in 1..=2 {
        let server = witnessed.start();
        for call in 0..3 {
            call_from(&server, 10 * start + call).await;
            witnessed.installation.wait_until_sealed().await;
        }
        eventually("the conflict is recorded", async || {
            (!witnessed.entries("audit.witness_conflict").is_empty()).then_some(())
        })
        .await;
        let [(is_right, message)] = &*witnessed.check() else { panic!("one witness") };
        assert!(!is_right && message.contains("1000000 entries"), "{message}");
        assert!(server.stop().success());
    }
    let recorded = witnessed.entries("audit.witness_conflict");
    assert_eq!(recorded.len(), 1, "{recorded:?}");
    let changes = recorded[0]["changes"].to_string();
    assert!(
        changes.contains("larger tree") && changes.contains("1000000") && changes.contains(&witness.vkey),
        "{changes}"
    );
    assert_eq!(witness.answers(), [409], "it was asked once, and not after the start of another server");
}

#[tokio::test]
async fn a_witness_with_another_tree_is_recorded() {
    let witness = TestWitness::start("witness", 1);
    let witnessed = Witnessed::new(&[&witness]);
    let origin = witnessed.log.split('+').next().unwrap().to_owned();
    witness.memory.lock().unwrap().trees.insert(origin, (1, tlog_tiles::Hash([7; 32])));
    let server = witnessed.start();
    call_from(&server, 1).await;
    let recorded = eventually("the conflict is recorded", async || {
        Some(witnessed.entries("audit.witness_conflict")).filter(|recorded| !recorded.is_empty())
    })
    .await;
    assert!(recorded[0]["changes"].to_string().contains("other tree"), "{recorded:?}");
    assert!(!witnessed.check()[0].0);
    assert!(witness.answers().ends_with(&[422]) || witness.answers().ends_with(&[409, 409]), "{:?}", witness.answers());
    assert!(server.stop().success());
}

#[tokio::test]
async fn a_signature_of_something_else_is_not_stored() {
    let witness = TestWitness::start("witness", 1);
    witness.memory.lock().unwrap().signs_wrongly = true;
    let witnessed = Witnessed::new(&[&witness]);
    let server = witnessed.start();
    call_from(&server, 1).await;
    cosigned_beyond(&witness, 0).await;
    eventually("it is logged", async || server.log().contains("its signature is invalid").then_some(())).await;
    let client = auditor(&server).await;
    let answer = client.get(COSIGNED).await;
    assert_eq!(answer.status, 404, "{}", answer.body);
    assert!(answer.body.to_string().contains("no witness has cosigned"), "{}", answer.body);
}

#[tokio::test]
async fn a_note_that_was_written_to_the_table_is_neither_served_nor_counted() {
    let (witness, forger) = (TestWitness::start("witness", 1), TestWitness::start("witness", 2));
    let witnessed = Witnessed::new(&[&witness]);
    let server = witnessed.start();
    call_from(&server, 1).await;
    let size = cosigned_beyond(&witness, 0).await;
    let stored = async || {
        let printed = witnessed.run(&["audit", "checkpoint", "--workspace", "-", "--cosigned"]);
        if printed.status.success() { Ok(printed.stdout) } else { Err(printed.stderr) }
    };
    let note = eventually("the note is stored", async || stored().await.ok()).await;
    assert!(server.stop().success());
    let database = rusqlite::Connection::open(witnessed.installation.folder().join("data/novantra.db")).unwrap();
    let replace = |note: &str| {
        let changed = database.execute("UPDATE audit_cosignatures SET note = ?1", [note.as_bytes()]).unwrap();
        assert_eq!(changed, 1);
    };
    let (text, signatures) = note.split_once("\n\n").unwrap();
    let of_log = signatures.lines().next().unwrap();
    let forgeries = [
        note.replace(&format!("\n{size}\n"), "\n1000000\n"),
        format!("{text}\n\n{of_log}\n"),
        format!("{text}\n\n{}\n", signatures.lines().nth(1).unwrap()),
        "nonsense".to_owned(),
    ];
    for forgery in &forgeries {
        assert_ne!(*forgery, note);
        replace(forgery);
        let error = stored().await.unwrap_err();
        assert!(error.contains("no witness has cosigned"), "{forgery}: {error}");
        let [(is_right, message)] = &*witnessed.check() else { panic!("one witness") };
        assert!(!is_right && message.contains("is not by this witness"), "{forgery}: {message}");
    }
    // The next server finds out from the witness what it has cosigned.
    let server = witnessed.start();
    call_from(&server, 2).await;
    cosigned_beyond(&witness, size).await;
    eventually("a genuine note is stored", async || stored().await.ok()).await;
    assert!(server.stop().success());
    // With the key of another witness of the same name, nothing of the first one counts.
    let other =
        Witnessed { witnesses: forger.setting(), installation: witnessed.installation.clone(), log: String::new() };
    let printed = other.run(&["audit", "checkpoint", "--workspace", "-", "--cosigned"]);
    assert!(printed.stderr.contains("no witness has cosigned"), "{}", printed.stderr);
}
