//! Tests of OSCAL assessment results and plans of action.

use std::fs;

use kernel::Kind;
use novantra_import::{
    Document,
    oscal::{read_assessment_results, read_plan_of_action},
};
use serde_json::{Value, json};

use crate::{
    drafts::{assert_whole, failures, field, of_kind, repairs, stated, with_members},
    support::test_data,
};

fn metadata() -> Value {
    json!({ "title": "t", "version": "1", "oscal-version": "1.1.2" })
}

fn results(result: Value) -> Document {
    let file = json!({ "assessment-results": { "uuid": "ar-1", "metadata": metadata(), "results": [result] } });
    let document = read_assessment_results(file.to_string().as_bytes()).expect("assessment results");
    assert_whole(&document);
    document
}

fn plan(members: Value) -> Document {
    let plan = with_members(json!({ "uuid": "plan-1", "metadata": metadata() }), members);
    let file = json!({ "plan-of-action-and-milestones": plan });
    let document = read_plan_of_action(file.to_string().as_bytes()).expect("a plan");
    assert_whole(&document);
    document
}

#[test]
fn the_assessment_results_of_nist_become_a_finding_and_a_risk() {
    let Some(folder) = test_data() else { return };
    let bytes = fs::read(folder.join("oscal-assessment-results-example.json")).unwrap();
    let document = read_assessment_results(&bytes).unwrap();
    assert_whole(&document);
    assert_eq!((failures(&document), document.repair_count), (vec![], 0));
    assert_eq!(
        document.warnings,
        ["the subjects and origins of 2 observations are not imported: no record holds them"]
    );
    assert_eq!(
        ["subjectModuleKey", "subjectResourceType", "subjectResourceId"]
            .map(|name| field(of_kind(&document, Kind::Risk)[0], name)),
        ["findings", "finding", "45d8a6c2-1368-4bad-9ba0-7141f0a32889"]
    );
    let claims: Vec<_> = of_kind(&document, Kind::EvidenceClaim)
        .into_iter()
        .map(|claim| ["claimKey", "evidenceRequirementKey", "validFrom", "validUntil"].map(|name| field(claim, name)))
        .collect();
    assert_eq!(
        claims,
        [
            [
                "8807eb6e-0c05-43bc-8438-799739615e34",
                "oscal:ac-6.1_obj",
                "2023-06-02T12:31:20.000Z",
                "2023-07-01T04:00:00.000Z"
            ],
            [
                "4a2fb32e-9be9-43cf-b717-e9e47de061bd",
                "oscal:observations",
                "2023-06-02T12:31:20.000Z",
                "2023-07-01T04:00:00.000Z"
            ],
        ]
    );
    let [risk, finding] =
        [Kind::Risk, Kind::Finding].map(|kind| <[_; 1]>::try_from(of_kind(&document, kind)).unwrap()[0]);
    assert_eq!(field(risk, "riskKey"), "0cfa750e-3553-47ba-a7ba-cf84a884d261");
    assert_eq!(field(risk, "status"), "identified");
    assert!(field(risk, "description").contains("\n\nAn account without proper least privilege"));
    assert_eq!(
        [
            "findingKey",
            "severity",
            "status",
            "sourceKind",
            "sourceResourceId",
            "subjectResourceType",
            "subjectResourceId"
        ]
        .map(|name| field(finding, name)),
        [
            "45d8a6c2-1368-4bad-9ba0-7141f0a32889",
            "medium",
            "",
            "assessment",
            "ec0dad37-54e0-40fd-a925-6d0bdea94c0d",
            "objective-id",
            "ac-6.1_obj",
        ]
    );
}

