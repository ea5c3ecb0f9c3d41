//! The program of the guide for HTTP clients finds the same keys and the same content as the importer.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    process::Command,
};

use findings::{NewFinding, Status};
use kernel::{Reference, Title};
use novantra_import::{sample, sarif::read};
use proptest::{prelude::*, strategy::ValueTree as _, test_runner::TestRunner};
use serde_json::{Map, Value, json};

use crate::{
    scans::any_log,
    support::{Records, log, log_of_run, log_of_runs, result_at, test_data, with},
};

const GUIDE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/guides/pushing-a-scan.md");

/// The program as it is in the guide, in a folder of its own.
struct Program {
    /// The interpreter itself: what starts it may take longer than the program.
    python: String,
    folder: tempfile::TempDir,
}

impl Program {
    fn new() -> Self {
        let guide = fs::read_to_string(GUIDE).expect("the guide");
        let (_, rest) = guide.split_once("cat > sarif_batches.py <<'EOF_PYTHON'\n").expect("the program begins");
        let (program, _) = rest.split_once("\nEOF_PYTHON\n").expect("the program ends");
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("sarif_batches.py"), program).expect("the program is written");
        let python =
            Command::new("python3").args(["-c", "import sys; print(sys.executable)"]).output().expect("python3 runs");
        Self { python: String::from_utf8(python.stdout).expect("a path").trim().to_owned(), folder }
    }

    /// Returns the findings that the program sends for the files, by their keys.
    fn findings(&self, files: &[&[u8]], records: &Records, scope: Option<&str>) -> BTreeMap<String, Value> {
        let folder = self.folder.path();
        let names: Vec<String> = (0..files.len()).map(|number| format!("{number}.sarif")).collect();
        for (name, bytes) in names.iter().zip(files) {
            fs::write(folder.join(name), bytes).expect("the file is written");
        }
        fs::write(folder.join("present.ndjson"), records.as_ndjson()).expect("the records are written");
        let mut command = Command::new(&self.python);
        command.arg("sarif_batches.py").args(&names).current_dir(folder);
        command.args(["--reason", "A reason for the test", "--present", "present.ndjson"]);
        if let Some(scope) = scope {
            command.args(["--scope", scope]);
        }
        let output = command.output().expect("python3 runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        batches(folder)
            .into_iter()
            .map(|finding| (finding["findingKey"].as_str().expect("a key").to_owned(), finding))
            .collect()
    }
}

/// Takes the findings out of the files that the program has written.
fn batches(folder: &Path) -> Vec<Value> {
    let mut findings = Vec::new();
    for number in 0.. {
        let path = folder.join(format!("batch-{number}.json"));
        let Ok(bytes) = fs::read(&path) else { break };
        fs::remove_file(&path).expect("the batch is removed");
        assert!(bytes.len() < 1 << 20, "a request has at most 1 MiB");
        let mut batch: Value = serde_json::from_slice(&bytes).expect("a batch");
        let Value::Array(of_batch) = batch["findings"].take() else { panic!("no findings") };
        assert!(of_batch.len() <= 500);
        findings.extend(of_batch);
    }
    findings
}

fn body(finding: &NewFinding) -> Value {
    let source = &finding.source;
    let subject = finding.subject.as_ref();
    let text = |reference: Option<&Reference>| reference.map(ToString::to_string);
    let members = [
        ("findingKey", Some(finding.key.to_string())),
        ("title", Some(finding.title.to_string())),
        ("description", finding.description.as_ref().map(ToString::to_string)),
        ("severity", Some(finding.severity.name().to_owned())),
        ("sourceKind", Some(source.kind.name().to_owned())),
        ("sourceModuleKey", text(source.module_key.as_ref())),
        ("sourceScope", text(source.scope.as_ref())),
        ("sourceResourceType", text(source.resource_type.as_ref())),
        ("sourceResourceId", text(source.resource_id.as_ref())),
        ("subjectModuleKey", text(subject.map(|subject| &subject.module_key))),
        ("subjectResourceType", text(subject.map(|subject| &subject.resource_type))),
        ("subjectResourceId", text(subject.map(|subject| &subject.resource_id))),
    ];
    let present = members.into_iter().filter_map(|(name, value)| Some((name.to_owned(), json!(value?))));
    Value::Object(present.collect::<Map<_, _>>())
}

