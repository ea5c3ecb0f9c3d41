//! Tests of the content of findings, of what makes a finding, and of poor input.

use findings::{NewFinding, Severity, SourceKind};
use serde_json::{Value, json};

use crate::support::{location, log, log_of_run, only_finding, read_file, result_at, with};

fn with_tool(tool: &Value, results: &Value) -> Vec<u8> {
    log_of_run(json!({ "tool": tool, "results": results }))
}

/// The finding of a result of the rule R1, which the tool describes.
fn of_rule(rule: Value, result: Value) -> NewFinding {
    let tool = json!({ "driver": { "name": "scanner", "rules": [with(rule, "id", json!("R1"))] } });
    only_finding(&with_tool(&tool, &json!([with(result, "ruleId", json!("R1"))])))
}

fn title(rule: Value, message: &str) -> String {
    of_rule(rule, json!({ "message": { "text": message } })).title.to_string()
}

fn description(finding: NewFinding) -> String {
    finding.description.expect("a description").to_string()
}

#[test]
fn a_result_becomes_a_finding_with_its_source_and_subject() {
    let result = json!({ "message": { "text": "Port 23\r\nis open." }, "locations": location("a.rs", 7) });
    let finding = of_rule(
        json!({ "shortDescription": { "text": "No telnet" }, "defaultConfiguration": { "level": "error" } }),
        result,
    );
    assert_eq!(finding.title.as_str(), "No telnet");
    assert_eq!(finding.severity, Severity::High);
    assert_eq!(finding.source.kind, SourceKind::ModuleSignal);
    let source = finding.source.clone();
    let parts = [source.module_key, source.scope, source.resource_type, source.resource_id];
    assert_eq!(
        parts.map(|part| part.map(|part| part.to_string())),
        [Some("scanner".to_owned()), None, Some("rule".to_owned()), Some("R1".to_owned()),]
    );
    let subject = finding.subject.clone().unwrap();
    assert_eq!(
        [subject.module_key, subject.resource_type, subject.resource_id].map(|part| part.to_string()),
        ["code", "location", "a.rs:7",]
    );
    assert_eq!(description(finding), "Port 23\nis open.");
}

#[test]
fn the_subject_names_the_base_of_the_artifact_or_the_logical_location() {
    let subject = |location: Value| {
        let run = json!({
            "tool": { "driver": { "name": "scanner" } },
            "artifacts": [{ "location": { "uri": "listed.c", "uriBaseId": "GEN" } }],
            "logicalLocations": [{ "fullyQualifiedName": "com.example.Login" }],
            "results": [{ "ruleId": "R1", "message": { "text": "m" }, "locations": [location] }],
        });
        let subject = only_finding(&log_of_run(run)).subject;
        subject.map(|subject| format!("{} {}", subject.resource_type, subject.resource_id))
    };
    let physical =
        |artifact: Value| json!({ "physicalLocation": { "artifactLocation": artifact, "region": { "startLine": 3 } } });
    assert_eq!(subject(physical(json!({ "uri": "a.c", "uriBaseId": "SRC" }))).unwrap(), "location SRC/a.c:3");
    assert_eq!(subject(physical(json!({ "index": 0 }))).unwrap(), "location GEN/listed.c:3");
    let logical = |logical: Value| json!({ "logicalLocations": [logical] });
    assert_eq!(subject(logical(json!({ "fullyQualifiedName": "a.B.c" }))).unwrap(), "logical-location a.B.c");
    assert_eq!(subject(logical(json!({ "index": 0 }))).unwrap(), "logical-location com.example.Login");
    assert_eq!(subject(logical(json!({ "index": 0, "name": "Login" }))).unwrap(), "logical-location com.example.Login");
    assert_eq!(subject(logical(json!({ "index": 9, "name": "Login" }))).unwrap(), "logical-location Login");
    assert_eq!(subject(physical(json!({ "index": 1 }))), None);
    let long = subject(physical(json!({ "uri": "k".repeat(400) }))).unwrap();
    assert!(long.ends_with(":3") && long.chars().count() <= "location ".len() + 200, "{long}");
}

#[test]
fn the_title_is_the_short_description_then_a_name_that_is_a_sentence_then_the_first_sentence_then_the_id() {
    let short = json!({ "name": "A name that is one", "shortDescription": { "text": "zlib: heap [overflow](https://example.org)" } });
    assert_eq!(title(short, "m"), "zlib: heap overflow");
    assert_eq!(title(json!({ "name": "SQL from input" }), "m"), "SQL from input");
    assert_eq!(title(json!({ "name": "SqlFromInput" }), "\nUse e.g. this. Or that."), "Use e.g. this.");
    assert_eq!(title(json!({}), "é".repeat(400).as_str()), format!("{}…", "é".repeat(299)));
    assert_eq!(title(json!({ "name": "SqlFromInput" }), " "), "R1");
    let rules = json!([{ "id": "R1", "name": "One name" }, { "id": "R2", "name": "One name" }]);
    let tool = json!({ "driver": { "name": "scanner", "rules": rules } });
    let finding = only_finding(&with_tool(&tool, &json!([result_at("R1", 1, "Its message.")])));
    assert_eq!(finding.title.as_str(), "Its message.", "another rule shares the name");
}