#[test]
fn the_plan_of_action_of_nist_becomes_two_findings_and_two_risks() {
    let Some(folder) = test_data() else { return };
    let bytes = fs::read(folder.join("oscal-poam-example.json")).unwrap();
    let document = read_plan_of_action(&bytes).unwrap();
    assert_whole(&document);
    assert!(document.failures.is_empty());
    // The file refers to a mitigating factor where a risk is meant.
    assert_eq!(
        repairs(&document),
        ["plan-of-action-and-milestones.poam-items[0].related-risks[0].risk-uuid is \
             \"401c15c9-ad6b-4d4a-a591-7d53a3abb3b6\", which is no risk of the file; left out"]
    );
    let risks = of_kind(&document, Kind::Risk);
    assert_eq!(risks.iter().map(|risk| field(risk, "status")).collect::<Vec<_>>(), ["accepted", "identified"]);
    let findings: Vec<_> = of_kind(&document, Kind::Finding)
        .into_iter()
        .map(|finding| ["severity", "dueAt", "subjectResourceId"].map(|name| field(finding, name)))
        .collect();
    let system = "8101e04d-8305-4e73-bb95-6b59f645b143";
    assert_eq!(findings, [["medium", "", system], ["low", "2023-06-23T21:00:00.000Z", system]]);
    assert!(field(risks[0], "description").contains("\n\nMitigating factor: The GoodRead application"));
    let requirements: Vec<_> = of_kind(&document, Kind::EvidenceClaim)
        .into_iter()
        .map(|claim| field(claim, "evidenceRequirementKey"))
        .collect();
    assert_eq!(requirements, ["oscal:observations"; 2]);
    assert!(field(risks[0], "description").contains("\n\nResponse (planned): IFA-GOODREAD-RISK1-RESPONSE"));
}

#[test]
fn the_severity_of_a_finding_is_the_highest_of_its_risks() {
    let severity = |facets: Value| {
        let document = results(json!({
            "risks": [{ "uuid": "r", "title": "R", "description": "d", "status": "open",
                "characterizations": [{ "facets": facets }] }],
            "findings": [{ "uuid": "f", "title": "F", "description": "d", "related-risks": [{ "risk-uuid": "r" }] }],
        }));
        field(of_kind(&document, Kind::Finding)[0], "severity").to_owned()
    };
    let facet = |name: &str, value: &str| json!({ "name": name, "value": value });
    assert_eq!(severity(json!([facet("likelihood", "low"), facet("impact", "high")])), "low");
    assert_eq!(severity(json!([facet("likelihood", "high"), facet("impact", "very-high")])), "critical");
    assert_eq!(severity(json!([facet("impact", "High")])), "high");
    assert_eq!(severity(json!([facet("risk", "moderate"), facet("impact", "high")])), "medium");
    assert_eq!(severity(json!([facet("severity", "low"), facet("severity", "critical")])), "critical");
    assert_eq!(severity(json!([facet("exposure", "high"), facet("impact", "7")])), "medium");
}

#[test]
fn the_status_of_a_new_finding_follows_from_its_risks() {
    let status = |statuses: &[&str]| {
        let risks: Vec<Value> = statuses
            .iter()
            .enumerate()
            .map(|(index, status)| json!({ "uuid": format!("r{index}"), "title": "R", "description": "d", "status": status }))
            .collect();
        let relations: Vec<Value> = (0..risks.len()).map(|index| json!({ "risk-uuid": format!("r{index}") })).collect();
        let item = json!({ "uuid": "i", "title": "I", "description": "d", "related-risks": relations });
        let document = plan(json!({ "risks": risks, "poam-items": [item] }));
        let risks =
            of_kind(&document, Kind::Risk).iter().map(|risk| field(risk, "status")).collect::<Vec<_>>().join(" ");
        (risks, field(of_kind(&document, Kind::Finding)[0], "status").to_owned())
    };
    let expected = |risks: &str, finding: &str| (risks.to_owned(), finding.to_owned());
    assert_eq!(status(&[]), expected("", ""));
    assert_eq!(status(&["open"]), expected("identified", ""));
    assert_eq!(status(&["closed"]), expected("closed", "closed"));
    assert_eq!(status(&["closed", "deviation-approved"]), expected("closed accepted", "accepted"));
    assert_eq!(status(&["closed", "remediating"]), expected("closed under-treatment", "remediating"));
    assert_eq!(status(&["deviation-requested", "investigating"]), expected("assessed identified", ""));
    assert_eq!(status(&["other"]), expected("identified", ""));
}

