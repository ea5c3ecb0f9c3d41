//! Findings, risks and assessments as plans of action and assessment results.

use serde_json::{Value, json};

use super::{PLAN, RESULTS, export, import, line, real_files, records, report};
use crate::{
    bundle_imports::{counts, create_workspaces, import as import_bundle, installation},
    support::Installation,
};

/// Findings of every status and severity, risks of every status, and assessments of every status.
fn findings_and_risks() -> String {
    let mut lines = String::new();
    let severities = ["info", "low", "medium", "high", "critical"];
    let statuses =
        ["open", "triaged", "remediation_planned", "remediating", "verified", "closed", "accepted", "archived"];
    for (index, status) in statuses.iter().enumerate() {
        let severity = severities[index % severities.len()];
        let mut finding = json!({ "findingKey": format!("java.sqli:{index}"), "title": format!("Finding {index}"),
            "severity": severity, "status": status, "sourceKind": "module_signal" });
        let members = finding.as_object_mut().expect("an object");
        if index % 2 == 0 {
            members.extend(json!({ "description": "One\r\n\ntwo.", "dueAt": "2026-06-24T14:00:00.000Z", "sourceModuleKey": "semgrep",
                "sourceScope": "portal", "sourceResourceType": "rule", "sourceResourceId": "java.sqli",
                "subjectModuleKey": "code", "subjectResourceType": "location", "subjectResourceId": "a b.java:7",
                "ownerResponsibilityId": "resp-1", "ownerMemberUserId": "user-1" })
                .as_object().expect("an object").clone());
        }
        lines += &line("finding", &finding);
    }
    for (index, status) in
        ["draft", "identified", "assessed", "under-treatment", "accepted", "closed", "archived"].iter().enumerate()
    {
        let risk = json!({ "riskKey": format!("RSK-{index}"), "title": "A risk", "status": status, "description": "What may happen." });
        lines += &line("risk", &risk);
    }
    let risk = json!({ "riskKey": "e174dfb9-0ae3-4a8f-8e7c-081527b84337", "title": "Whole", "subjectModuleKey": "assets",
        "subjectResourceType": "asset", "subjectResourceId": "core", "subjectVersionId": "7",
        "ownerResponsibilityAssignmentId": "resp-2" });
    lines + &line("risk", &risk)
}

fn check_plan(installation: &Installation) {
    create_workspaces(installation, &["one", "two"]);
    let bundle = findings_and_risks();
    assert_eq!(counts(&import_bundle(installation, "one", &bundle, &[])), [16, 0, 0, 0]);
    let plan = export(installation, "one", PLAN, "plan.json");
    assert_eq!(import(installation, "two", "plan.json", "oscal-poam"), [16, 0, 0, 0]);
    let kinds = ["finding", "risk"];
    assert_eq!(records(installation, "two", &kinds), records(installation, "one", &kinds));
    assert_eq!(import(installation, "one", "plan.json", "oscal-poam"), [0, 0, 16, 0]);
    let plan = &plan["plan-of-action-and-milestones"];
    assert_eq!(plan["risks"].as_array().map(Vec::len), Some(16), "each finding has a risk of its own");
    assert_eq!(plan["poam-items"].as_array().map(Vec::len), Some(8));
    assert!(
        plan["risks"]
            .as_array()
            .is_some_and(|risks| { risks.iter().any(|risk| risk["uuid"] == "e174dfb9-0ae3-4a8f-8e7c-081527b84337") })
    );
}

#[test]
fn a_plan_of_action_carries_findings_and_risks_of_every_status_into_an_empty_workspace() {
    check_plan(&Installation::new());
}

#[tokio::test]
async fn a_plan_of_action_is_the_same_from_postgresql() {
    check_plan(&Installation::with_new_postgres().await);
}

#[test]
fn the_plan_and_the_results_of_nist_return_as_they_were_imported() {
    let Some(folder) = real_files() else { return };
    let path = |name: &str| folder.join(name).display().to_string();
    let installation = installation(&["one", "two"]);
    for (format, file) in [
        ("oscal-poam", "oscal-poam-example.json"),
        ("oscal-assessment-results", "oscal-assessment-results-example.json"),
    ] {
        installation.run(&["import", format, &path(file), "--workspace", "one"]);
    }
    export(&installation, "one", PLAN, "plan.json");
    assert_eq!(import(&installation, "two", "plan.json", "oscal-poam"), [6, 0, 0, 0]);
    export(&installation, "one", RESULTS, "results.json");
    // The plan has the findings and the risks already, but no evidence: three observations for two requirements.
    assert_eq!(import(&installation, "two", "results.json", "oscal-assessment-results"), [5, 0, 5, 0]);
    let kinds = ["finding", "risk", "evidence-requirement", "evidence-claim"];
    assert_eq!(records(&installation, "two", &kinds), records(&installation, "one", &kinds));
}