/// Imports the files, each with the program and with the importer, and compares what they make of it.
fn compare(program: &Program, records: &mut Records, files: &[&[u8]], what: &str) {
    let expected: BTreeMap<String, Value> = records
        .keyed(files)
        .iter()
        .filter(|keyed| keyed.is_written())
        .map(|keyed| (keyed.key.to_string(), body(&keyed.finding())))
        .collect();
    let suppressed: BTreeSet<String> = records
        .keyed(files)
        .iter()
        .filter(|keyed| keyed.suppression.is_some())
        .map(|keyed| keyed.key.to_string())
        .collect();
    assert_eq!(program.findings(files, records, None), expected, "{what}");
    let of_program = fs::read(program.folder.path().join("suppressed.json")).expect("the suppressed keys are written");
    assert_eq!(serde_json::from_slice::<BTreeSet<String>>(&of_program).expect("keys"), suppressed, "{what}");
    records.import(files);
}

#[test]
fn the_program_and_the_importer_agree_on_inputs_of_every_kind() {
    let program = Program::new();
    let lines =
        |lines: &[u64]| log(&json!(lines.iter().map(|line| result_at("R1", *line, "A lint.")).collect::<Vec<_>>()));
    let prints = |prints: Value| log(&json!([with(result_at("R1", 7, "m"), "partialFingerprints", prints)]));
    let run = |id: &str| {
        json!({
            "automationDetails": { "id": id },
            "tool": {
                "driver": { "name": "größe", "rules": [
                    { "id": "R1", "name": "A name", "help": { "text": "Help.\r\n" }, "properties": { "security-severity": "7" } },
                    { "id": 7, "shortDescription": { "text": "Number [seven](1)" }, "defaultConfiguration": { "level": "note" } },
                ], "globalMessageStrings": { "g": { "text": "{0} and {{1}} and {00} and {2}}" } } },
                "extensions": [{ "name": "pack", "guid": "g", "rules": [{ "id": "P", "fullDescription": { "text": "Full." } }] }],
            },
            "invocations": [{ "ruleConfigurationOverrides": [
                { "descriptor": { "index": 1 }, "configuration": { "level": "error" } },
                { "descriptor": { "index": 9 }, "configuration": { "level": "error" } } ] }],
            "artifacts": [{ "location": { "uri": "./b%20c.rs", "uriBaseId": "GEN" } }],
            "logicalLocations": [{ "fullyQualifiedName": "a.B" }],
            "results": [
                { "ruleIndex": 0, "message": { "text": "First. Second 12.", "markdown": "no" } },
                { "ruleId": "7/sub", "message": { "id": "g", "arguments": ["one", "two"] }, "locations": [
                    { "physicalLocation": { "artifactLocation": { "index": 0 }, "region": { "startLine": 3, "snippet": { "text": " a\tb\n" } } } } ] },
                { "rule": { "index": 0, "toolComponent": { "guid": "g" } }, "message": { "text": "e.g. this" }, "kind": "review",
                  "locations": [{ "logicalLocations": [{ "index": 0 }] }] },
                { "ruleId": "X", "message": "plain \u{202e} text", "locations": { "physicalLocation": { "artifactLocation": { "uri": "\\x\\%E9.c" } } } },
                { "ruleId": "X", "message": { "markdown": "**bold**" }, "level": 3 },
                { "ruleId": "Y", "message": { "text": "[](https://example.org/)" } },
                { "ruleId": "Z", "message": { "text": "{0}", "arguments": ["\u{200b}"] } },
                { "message": { "text": "Without a rule." } },
                { "kind": "pass", "ruleId": "X", "message": { "text": "passed" } },
                { "baselineState": "absent", "ruleId": "X", "message": { "text": "gone" } },
                null,
            ],
        })
    };
    let same_line = |help: &str, messages: &[&str]| {
        let results: Vec<Value> = messages
            .iter()
            .map(|message| with(result_at("R9", 7, message), "fingerprints", json!({ "hash": "h" })))
            .collect();
        let rules = json!([{ "id": "R9", "help": { "text": help } }]);
        log_of_run(json!({ "tool": { "driver": { "name": "scanner", "rules": rules } }, "results": results }))
    };
    let text = String::from_utf8(lines(&[3])).unwrap();
    let utf16: Vec<u8> = [0xff, 0xfe].into_iter().chain(text.encode_utf16().flat_map(u16::to_le_bytes)).collect();
    let inputs: Vec<Vec<Vec<u8>>> = vec![
        vec![lines(&[7, 9, 9])],
        vec![lines(&[5, 7, 9])],
        vec![lines(&[20, 30])],
        vec![prints(json!({ "hash/v1": "p", "authorName": "Robin" }))],
        vec![prints(json!({ "hash/v1": "p", "hash/v2": "q", "b/v99": "r" }))],
        vec![log_of_run(run("portal/1"))],
        vec![log_of_run(run("portal/2")), log_of_runs(json!([run("1"), run("1")]))],
        vec![sample::sarif()],
        vec![lines(&[1]), lines(&[1, 1])],
        vec![utf16],
        vec![br#"{"version": "2.1.0", "runs": [{"tool": {"driver": {"name": "\uffff"}}, "results": [{"ruleId": "\"NaN", "rank": NaN,
            "ruleIndex": -Infinity, "message": {"text": "CVE-2026-1111 \uffff\ud800 in 12", "arguments": [Infinity]}}]}]}"#.to_vec()],
        vec![prints(json!({ "primaryLocationLineHash": "39fa2ee980eb94b0:2" })), prints(json!({ "matchBasedId/v1": "8c2f0e_1" }))],
        vec![same_line("Help.", &["Use of a", "Use of b"])],
        vec![same_line("Help.", &["Use of", "Use of a", "Use of b", "Use of a\n\nand b"])],
        vec![same_line("Other help.", &["Use of", "Use of a", "Use of b", "Use of a\n\nand b"])],
        vec![log(&json!([with(result_at("R1", 9, "A lint."), "suppressions", json!([{ "kind": "inSource" }]))]))],
    ];
    let mut records = Records::default();
    for (number, files) in inputs.iter().enumerate() {
        let files: Vec<&[u8]> = files.iter().map(Vec::as_slice).collect();
        compare(&program, &mut records, &files, &format!("input {number}"));
        compare(&program, &mut records, &files, &format!("input {number} again"));
    }
}