#[test]
fn the_description_is_the_message_and_the_help_or_full_description_that_adds_something() {
    let of = |rule: Value| description(of_rule(rule, json!({ "message": { "text": "Port 23 is open.\n" } })));
    let full = || json!({ "text": "Telnet sends\r\npasswords [in the clear](https://example.org)." });
    assert_eq!(of(json!({ "fullDescription": full() })), "Port 23 is open.\n\nTelnet sends\npasswords in the clear.");
    assert_eq!(
        of(json!({ "help": { "text": "Use SSH." }, "fullDescription": full() })),
        "Port 23 is open.\n\nUse SSH."
    );
    assert_eq!(of(json!({ "help": { "text": "Port 23 is open." } })), "Port 23 is open.\n");
    assert_eq!(of(json!({ "help": { "text": "é".repeat(30_000) } })).chars().count(), 20_000);
}

#[test]
fn security_severity_takes_precedence_over_level_and_the_result_over_its_rule() {
    let severity = |rule: Value, result: Value| of_rule(rule, with(result, "message", json!({ "text": "m" }))).severity;
    let score = |score: Value| json!({ "properties": { "security-severity": score } });
    let scored = |value: Value| severity(score(value), json!({ "level": "error" }));
    for (value, expected) in [
        (json!("9.0"), Severity::Critical),
        (json!(8.9), Severity::High),
        (json!(" 7 "), Severity::High),
        (json!("4"), Severity::Medium),
        (json!("3.9"), Severity::Low),
        (json!("1e1"), Severity::Critical),
        (json!("severe"), Severity::High),
        (json!("NaN"), Severity::High),
        (json!(["9"]), Severity::High),
    ] {
        assert_eq!(scored(value.clone()), expected, "{value}");
    }
    assert_eq!(severity(score(json!("9.8")), score(json!("2.0"))), Severity::Low);
    let levels =
        [("error", Severity::High), ("warning", Severity::Medium), ("note", Severity::Low), ("none", Severity::Info)];
    for (level, expected) in levels {
        assert_eq!(severity(json!({}), json!({ "level": level })), expected);
        assert_eq!(severity(json!({ "defaultConfiguration": { "level": level } }), json!({})), expected);
    }
    assert_eq!(severity(json!({}), json!({})), Severity::Medium);
}

#[test]
fn an_invocation_overrides_the_level_of_a_rule_but_not_that_of_a_result() {
    let severity = |result: Value, invocations: Value| {
        let run = json!({
            "tool": { "driver": { "name": "scanner", "rules": [{ "id": "R0" }, { "id": "R1", "defaultConfiguration": { "level": "note" } }] } },
            "invocations": invocations,
            "results": [with(with(result, "ruleIndex", json!(1)), "message", json!({ "text": "m" }))],
        });
        only_finding(&log_of_run(run)).severity
    };
    let raised = |descriptor: Value| json!({ "ruleConfigurationOverrides": [{ "descriptor": descriptor, "configuration": { "level": "error" } }] });
    for descriptor in [json!({ "id": "R1" }), json!({ "index": 1 }), json!({ "id": "R1/sub", "index": 0 })] {
        assert_eq!(severity(json!({}), json!([raised(descriptor)])), Severity::High);
    }
    assert_eq!(severity(json!({}), json!([raised(json!({ "id": "R0" }))])), Severity::Low);
    assert_eq!(severity(json!({ "level": "warning" }), json!([raised(json!({ "id": "R1" }))])), Severity::Medium);
    let second = json!({ "provenance": { "invocationIndex": 1 } });
    assert_eq!(severity(second.clone(), json!([{}, raised(json!({ "id": "R1" }))])), Severity::High);
    assert_eq!(severity(second, json!([raised(json!({ "id": "R1" })), {}])), Severity::Low);
}