#[test]
fn assessment_results_carry_the_assessments_with_their_findings() {
    let installation = installation(&["one", "two", "three"]);
    let mut bundle = String::new();
    for (index, status) in ["planned", "in-progress", "completed", "superseded", "archived"].iter().enumerate() {
        let assessment = json!({ "assessmentKey": format!("ASM-{index}"), "title": "Review", "description": "All.", "status": status,
            "completedAt": (index > 1).then_some("2026-05-01T00:00:00.000Z"), "subjectModuleKey": "controls",
            "subjectResourceType": "control", "subjectResourceId": "CTL-1", "assessorResponsibilityAssignmentId": "resp-1" });
        bundle += &line("assessment", &assessment);
    }
    let finding = |key: &str, source: Value, kind: &str| {
        line(
            "finding",
            &json!({ "findingKey": key, "title": key, "severity": "high", "sourceKind": kind,
            "sourceModuleKey": "assessments", "sourceResourceType": "assessment", "sourceResourceId": source,
            "dueAt": "2026-06-24T14:00:00.000Z" }),
        )
    };
    let of_assessments = [
        finding("F-1", json!("ASM-1"), "assessment"),
        finding("F-2", json!("ASM-1"), "assessment"),
        finding("F-3", json!("ASM-4"), "assessment"),
        finding("F-4", json!("elsewhere"), "assessment"),
        finding("F-5", Value::Null, "assessment"),
    ];
    bundle += &of_assessments.concat();
    bundle += &finding("F-6", json!("ASM-1"), "audit");
    bundle += &line("risk", &json!({ "riskKey": "RSK-1", "title": "A risk" }));
    assert_eq!(counts(&import_bundle(&installation, "one", &bundle, &[])), [12, 0, 0, 0]);
    let document = export(&installation, "one", RESULTS, "results.json");
    let results = document["assessment-results"]["results"].as_array().expect("results");
    let findings: Vec<usize> = results.iter().map(|result| result["findings"].as_array().map_or(0, Vec::len)).collect();
    assert_eq!(findings, [0, 2, 0, 0, 1, 2], "the last result has the findings of other assessments");
    assert_eq!(import(&installation, "two", "results.json", "oscal-assessment-results"), [10, 0, 0, 0]);
    assert_eq!(records(&installation, "two", &["assessment"]), records(&installation, "one", &["assessment"]));
    let all = records(&installation, "one", &["finding"]);
    let expected: String = all.lines().filter(|line| !line.contains("F-6")).map(|line| format!("{line}\n")).collect();
    assert_eq!(records(&installation, "two", &["finding"]), expected);
    assert_eq!(report(&installation, "one", RESULTS)["lost"][0]["kind"], "risk");

    let of_one = [RESULTS, &["--assessment", "ASM-1"]].concat();
    let document = export(&installation, "one", &of_one, "one.json");
    let results = document["assessment-results"]["results"].as_array().expect("results");
    assert_eq!((results.len(), results[0]["findings"].as_array().map(Vec::len)), (1, Some(2)));
    assert_eq!(import(&installation, "three", "one.json", "oscal-assessment-results"), [3, 0, 0, 0]);
}

/// An assessment of a control, a finding of it with a risk, and evidence for two requirements.
fn assessed_control() -> String {
    let requirement = |key: &str, subject: [&str; 3]| {
        line(
            "evidence-requirement",
            &json!({ "requirementKey": key, "title": key, "description": "One.\n\nTwo.", "status": "retired",
            "subjectModuleKey": subject[0], "subjectResourceType": subject[1], "subjectResourceId": subject[2] }),
        )
    };
    [
        line(
            "control",
            &json!({ "controlKey": "CTL-1", "title": "C", "subjectModuleKey": "frameworks",
            "subjectResourceType": "framework-node", "subjectResourceId": "AC-2(1)" }),
        ),
        line(
            "assessment",
            &json!({ "assessmentKey": "ASM-1", "title": "A", "status": "completed",
            "completedAt": "2020-05-01T00:00:00.000Z", "subjectModuleKey": "controls", "subjectResourceType": "control",
            "subjectResourceId": "CTL-1" }),
        ),
        line("assessment", &json!({ "assessmentKey": "ASM-2", "title": "A", "status": "planned" })),
        line(
            "finding",
            &json!({ "findingKey": "F-1", "title": "F", "severity": "high", "sourceKind": "assessment",
            "sourceModuleKey": "assessments", "sourceResourceType": "assessment", "sourceResourceId": "ASM-1",
            "subjectModuleKey": "oscal", "subjectResourceType": "objective-id", "subjectResourceId": "ac-2.1_obj" }),
        ),
        line(
            "risk",
            &json!({ "riskKey": "RSK-1", "title": "R", "subjectModuleKey": "findings", "subjectResourceType": "finding",
            "subjectResourceId": "F-1" }),
        ),
        line("risk", &json!({ "riskKey": "RSK-2", "title": "R" })),
        requirement("REQ-1", ["assessments", "assessment", "ASM-1"]),
        requirement("REQ-2", ["oscal", "objective-id", "ac-2.1_obj"]),
        line(
            "evidence-claim",
            &json!({ "claimKey": "C-1", "evidenceRequirementKey": "REQ-1", "title": "C", "description": "One.\n\nTwo.",
            "status": "rejected", "validFrom": "2026-05-01", "validUntil": "2036-05-01", "sourceKind": "integration",
            "sourceReference": "backup job/88123", "reviewedAt": "2026-05-02T00:00:00.000Z", "reviewNote": "No.\n\nWhy?" }),
        ),
        line(
            "evidence-claim",
            &json!({ "claimKey": "0c4de4fc-9bde-46af-b6fe-3b5e78194dcf", "evidenceRequirementKey": "REQ-2", "title": "D",
            "validFrom": "2026-05-01", "sourceReference": "https://example.org/a" }),
        ),
    ]
    .concat()
}

