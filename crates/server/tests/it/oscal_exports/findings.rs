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
    assert_eq!(import(&installation, "two", "results.json", "oscal-assessment-results"), [0, 0, 3, 0]);
    let kinds = ["finding", "risk"];
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