#[test]
fn the_program_takes_the_same_characters_for_invisible_as_a_title() {
    let program = Program::new();
    let script = "import sys; program, _, _ = open('sarif_batches.py').read().rpartition('main()'); exec(program)
codes = [code for code in range(0x110000) if not 0xd800 <= code < 0xe000]
print(*(code for code in codes if blank(chr(code))))
print(*(code for code in codes if unicodedata.category(chr(code)) == 'Cn'))";
    let output = Command::new(&program.python).args(["-c", script]).current_dir(program.folder.path()).output();
    let output = String::from_utf8(output.expect("python3 runs").stdout).expect("numbers");
    let codes = |line: &str| line.split(' ').map(|code| code.parse().expect("a number")).collect();
    let lines: Vec<BTreeSet<u32>> = output.lines().map(codes).collect();
    let [of_program, unassigned] = lines.as_slice() else { panic!("the script printed {} lines", lines.len()) };
    let invisible = |character: &char| Title::parse(character.encode_utf8(&mut [0; 4])).is_err();
    // Python may know an older version of Unicode, without the marks of a newer one.
    let is_assigned = |code: &u32| of_program.contains(code) || !unassigned.contains(code);
    let expected: BTreeSet<u32> = ('\0'..=char::MAX).filter(invisible).map(u32::from).filter(is_assigned).collect();
    assert_eq!(*of_program, expected);
}

#[test]
fn the_program_and_the_importer_agree_on_a_given_scope() {
    let bytes = log(&json!([result_at("R1", 7, "m")]));
    let of_program = Program::new().findings(&[&bytes], &Records::default(), Some("an image"));
    let run = read(&bytes, Some("an image")).unwrap().runs.remove(0);
    let finding = run.results[0].record.finding();
    assert_eq!(of_program, BTreeMap::from([(finding.key.to_string(), body(&finding))]));
}

#[test]
fn the_program_and_the_importer_agree_on_the_real_files() {
    let Some(folder) = test_data() else { return };
    let program = Program::new();
    let mut paths: Vec<_> = fs::read_dir(folder.join("cases")).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.push(folder.join("sarif-semgrep-owasp-benchmark.sarif"));
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "sarif"));
    paths.sort();
    let mut records = Records::default();
    for path in paths {
        let bytes = fs::read(&path).unwrap();
        if !bytes.is_empty() {
            compare(&program, &mut records, &[&bytes], &path.display().to_string());
        }
    }
}