#[test]
fn a_satisfied_objective_is_no_finding() {
    let finding = |uuid: &str, state: Value| json!({ "uuid": uuid, "title": "F", "description": "d", "target": { "type": "statement-id", "target-id": "s", "status": state } });
    let document = results(json!({ "findings": [
        finding("1", json!({ "state": "satisfied" })),
        finding("2", json!({ "state": "not-satisfied" })),
        finding("3", json!({})),
    ] }));
    assert_eq!(of_kind(&document, Kind::Finding).len(), 2);
    assert_eq!(
        document.warnings,
        ["1 findings are not imported: their objectives are satisfied; close those that an earlier import has opened"]
    );
}

#[test]
fn a_finding_of_a_plan_is_imported_unless_an_item_is_about_it() {
    let document = plan(json!({
        "findings": [{ "uuid": "f1", "title": "F", "description": "d" }, { "uuid": "f2", "title": "F", "description": "d" }],
        "poam-items": [
            { "title": "Without a UUID", "description": "d", "related-findings": [{ "finding-uuid": "f1" }] },
            { "title": "Without a UUID", "description": "d" },
        ],
    }));
    let keys: Vec<_> = of_kind(&document, Kind::Finding).iter().map(|finding| field(finding, "findingKey")).collect();
    assert_eq!(keys.len(), 2);
    assert_eq!(keys[0], "f2");
    assert!(keys[1].starts_with("Without_a_UUID~"));
    assert_eq!(
        document.failures[0].message,
        "plan-of-action-and-milestones.poam-items[1] has the key of plan-of-action-and-milestones.poam-items[0]"
    );
}

#[test]
fn of_several_results_the_newest_that_has_a_uuid_counts() {
    let result = |start: &str, state: &str, risk: &str, others: Value| {
        let target = json!({ "type": "objective-id", "target-id": "o", "status": { "state": state } });
        let finding = json!({ "uuid": "f1", "title": "F", "description": "d", "target": target });
        let risk = json!({ "uuid": "k1", "title": "K", "description": start, "status": risk });
        let findings: Vec<Value> = [finding].into_iter().chain(others.as_array().unwrap().clone()).collect();
        json!({ "start": start, "findings": findings, "risks": [risk] })
    };
    let only_old = json!([{ "uuid": "f2", "title": "Only in the old one", "description": "d", "related-risks": [{ "risk-uuid": "k1" }] }]);
    let old = || result("2025-01-01T00:00:00Z", "not-satisfied", "open", only_old.clone());
    let new = || result("2026-01-01T00:00:00Z", "satisfied", "closed", json!([]));
    for order in [[old(), new()], [new(), old()]] {
        let file = json!({ "assessment-results": { "uuid": "a", "metadata": metadata(), "results": order } });
        let document = read_assessment_results(file.to_string().as_bytes()).unwrap();
        assert_whole(&document);
        assert_eq!(failures(&document), Vec::<String>::new());
        let [risk] = <[_; 1]>::try_from(of_kind(&document, Kind::Risk)).unwrap();
        assert_eq!(["description", "status"].map(|name| field(risk, name)), ["2026-01-01T00:00:00Z", "closed"]);
        let [finding] = <[_; 1]>::try_from(of_kind(&document, Kind::Finding)).unwrap();
        assert_eq!(["findingKey", "status"].map(|name| field(finding, name)), ["f2", "closed"]);
        assert_eq!(
            document.warnings,
            [
                "2 risks, findings and observations of older results are left out: a newer result has them, too",
                "1 findings are not imported: their objectives are satisfied; close those that an earlier import has opened",
            ]
        );
    }
}

