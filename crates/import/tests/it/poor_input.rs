//! Tests of poor input: rather a poor finding than none.

use findings::{NewFinding, Severity};
use novantra_import::{Unreadable, sarif::read};
use serde_json::{Value, json};

use crate::support::{findings, location, log, log_of_run, log_of_runs, only_finding, read_file, result_at, with};

fn with_tool(tool: &Value, results: &Value) -> Vec<u8> {
    log_of_run(json!({ "tool": tool, "results": results }))
}

fn description(finding: NewFinding) -> String {
    finding.description.expect("a description").to_string()
}

/// The path and message of each repair.
fn repairs(bytes: &[u8]) -> Vec<String> {
    let file = read_file(bytes);
    assert_eq!(file.repair_count, file.repairs.len());
    file.repairs.iter().map(|repair| format!("{} {}", repair.path, repair.message).trim().to_owned()).collect()
}

#[test]
fn what_cannot_be_used_is_left_out_or_replaced_and_the_finding_is_made() {
    let member = |name: &str, member: Value| log(&json!([with(result_at("R1", 7, "m"), name, member)]));
    let line = |line: Value| {
        let mut result = result_at("R1", 7, "m");
        result["locations"][0]["physicalLocation"]["region"]["startLine"] = line;
        log(&json!([result]))
    };
    let tool = |tool: Value| with_tool(&tool, &json!([result_at("R1", 7, "m")]));
    let region = "runs[0].results[0].locations[0].physicalLocation.region.startLine";
    for (bytes, expected) in [
        (
            member("level", json!("notice")),
            "runs[0].results[0].level is \"notice\", which is none of none, note, warning, error; left out",
        ),
        (
            member("kind", json!("note")),
            "runs[0].results[0].kind is \"note\", which is none of fail, pass, notApplicable, informational, review, open; left out",
        ),
        (member("kind", json!([])), "runs[0].results[0].kind is a list, not a string; left out"),
        (member("properties", json!([])), "runs[0].results[0].properties is a list, not an object; left out"),
        (
            member("fingerprints", json!({ "a": null })),
            "runs[0].results[0].fingerprints.a is null, not a string; left out",
        ),
        (
            member("fingerprints", json!({ "a": { "value": "aa" } })),
            "runs[0].results[0].fingerprints.a is an object, not a string; left out",
        ),
        (member("ruleId", json!(2072)), "runs[0].results[0].ruleId is a number; taken as a string"),
        (
            member("message", json!("plain")),
            "runs[0].results[0].message is a string, not an object with a text; taken as its text",
        ),
        (
            member("message", json!(null)),
            "runs[0].results[0].message has no text; the finding is made from the rule alone",
        ),
        (member("locations", json!([null])), "runs[0].results[0].locations[0] is null, not an object; left out"),
        (
            member("locations", location("a.rs", 7)[0].clone()),
            "runs[0].results[0].locations is an object, not a list; taken as its only element",
        ),
        (line(json!(-1)), &format!("{region} is -1, not a whole number from 1; left out")),
        (line(json!(0)), &format!("{region} is 0, not a whole number from 1; left out")),
        (line(json!(5.0)), &format!("{region} is written as 5.0; taken as 5")),
        (line(json!(5.5)), &format!("{region} is 5.5, not a whole number from 1; left out")),
        (log(&result_at("R1", 7, "m")), "runs[0].results is an object, not a list; taken as its only element"),
        (tool(json!({ "driver": {} })), "runs[0].tool.driver.name is missing; the tool is called unknown"),
        (
            tool(json!({ "driver": { "name": "s", "rules": [{ "name": "no id" }] } })),
            "runs[0].tool.driver.rules[0].id is missing; only the index of the rule refers to it",
        ),
        (
            tool(
                json!({ "driver": { "name": "s", "rules": [{ "id": "R1", "defaultConfiguration": { "level": "notice" } }] } }),
            ),
            "runs[0].tool.driver.rules[0].defaultConfiguration.level is \"notice\", which is none of none, note, warning, error; left out",
        ),
    ] {
        assert_eq!(repairs(&bytes), [expected]);
        only_finding(&bytes);
    }
    let twice = br#"{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"s"}},"results":[{"ruleId":"R1","level":"note","level":"error","message":{"text":"m"}}]}]}"#;
    assert_eq!(repairs(twice), ["runs[0].results[0].level occurs twice in its object; the last value is used"]);
    assert_eq!(only_finding(twice).severity, Severity::High);
}

