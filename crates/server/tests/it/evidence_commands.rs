//! `novantra evidence …`: lists, reviews and withdrawals without a server.

use serde_json::Value;

use crate::{
    bundle_imports::{import, installation},
    support::Installation,
};

const BUNDLE: &str = r#"{"kind":"evidence-requirement","record":{"requirementKey":"restore","title":"Restore test","status":"active"}}
{"kind":"evidence-requirement","record":{"requirementKey":"access","title":"Access review","status":"active"}}
{"kind":"evidence-claim","record":{"claimKey":"one","evidenceRequirementKey":"restore","title":"One","validFrom":"2026-01-01"}}
{"kind":"evidence-claim","record":{"claimKey":"two","evidenceRequirementKey":"restore","title":"Two","validFrom":"2026-01-01","validUntil":"2026-01-02"}}
{"kind":"evidence-claim","record":{"claimKey":"three","evidenceRequirementKey":"access","title":"Three","validFrom":"2026-01-01","status":"approved"}}
"#;

fn evidence(installation: &Installation, arguments: &[&str]) -> (Option<i32>, String) {
    let ran = installation.run(&[&["evidence"][..], arguments, &["--workspace", "acme"]].concat());
    (ran.status.code(), ran.stdout + &ran.stderr)
}

fn keys(installation: &Installation, filters: &[&str]) -> Vec<String> {
    let arguments = [&["evidence", "list", "--workspace", "acme"][..], filters].concat();
    let listed = installation.run_json(&arguments);
    let claims = listed["claims"].as_array().expect("claims").iter();
    let mut keys: Vec<_> = claims.map(|claim| claim["claim_key"].as_str().expect("a key").to_owned()).collect();
    keys.sort();
    keys
}

fn show(installation: &Installation, claim: &str) -> Value {
    installation.run_json(&["evidence", "show", claim, "--workspace", "acme"])
}

fn acme() -> Installation {
    let installation = installation(&["acme"]);
    assert_eq!(import(&installation, "acme", BUNDLE, &[])["created"], 5);
    installation
}

#[test]
fn claims_are_listed_by_status_and_requirement() {
    let installation = acme();
    assert_eq!(keys(&installation, &[]), ["one", "three", "two"]);
    assert_eq!(keys(&installation, &["--status", "pending"]), ["one", "two"]);
    assert_eq!(keys(&installation, &["--status", "pending,approved", "--requirement", "access"]), ["three"]);
    assert_eq!(keys(&installation, &["--limit", "1"]).len(), 1);
    let (code, output) = evidence(&installation, &["list", "--requirement", "gone"]);
    assert_eq!((code, output.trim()), (Some(1), "novantra: there is no evidence requirement gone in this workspace"));
    let (code, output) = evidence(&installation, &["list", "--status", "lost"]);
    assert!(code == Some(2) && output.contains("pending, approved, rejected, expired, withdrawn"), "{output}");
}

#[test]
fn a_claim_is_named_by_its_key_or_its_identifier() {
    let installation = acme();
    let by_key = show(&installation, "one");
    assert_eq!((&by_key["status"], &by_key["source_kind"]), (&"pending".into(), &"manual".into()));
    assert_eq!(show(&installation, by_key["id"].as_str().expect("an id")), by_key);
    for absent in ["four", "evclm_01KSFQEHQ80000000000000002"] {
        let (code, output) = evidence(&installation, &["show", absent]);
        assert_eq!(code, Some(1));
        assert!(output.contains(&format!("there is no evidence claim {absent}")), "{output}");
    }
}

#[test]
fn a_decision_is_recorded_once_with_its_note_and_its_reason() {
    let installation = acme();
    let (code, output) = evidence(&installation, &["approve", "one", "--note", "Fine", "--reason", "Reviewed by Ann"]);
    assert_eq!(code, Some(0), "{output}");
    assert!(output.starts_with("one (evclm_") && output.trim_end().ends_with(") is approved"), "{output}");
    let approved = show(&installation, "one");
    assert_eq!((&approved["status"], &approved["review_note"]), (&"approved".into(), &"Fine".into()));
    assert!(approved["reviewed_at"].is_string());
    for command in ["approve", "reject"] {
        let (code, output) = evidence(&installation, &[command, "one"]);
        assert!(code == Some(1) && output.contains("allowed from here: expired, withdrawn"), "{output}");
    }
    assert_eq!(show(&installation, "one"), approved);
    let log = installation.run(&["audit", "export", "--workspace", "acme"]).stdout;
    let entry = log.lines().find(|line| line.contains("evidence_claim.approved")).expect("an entry");
    assert!(entry.contains("Reviewed by Ann") && entry.contains("novantra evidence approve"), "{entry}");
    assert_eq!(evidence(&installation, &["withdraw", "one", "--reason", "Repeated later"]).0, Some(0));
    assert_eq!(show(&installation, "one")["status"], "withdrawn");
    let (code, output) = evidence(&installation, &["withdraw", "one"]);
    assert!(code == Some(1) && output.contains("allowed from here: nothing"), "{output}");
}

#[test]
fn a_claim_whose_validity_has_ended_is_not_approved_and_an_invalid_argument_changes_nothing() {
    let installation = acme();
    let (code, output) = evidence(&installation, &["approve", "two"]);
    assert!(code == Some(1) && output.contains("ended at 2026-01-02T00:00:00.000Z"), "{output}");
    let (code, output) = evidence(&installation, &["reject", "two", "--reason", "short"]);
    assert!(code == Some(2) && output.contains("--reason must be 10 to 1000 characters"), "{output}");
    let (code, output) = evidence(&installation, &["reject", "two", "--note", "a\u{7}"]);
    assert!(code == Some(2) && output.contains("--note"), "{output}");
    assert_eq!(show(&installation, "two")["status"], "pending");
    assert_eq!(evidence(&installation, &["reject", "two"]).0, Some(0));
    assert_eq!(show(&installation, "two")["review_note"], Value::Null);
}