#[test]
fn a_risk_and_a_finding_state_only_what_the_file_has() {
    let document = plan(json!({
        "risks": [{ "uuid": "r", "status": "open" }, { "uuid": "s", "title": "S", "description": "d", "status": "open" }],
        "poam-items": [{ "uuid": "i", "title": "I" }],
    }));
    let risks = of_kind(&document, Kind::Risk);
    assert_eq!(stated(risks[0]), ["riskKey"]);
    assert_eq!(["title", "status"].map(|name| field(risks[0], name)), ["r", "identified"]);
    assert_eq!(stated(risks[1]), ["description", "riskKey", "title"]);
    let item = of_kind(&document, Kind::Finding)[0];
    assert_eq!(
        stated(item),
        ["findingKey", "sourceKind", "sourceModuleKey", "sourceResourceId", "sourceResourceType", "title"]
    );
    assert_eq!(field(item, "severity"), "medium");
}

fn observation(uuid: &str) -> Value {
    json!({ "uuid": uuid, "description": "Seen.", "methods": ["TEST"], "collected": "2026-05-01T00:00:00Z" })
}

/// A finding about an objective, which names observations and risks.
fn related_finding(uuid: &str, objective: &str, state: &str, observations: &[&str], risks: &[&str]) -> Value {
    let relations = |member: &str, uuids: &[&str]| {
        let relations =
            uuids.iter().map(|uuid| Value::Object([(member.to_owned(), json!(uuid))].into_iter().collect()));
        relations.collect::<Vec<Value>>()
    };
    json!({ "uuid": uuid, "title": uuid, "description": "d",
        "target": { "type": "objective-id", "target-id": objective, "status": { "state": state } },
        "related-observations": relations("observation-uuid", observations),
        "related-risks": relations("risk-uuid", risks) })
}

#[test]
fn an_observation_is_a_pending_claim_for_the_objective_of_the_finding_that_names_it() {
    let mut seen = observation("o1");
    seen["remarks"] = json!("At night.");
    seen["methods"] = json!(["EXAMINE", "UNKNOWN"]);
    seen["expires"] = json!("2026-06-01T00:00:00Z");
    seen["relevant-evidence"] = json!([
        { "href": "#local", "description": "Local." },
        { "href": "https://example.org/log/7", "description": "The log." },
    ]);
    let document = results(json!({
        "observations": [seen, observation("o2"), observation("o3")],
        "findings": [
            related_finding("f1", "ac-1_obj", "not-satisfied", &["o1"], &[]),
            related_finding("f2", "ac-2_obj", "satisfied", &["o2", "o1"], &[]),
        ],
    }));
    assert_eq!(failures(&document), Vec::<String>::new());
    let requirements: Vec<_> = of_kind(&document, Kind::EvidenceRequirement)
        .into_iter()
        .map(|requirement| {
            ["requirementKey", "status", "subjectModuleKey", "subjectResourceId"].map(|name| field(requirement, name))
        })
        .collect();
    assert_eq!(
        requirements,
        [
            ["oscal:ac-1_obj", "active", "oscal", "ac-1_obj"],
            ["oscal:ac-2_obj", "active", "oscal", "ac-2_obj"],
            ["oscal:observations", "active", "", ""],
        ]
    );
    let claims = of_kind(&document, Kind::EvidenceClaim);
    let requirements: Vec<_> = claims.iter().map(|claim| field(claim, "evidenceRequirementKey")).collect();
    assert_eq!(requirements, ["oscal:ac-1_obj", "oscal:ac-2_obj", "oscal:observations"]);
    assert_eq!(
        ["claimKey", "title", "status", "sourceReference"].map(|name| field(claims[0], name)),
        ["o1", "Seen.", "", "https://example.org/log/7"]
    );
    assert_eq!(
        field(claims[0], "description"),
        "Seen.\n\nAt night.\n\nMethods: EXAMINE\n\nEvidence: Local. (#local)\n\nEvidence: The log. (https://example.org/log/7)"
    );
    assert_eq!(
        stated(claims[1]),
        ["claimKey", "description", "validFrom"],
        "people may assign it to another requirement"
    );
    assert_eq!(
        document.warnings[0],
        "1 relations of findings to observations are not kept: an observation is evidence for one objective, that of the \
         first finding that names it"
    );
}

