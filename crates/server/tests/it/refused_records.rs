//! Records that imports refuse although each of their fields is valid.

use serde_json::{Value, json};

use crate::bundle_imports::{counts, import, installation, line};

fn messages(summary: &Value) -> Vec<String> {
    let failures = summary["failures"].as_array().expect("failures").iter();
    failures.map(|failure| failure["message"].as_str().expect("a message").to_owned()).collect()
}

fn with(record: &Value, changes: &Value) -> Value {
    let mut record = record.clone();
    record.as_object_mut().expect("an object").extend(changes.as_object().expect("an object").clone());
    record
}

#[tokio::test]
async fn values_that_are_not_plausible_are_refused_and_other_lines_are_imported() {
    let installation = installation(&["made"]);
    let (early, late) = ("2026-05-25", "2026-05-26");
    let parents = line(
        "asset",
        &json!({ "assetKey": "a", "assetKind": "k", "displayName": "A", "description": "", "sourceKind": "s" }),
    ) + &line("evidence-requirement", &json!({ "requirementKey": "r", "title": "R", "description": "" }))
        + &line("monitor-definition", &json!({ "monitorKey": "m", "title": "M", "description": "" }));
    assert_eq!(counts(&import(&installation, "made", &parents, &[])), [3, 0, 0, 0]);
    let exception =
        json!({ "exceptionKey": "e", "title": "E", "exceptionKind": "k", "validFrom": early, "validUntil": late });
    let vulnerability =
        json!({ "vulnerabilityKey": "v", "vulnerabilityKind": "cve", "title": "V", "severity": "high" });
    let custody = json!({ "assetKey": "a", "assignmentKey": "c", "assignmentKind": "primary", "startedAt": late });
    let asset = json!({
        "assetKey": "b", "assetKind": "k", "displayName": "B", "description": "", "sourceKind": "s", "commissionedAt": late,
    });
    let claim = json!({ "claimKey": "c", "evidenceRequirementKey": "r", "title": "C", "validFrom": late });
    let run = json!({
        "monitorDefinitionKey": "m", "triggerKind": "scheduled", "aggregateResult": "pass", "passCount": 1, "failCount": 0,
        "warningCount": 0, "unknownCount": 0, "startedAt": late,
    });
    let cases = [
        (
            "exception",
            &exception,
            json!({ "validUntil": early }),
            "validUntil: must be after the beginning of the validity",
        ),
        ("vulnerability", &vulnerability, json!({ "cvssScore": "10.1" }), "cvssScore: must be from 0 to 10"),
        ("vulnerability", &vulnerability, json!({ "cvssScore": "-0.1" }), "cvssScore: must be from 0 to 10"),
        (
            "custody-assignment",
            &custody,
            json!({ "endedAt": early }),
            "endedAt: must not be before the beginning of the assignment",
        ),
        (
            "asset",
            &asset,
            json!({ "decommissionedAt": early }),
            "decommissionedAt: must not be before the time at which the asset was put into use",
        ),
        (
            "evidence-claim",
            &claim,
            json!({ "validUntil": late }),
            "validUntil: must be after the beginning of the validity",
        ),
        ("monitor-run", &run, json!({ "finishedAt": early }), "finishedAt: must not be before the start of the run"),
        ("monitor-run", &run, json!({ "failCount": -1 }), "failCount: must be at least 0"),
    ];
    for (kind, record, changes, message) in &cases {
        let text = line(kind, &with(record, changes))
            + &line("control", &json!({ "controlKey": "k", "title": "K", "description": "" }));
        let dry_run = import(&installation, "made", &text, &["--dry-run"]);
        assert_eq!((messages(&dry_run), counts(&dry_run)[3]), (vec![(*message).to_owned()], 1), "{kind}");
        let summary = import(&installation, "made", &text, &[]);
        assert_eq!((messages(&summary), counts(&summary)[3]), (vec![(*message).to_owned()], 1), "{kind}");
    }
    let plausible = [
        ("vulnerability", &vulnerability, json!({ "cvssScore": "10.0" })),
        ("custody-assignment", &custody, json!({ "endedAt": late })),
        ("asset", &asset, json!({ "decommissionedAt": late })),
        ("exception", &exception, json!({})),
        ("monitor-run", &run, json!({ "finishedAt": late })),
    ];
    let text: String = plausible.iter().map(|(kind, record, changes)| line(kind, &with(record, changes))).collect();
    assert_eq!(counts(&import(&installation, "made", &text, &[])), [5, 0, 0, 0]);
    let reversed = line("exception", &with(&exception, &json!({ "validUntil": early })));
    assert_eq!(counts(&import(&installation, "made", &reversed, &[])), [0, 0, 0, 1], "an update is checked, too");
}

#[tokio::test]
async fn a_claim_that_was_decided_about_is_not_changed_by_an_import() {
    let installation = installation(&["made"]);
    let requirement = line(
        "evidence-requirement",
        &json!({ "requirementKey": "r", "title": "R", "description": "", "status": "active" }),
    );
    let claim = |key: &str| json!({ "claimKey": key, "evidenceRequirementKey": "r", "title": "Title", "validFrom": "2026-01-01" });
    let text = ["approved", "rejected", "withdrawn", "pending"].map(|key| line("evidence-claim", &claim(key))).concat();
    assert_eq!(counts(&import(&installation, "made", &(requirement + &text), &[])), [5, 0, 0, 0]);
    for (command, key) in [("approve", "approved"), ("reject", "rejected"), ("withdraw", "withdrawn")] {
        installation.run_json(&["evidence", command, key, "--workspace", "made"]);
    }
    assert_eq!(counts(&import(&installation, "made", &text, &[])), [0, 0, 4, 0], "unchanged lines pass");
    for changes in [
        json!({ "title": "Another" }),
        json!({ "validUntil": "2036-01-01" }),
        json!({ "validFrom": "2026-01-02" }),
        json!({ "sourceReference": "elsewhere" }),
    ] {
        let lines =
            ["approved", "rejected", "withdrawn"].map(|key| line("evidence-claim", &with(&claim(key), &changes)));
        let summary = import(&installation, "made", &lines.concat(), &[]);
        assert_eq!(counts(&summary), [0, 0, 0, 3], "{changes}");
        for (message, status) in messages(&summary).iter().zip(["approved", "rejected", "withdrawn"]) {
            let expected = format!("an evidence claim with status {status} is not changed by imports");
            assert!(message.starts_with(&expected), "{message}");
        }
    }
    let pending = line("evidence-claim", &with(&claim("pending"), &json!({ "title": "Another" })));
    assert_eq!(counts(&import(&installation, "made", &pending, &[])), [0, 1, 0, 0]);
}