fn check_evidence(installation: &Installation) {
    create_workspaces(installation, &["one", "two"]);
    assert_eq!(counts(&import_bundle(installation, "one", &assessed_control(), &[])), [10, 0, 0, 0]);
    let document = export(installation, "one", RESULTS, "results.json");
    let document = &document["assessment-results"];
    let results = document["results"].as_array().expect("results");
    let text = |value: &Value| value.as_str().expect("a text").to_owned();
    for result in results.iter().filter(|result| result["end"].is_string()) {
        assert!(text(&result["start"]) <= text(&result["end"]), "{result}");
    }
    assert_eq!(
        results[0]["reviewed-controls"],
        json!({ "control-selections": [{ "include-controls": [{ "control-id": "ac-2.1" }] }] })
    );
    assert_eq!(results[1]["reviewed-controls"]["control-selections"], json!([{ "include-all": {} }]));
    let observations: Vec<usize> =
        results.iter().map(|result| result["observations"].as_array().map_or(0, Vec::len)).collect();
    assert_eq!(observations, [1, 0, 1], "the evidence of no assessment is in the last result");
    assert_eq!(
        results[0]["observations"][0]["relevant-evidence"][0]["description"],
        "The source of the evidence: backup job/88123"
    );
    let resources = document["back-matter"]["resources"].as_array().expect("resources");
    let subject = &results[0]["observations"][0]["subjects"][0]["subject-uuid"];
    assert!(resources.iter().any(|resource| resource["title"] == "REQ-1" && resource["uuid"] == *subject));
    let finding = &results[0]["findings"][0];
    assert_eq!(
        finding["related-observations"],
        json!([{ "observation-uuid": "0c4de4fc-9bde-46af-b6fe-3b5e78194dcf" }])
    );
    let risks = results[0]["risks"].as_array().expect("risks");
    let risk = risks.iter().find(|risk| risk["title"] == "R").expect("the risk of the register");
    assert!(finding["related-risks"].as_array().expect("relations").contains(&json!({ "risk-uuid": risk["uuid"] })));
    assert_eq!(import(installation, "two", "results.json", "oscal-assessment-results"), [8, 0, 0, 0]);
    let kinds = ["assessment", "finding", "evidence-requirement", "evidence-claim"];
    assert_eq!(records(installation, "two", &kinds), records(installation, "one", &kinds));
    assert!(records(installation, "one", &["risk"]).contains(&records(installation, "two", &["risk"])));
    let report = report(installation, "one", RESULTS);
    let made_up: Vec<(String, u64)> = report["madeUp"]
        .as_array()
        .expect("statements")
        .iter()
        .map(|made_up| (text(&made_up["member"]), made_up["count"].as_u64().expect("a number")))
        .collect();
    let expected = [("import-ap", 1), ("start", 3), ("reviewed-controls", 2), ("methods", 2)];
    assert_eq!(made_up, expected.map(|(member, count)| (member.to_owned(), count)));
    assert_eq!(
        (&report["lost"][0]["kind"], &report["lost"][0]["count"]),
        (&json!("risk"), &json!(1)),
        "one risk is about no finding"
    );
    let plan = export(installation, "one", PLAN, "plan.json");
    let relations = plan["plan-of-action-and-milestones"]["poam-items"][0]["related-risks"].as_array().map(Vec::len);
    assert_eq!(relations, Some(2), "its own, and that of the register");
}

#[test]
fn assessment_results_carry_evidence_and_the_risks_of_findings_into_an_empty_workspace() {
    check_evidence(&Installation::new());
}

#[tokio::test]
async fn assessment_results_with_evidence_are_the_same_from_postgresql() {
    check_evidence(&Installation::with_new_postgres().await);
}

#[test]
fn a_finding_that_the_server_has_closed_or_found_to_be_a_duplicate_loses_that() {
    let installation = installation(&["one"]);
    let finding = |key: &str, status: &str| {
        line(
            "finding",
            &json!({ "findingKey": key, "title": "T ", "severity": "low", "status": status, "sourceKind": "manual",
            "ownerMemberUserId": " u" }),
        )
    };
    import_bundle(&installation, "one", &(finding("a", "closed") + &finding("b", "open")), &[]);
    export(&installation, "one", PLAN, "plan.json");
    let lost: Vec<String> = report(&installation, "one", PLAN)["lost"]
        .as_array()
        .expect("losses")
        .iter()
        .map(|loss| format!("{} {}", loss["field"], loss["count"]).replace('"', ""))
        .collect();
    assert_eq!(lost, ["title 2", "ownerMemberUserId 2", "closedAt 1"]);
}