#[test]
fn the_numbers_of_lines_that_are_used_are_those_that_count_from_one() {
    let subject = |line: Value| {
        let mut result = result_at("R1", 7, "m");
        result["locations"][0]["physicalLocation"]["region"]["startLine"] = line;
        only_finding(&log(&json!([result]))).subject.unwrap().resource_id.to_string()
    };
    assert_eq!(
        [json!(5.0), json!("5"), json!(-1), json!(0), json!(1.5), json!(true)].map(subject),
        ["a.rs:5", "a.rs:5", "a.rs", "a.rs", "a.rs", "a.rs",]
    );
}

#[test]
fn halves_of_surrogate_pairs_and_stray_bytes_become_the_replacement_character() {
    let half = br#"{"version":"2.1.0","runs":[{"tool":{"driver":{"name":"s"}},"results":[{"ruleId":"R1","message":{"text":"Cut: \ud83d"}}]}]}"#;
    assert_eq!(description(only_finding(half)), "Cut: \u{fffd}");
    assert_eq!(repairs(half), ["\\ud83d is half of a surrogate pair; U+FFFD is used instead"]);
    let stray = String::from_utf8(log(&json!([result_at("R1", 7, "caf?")]))).unwrap().into_bytes();
    let stray: Vec<u8> = stray.into_iter().map(|byte| if byte == b'?' { 0xe9 } else { byte }).collect();
    assert_eq!(description(only_finding(&stray)), "caf\u{fffd}");
    assert_eq!(repairs(&stray), ["the bytes E9 are not UTF-8; U+FFFD is used instead"]);
}

#[test]
fn every_encoding_of_a_file_gives_the_same_findings() {
    let file = String::from_utf8(log(&json!([result_at("R1", 7, "größe 🔓")]))).unwrap();
    let expected = findings(file.as_bytes());
    assert_eq!(findings(format!("\u{feff}{file}").as_bytes()), expected);
    let units = |mark: [u8; 2], bytes: fn(u16) -> [u8; 2]| -> Vec<u8> {
        mark.into_iter().chain(file.encode_utf16().flat_map(bytes)).collect()
    };
    assert_eq!(findings(&units([0xff, 0xfe], u16::to_le_bytes)), expected);
    assert_eq!(findings(&units([0xfe, 0xff], u16::to_be_bytes)), expected);
}

#[test]
fn members_that_are_not_used_may_have_any_shape_and_depth() {
    let deep = format!("{}1{}", "{\"n\":[".repeat(5_000), "]}".repeat(5_000));
    let file = String::from_utf8(log(&json!([with(result_at("R1", 7, "m"), "properties", json!({ "tree": "DEEP" }))])));
    only_finding(file.unwrap().replace("\"DEEP\"", &deep).as_bytes());
}

#[test]
fn a_result_that_cannot_be_identified_fails_by_itself_with_its_path() {
    let bytes = b"{\"version\": \"2.1.0\", \"runs\": [{\"tool\": {\"driver\": {\"name\": \"s\"}}, \"results\": [\n\
        {\"ruleId\": \"R1\", \"message\": {\"text\": \"m\"}},\n\
        {\"level\": \"error\"}, null]}]}";
    let run = read_file(bytes).runs.remove(0);
    assert_eq!(run.results.len(), 1);
    let failures: Vec<String> =
        run.failures.iter().map(|failure| format!("{}: {}", failure.position, failure.message)).collect();
    assert_eq!(
        failures,
        [
            "line 3, column 1: runs[0].results[1] has neither a rule nor a message, so it can't be identified: the tool must \
         write one of them",
            "line 3, column 21: runs[0].results[2] is null, so it can't be identified: a result is an object",
        ]
    );
}