#[test]
fn a_rule_is_found_by_index_by_id_by_a_parent_id_and_in_an_extension() {
    let rule = |id: &str, title: &str| json!({ "id": id, "shortDescription": { "text": title } });
    let tool = json!({
        "driver": { "name": "scanner", "rules": [rule("R1", "One"), rule("R2", "Two"), rule("R1", "Again")] },
        "extensions": [
            { "name": "pack", "rules": [rule("P1", "Packed")] },
            { "name": "other", "guid": "g", "rules": [rule("R1", "Other")] },
        ],
    });
    let resolved = |result: Value| {
        let finding = only_finding(&with_tool(&tool, &json!([with(result, "message", json!({ "text": "m" }))])));
        (finding.title.to_string(), finding.source.resource_id.unwrap().to_string())
    };
    for (result, title, id) in [
        (json!({ "ruleIndex": 1 }), "Two", "R2"),
        (json!({ "ruleIndex": 2 }), "Again", "R1"),
        (json!({ "rule": { "index": 1 } }), "Two", "R2"),
        (json!({ "rule": { "id": "R2" } }), "Two", "R2"),
        (json!({ "ruleId": "R2/a/b" }), "Two", "R2/a/b"),
        (json!({ "ruleId": "R1", "ruleIndex": 1 }), "One", "R1"),
        (json!({ "ruleId": "R1", "ruleIndex": -1 }), "One", "R1"),
        (json!({ "ruleId": "P1" }), "Packed", "P1"),
        (json!({ "rule": { "index": 0, "toolComponent": { "index": 1 } } }), "Other", "R1"),
        (json!({ "rule": { "id": "R1", "toolComponent": { "guid": "g" } } }), "Other", "R1"),
        (json!({ "rule": { "id": "R1", "toolComponent": { "name": "other" } } }), "Other", "R1"),
        (json!({ "ruleId": "unknown", "ruleIndex": 99 }), "m", "unknown"),
    ] {
        assert_eq!(resolved(result.clone()), (title.to_owned(), id.to_owned()), "{result}");
    }
}

#[test]
fn a_message_can_be_a_template_with_arguments_and_its_links_are_reduced_to_their_text() {
    let rule = json!({ "messageStrings": { "open": { "text": "port {0} of {1} is {{open}}, see [here](1)" } } });
    let of = |message: Value| description(of_rule(rule.clone(), json!({ "message": message })));
    assert_eq!(of(json!({ "id": "open", "arguments": ["23", "core-1"] })), "port 23 of core-1 is {open}, see here");
    assert_eq!(of(json!({ "text": "use {{ value }}" })), "use {{ value }}");
    assert_eq!(of(json!({ "text": "has {0} and {{braces}}", "arguments": ["a"] })), "has a and {braces}");
    assert_eq!(of(json!({ "text": "", "markdown": "**bold**" })), "**bold**");
    assert_eq!(of(json!({ "id": "shut" })), "", "the rule has no such message");
}

#[test]
fn only_problems_that_are_neither_gone_nor_suppressed_make_findings() {
    let result = |name: &str, member: Value| with(json!({ "ruleId": "R1", "message": { "text": name } }), name, member);
    let bytes = log(&json!([
        result("kind", json!("pass")),
        result("kind", json!("notApplicable")),
        result("kind", json!("informational")),
        result("baselineState", json!("absent")),
        result("kind", json!("review")),
        result("kind", json!("open")),
        result("baselineState", json!("unchanged")),
    ]));
    let run = read_file(&bytes).runs.remove(0);
    assert_eq!((run.passed, run.absent, run.results.len()), (3, 1, 3));
    let suppressed = |suppressions: Value| {
        let bytes = log(&json!([with(result_at("R1", 1, "m"), "suppressions", suppressions)]));
        let run = read_file(&bytes).runs.remove(0);
        run.results[0].record.suppression.as_ref().map(|suppression| suppression.justification.clone())
    };
    let in_source = json!({ "kind": "inSource", "justification": "A test." });
    assert_eq!(suppressed(json!([in_source])), Some(Some("A test.".to_owned())));
    assert_eq!(suppressed(json!([{ "status": "accepted" }])), Some(None));
    let others = [
        json!([]),
        json!(null),
        json!([null]),
        json!([{ "status": "underReview" }]),
        json!([{ "status": "rejected" }]),
        json!([in_source, { "status": "rejected" }]),
        json!([{ "status": "maybe" }]),
    ];
    for other in others {
        assert_eq!(suppressed(other.clone()), None, "{other}");
    }
}

#[test]
fn results_to_review_and_open_ones_have_the_severity_of_their_rule() {
    for kind in ["review", "open"] {
        let result = json!({ "kind": kind, "level": "none", "message": { "text": "m" } });
        assert_eq!(of_rule(json!({}), result.clone()).severity, Severity::Medium);
        assert_eq!(of_rule(json!({ "defaultConfiguration": { "level": "error" } }), result).severity, Severity::High);
    }
}