#[test]
fn the_program_and_the_importer_agree_on_generated_scans() {
    let program = Program::new();
    let mut runner = TestRunner::deterministic();
    let strategy = any_log();
    let logs: Vec<String> = (0..400).map(|_| strategy.new_tree(&mut runner).unwrap().current()).collect();
    // One call for many files is quicker, and one scan of many files is a harder one.
    for files in logs.chunks(50) {
        let files: Vec<&[u8]> = files.iter().map(String::as_bytes).collect();
        let mut records = Records::default();
        compare(
            &program,
            &mut records,
            &files,
            &format!("{:?}", files.iter().map(|file| String::from_utf8_lossy(file)).collect::<Vec<_>>()),
        );
        compare(&program, &mut records, &files[..1], "one of them later");
    }
}

/// A scan with alike results of several rules, some of them with several versions of a fingerprint.
fn alike_results() -> impl Strategy<Value = Vec<u8>> {
    let print = || {
        prop_oneof![
            Just(json!({ "h/v1": "p" })),
            Just(json!({ "h/v1": "p", "h/v2": "q" })),
            Just(json!({ "h/v2": "q" }))
        ]
    };
    let message =
        prop_oneof![Just("Use"), Just("Use of a"), Just("Use of a\n\nand 1"), Just("Use of 2"), Just("Other")];
    let result = (0..4_u8, 0..12_u64, 1..3_u64, message, print(), prop::bool::weighted(0.2), 0..3_u8);
    (prop::collection::vec(result, 0..40), prop_oneof![Just("Help."), Just("Help."), Just("Other help.")]).prop_map(
        |(results, help)| {
            let to_json =
                |(rule, line, column, message, prints, is_suppressed, kind): (u8, u64, u64, &str, Value, bool, u8)| {
                    let mut result = result_at(&format!("R{rule}"), line + 1, message);
                    let location = match (kind, rule) {
                        // Of rule 3, some have no line, or only a logical name.
                        (0, 3) => json!({ "physicalLocation": { "artifactLocation": { "uri": "a.rs" } } }),
                        (1, 3) => json!({ "logicalLocations": [{ "fullyQualifiedName": "a.rs" }] }),
                        _ => {
                            let mut location = result["locations"][0].take();
                            location["physicalLocation"]["region"]["startColumn"] = json!(column);
                            location
                        }
                    };
                    result["locations"] = json!([location]);
                    result["level"] = json!(if kind == 2 { "note" } else { "error" });
                    let result = with(result, "fingerprints", prints);
                    if is_suppressed { with(result, "suppressions", json!([{ "kind": "inSource" }])) } else { result }
                };
            let rules: Vec<Value> =
                (0..4).map(|rule| json!({ "id": format!("R{rule}"), "help": { "text": help } })).collect();
            let results: Vec<Value> = results.into_iter().map(to_json).collect();
            log_of_run(json!({ "tool": { "driver": { "name": "scanner", "rules": rules } }, "results": results }))
        },
    )
}

#[test]
fn the_program_and_the_importer_agree_on_series_of_scans_with_alike_results() {
    let program = Program::new();
    let mut runner = TestRunner::deterministic();
    let strategy = prop::collection::vec(alike_results(), 4);
    for _ in 0..15 {
        let scans = strategy.new_tree(&mut runner).unwrap().current();
        let mut records = Records::default();
        for (number, scan) in scans.iter().enumerate() {
            let what = || scans.iter().map(|scan| String::from_utf8_lossy(scan)).collect::<Vec<_>>().join("\n");
            compare(&program, &mut records, &[scan], &format!("scan {number} of\n{}", what()));
            for (number, key) in records.keys().iter().enumerate() {
                match number % 7 {
                    0 => records.set_subject(key, "another subject"),
                    1 => records.set_status(key, Status::Accepted),
                    2 | 3 => records.set_status(key, Status::Closed),
                    4 => records.set_status(key, Status::Archived),
                    5 => records.set_status(key, Status::Verified),
                    _ => {}
                }
            }
        }
    }
}

#[test]
fn the_program_and_the_importer_agree_on_very_many_alike_results() {
    let program = Program::new();
    let lines = |lines: &mut dyn Iterator<Item = u64>| {
        log(&json!(lines.map(|line| result_at("R1", line, "A lint.")).collect::<Vec<_>>()))
    };
    let mut records = Records::default();
    let scans =
        [lines(&mut (0..1_100)), lines(&mut (3..1_000).chain(2_000..2_002)), lines(&mut (0..400).map(|n| n + n / 90))];
    for (number, scan) in scans.iter().enumerate() {
        compare(&program, &mut records, &[scan], &format!("scan {number}"));
    }
}