#[test]
fn an_observation_has_a_time_and_ends_after_it_or_not_at_all() {
    let mut without_time = observation("o1");
    without_time.as_object_mut().unwrap().remove("collected");
    let mut backwards = observation("o2");
    backwards["expires"] = json!("2026-05-01T00:00:00Z");
    let document = results(json!({ "observations": [without_time, backwards] }));
    let [claim] = <[_; 1]>::try_from(of_kind(&document, Kind::EvidenceClaim)).unwrap();
    assert_eq!([field(claim, "claimKey"), field(claim, "validUntil")], ["o2", ""]);
    let path = "assessment-results.results[0].observations";
    assert_eq!(document.failures[0].message, format!("{path}[0] does not state when it was made (collected)"));
    assert_eq!(repairs(&document), [format!("{path}[1].expires is not after the time of the observation; left out")]);
    let document = results(json!({ "start": "2026-04-01T00:00:00Z", "observations": [without_time] }));
    assert_eq!(field(of_kind(&document, Kind::EvidenceClaim)[0], "validFrom"), "2026-04-01T00:00:00.000Z");
}

#[test]
fn a_risk_is_about_the_first_finding_that_names_it_and_further_ones_are_counted() {
    let risk = |uuid: &str| json!({ "uuid": uuid, "title": "R", "description": "d", "status": "open" });
    let document = results(json!({
        "risks": [risk("r1"), risk("r2"), risk("r3")],
        "findings": [
            related_finding("f0", "o", "satisfied", &[], &["r1", "r3"]),
            related_finding("f1", "o", "not-satisfied", &[], &["r1", "r1"]),
            related_finding("f2", "o", "not-satisfied", &[], &["r1", "r2"]),
        ],
    }));
    let subjects: Vec<_> =
        of_kind(&document, Kind::Risk).into_iter().map(|risk| field(risk, "subjectResourceId")).collect();
    assert_eq!(subjects, ["f1", "f2", ""]);
    assert_eq!(stated(of_kind(&document, Kind::Risk)[0]), ["description", "riskKey", "title"]);
    assert_eq!(
        document.warnings[0],
        "1 relations of findings to risks are not kept: the subject of a risk is one finding, the first that names it"
    );
    let document = plan(json!({
        "risks": [risk("r1")],
        "findings": [{ "uuid": "f1", "title": "F", "description": "d", "related-risks": [{ "risk-uuid": "r1" }] }],
        "poam-items": [{ "uuid": "i1", "title": "I", "description": "d", "related-findings": [{ "finding-uuid": "f1" }] }],
    }));
    assert_eq!(field(of_kind(&document, Kind::Risk)[0], "subjectResourceId"), "i1", "the item is the finding");
}

#[test]
fn the_result_that_began_last_counts_even_if_it_ended_first() {
    let result = |start: &str, end: &str| {
        let mut seen = observation("o");
        seen["description"] = json!(start);
        json!({ "start": start, "end": end, "observations": [seen],
            "risks": [{ "uuid": "k", "title": "K", "description": start, "status": "open" }] })
    };
    let long = result("2026-01-01T00:00:00Z", "2026-12-01T00:00:00Z");
    let short = result("2026-02-01T00:00:00Z", "2026-02-02T00:00:00Z");
    for order in [[long.clone(), short.clone()], [short, long]] {
        let file = json!({ "assessment-results": { "uuid": "a", "metadata": metadata(), "results": order } });
        let document = read_assessment_results(file.to_string().as_bytes()).unwrap();
        assert_whole(&document);
        for kind in [Kind::Risk, Kind::EvidenceClaim] {
            let [record] = <[_; 1]>::try_from(of_kind(&document, kind)).unwrap();
            assert!(field(record, "description").starts_with("2026-02-01T00:00:00Z"), "{record:?}");
        }
    }
}