#[test]
fn a_file_that_is_no_object_with_runs_is_rejected_with_the_reason() {
    let error = |text: &str| read(text.as_bytes(), None).unwrap_err().to_string();
    assert_eq!(error(" \n"), "the file is empty");
    assert_eq!(
        error("{\"version\": \"2.1.0\",\n \"runs\": ["),
        "the file is truncated: it ends in the middle of a value at line 2, column 10"
    );
    assert_eq!(error("id,name\n1,a\n"), "not JSON at line 1, column 1: expected value");
    assert_eq!(error("{\"runs\": []} x"), "not JSON at line 1, column 14: trailing characters");
    assert_eq!(
        error("[]"),
        "not SARIF 2.1.0 at line 1, column 1: the file is a list, not an object with the member `runs`"
    );
    assert_eq!(error("{}"), "not SARIF 2.1.0 at line 1, column 1: the object has no member `runs`");
    assert_eq!(read(b"", None), Err(Unreadable::Empty));
}

#[test]
fn a_file_without_runs_is_an_empty_scan_with_a_warning() {
    for runs in [json!(null), json!([])] {
        let file = read_file(&log_of_runs(runs));
        assert_eq!(file.runs, []);
        assert_eq!(file.warnings, ["the file has no runs, so it is an empty scan"]);
    }
    assert_eq!(read_file(b"{\"runs\": [], \"version\": \"2.0.0\"}").warnings.len(), 2);
}

#[test]
fn a_run_that_failed_or_has_no_list_of_results_is_incomplete() {
    let incomplete = |run: Value| {
        let run = with(run, "tool", json!({ "driver": { "name": "s" } }));
        read_file(&log_of_run(run)).runs.remove(0).incomplete
    };
    let invocations =
        |successful: Value| json!({ "results": [], "invocations": [{ "executionSuccessful": successful }] });
    assert_eq!(incomplete(json!({ "results": [] })), None);
    assert_eq!(incomplete(invocations(json!(true))), None);
    assert_eq!(incomplete(invocations(json!(false))).as_deref(), Some("its executionSuccessful is not true"));
    assert_eq!(incomplete(json!({ "results": null })).as_deref(), Some("it has no list of results"));
    for results in [json!({}), json!([{}]), json!(["R1"])] {
        let reason = incomplete(json!({ "results": results }));
        assert_eq!(reason.as_deref(), Some("some of its results can't be identified"));
    }
}

#[test]
fn only_the_first_repairs_are_described_and_all_are_counted() {
    let results: Vec<Value> = (0..150).map(|line| with(result_at("R1", line + 1, "m"), "level", json!("x"))).collect();
    let file = read_file(&log(&json!(results)));
    assert_eq!((file.repair_count, file.repairs.len()), (150, 100));
}

#[test]
fn what_a_tool_an_argument_or_an_index_lacks_is_a_repair() {
    let missing = "is missing; the tool is called unknown";
    let results = json!([result_at("R1", 7, "m")]);
    assert_eq!(repairs(&log_of_run(json!({ "results": results }))), [format!("runs[0].tool {missing}")]);
    assert_eq!(repairs(&with_tool(&json!({}), &results)), [format!("runs[0].tool.driver {missing}")]);
    assert_eq!(
        repairs(&with_tool(&json!({ "driver": {} }), &results)),
        [format!("runs[0].tool.driver.name {missing}")]
    );
    let arguments = json!({ "text": "{0}{1}{2}{3}", "arguments": ["a", null, {}, 5] });
    assert_eq!(
        repairs(&log(&json!([with(result_at("R1", 7, "m"), "message", arguments)]))),
        [
            "runs[0].results[0].message.arguments[1] is null, not a string; taken as empty",
            "runs[0].results[0].message.arguments[2] is an object, not a string; taken as empty",
            "runs[0].results[0].message.arguments[3] is a number; taken as a string",
        ]
    );
    let run = json!({
        "tool": { "driver": { "name": "scanner", "rules": [{ "id": "R1" }] }, "extensions": [] },
        "artifacts": [], "logicalLocations": [{}],
        "invocations": [{ "ruleConfigurationOverrides": [
            { "descriptor": { "index": 4 }, "configuration": { "level": "note" } } ] }],
        "results": [
            { "ruleIndex": 1, "ruleId": "R1", "message": { "text": "m" }, "provenance": { "invocationIndex": 1 }, "locations": [{
                "physicalLocation": { "artifactLocation": { "index": 0 } }, "logicalLocations": [{ "index": 1 }] }] },
            { "rule": { "index": 1, "toolComponent": { "index": 0 } }, "message": { "text": "n" } },
            { "ruleIndex": 0, "message": { "text": "n" } },
        ],
    });
    let mut expected = [
        ("invocations[0].ruleConfigurationOverrides[0].descriptor.index is 4", "rules"),
        ("results[0].ruleIndex is 1", "rules"),
        ("results[0].provenance.invocationIndex is 1", "invocations"),
        ("results[0].locations[0].physicalLocation.artifactLocation.index is 0", "artifacts"),
        ("results[0].locations[0].logicalLocations[0].index is 1", "logicalLocations"),
        ("results[1].rule.toolComponent.index is 0", "extensions"),
        ("results[1].rule.index is 1", "rules"),
    ]
    .map(|(path, list)| format!("runs[0].{path}, beyond the list of {list}; left out"));
    let mut repaired = repairs(&log_of_run(run));
    expected.sort();
    repaired.sort();
    assert_eq!(repaired, expected);
}

#[test]
fn a_run_of_a_tool_without_a_name_is_incomplete() {
    for tool in [json!(null), json!({}), json!({ "driver": { "name": " " } })] {
        let run = read_file(&with_tool(&tool, &json!([]))).runs.remove(0);
        assert_eq!(run.incomplete.as_deref(), Some("its tool has no name"), "{tool}");
    }
}

#[test]
fn no_text_of_the_file_that_is_displayed_controls_a_terminal() {
    let control = "\u{1b}[2J\u{202e}\u{9b}\n";
    let shown = |file: novantra_import::sarif::File| {
        let repairs = file.repairs.into_iter().flat_map(|repair| [repair.path, repair.message]);
        let runs = file.runs.into_iter().flat_map(|run| {
            let failures = run.failures.into_iter().map(|failure| failure.message);
            failures.chain([run.name]).chain(run.incomplete).collect::<Vec<_>>()
        });
        repairs.chain(runs).chain(file.warnings).collect::<Vec<_>>()
    };
    let mut result = with(result_at("R1", 7, "m"), "fingerprints", json!({ control: 5 }));
    result["level"] = json!(control);
    result["locations"][0]["physicalLocation"]["region"]["startLine"] = json!(control);
    for details in [json!({ "id": format!("scope/{control}") }), json!({ "guid": control })] {
        let bytes = json!({ "version": control, "runs": [{ "tool": { "driver": { "name": control } },
            "automationDetails": details, "results": [result, {}] }] });
        let shown = shown(read_file(bytes.to_string().as_bytes()));
        assert!(shown.len() >= 7, "{shown:?}");
        for text in shown {
            assert!(text.chars().all(kernel::is_allowed_in_line), "{text:?}");
        }
    }
}

#[test]
fn the_name_of_a_run_is_cut() {
    let run = json!({ "tool": { "driver": { "name": "s" } }, "automationDetails": { "id": "é".repeat(5000) }, "results": [] });
    assert_eq!(read_file(&log_of_run(run)).runs[0].name, format!("{}…", "é".repeat(100)));
}
