//! Imports of tables with the command line.

use std::{fs, io::Write as _, process::Stdio};

use serde_json::{Value, json};

use crate::{
    bundle_imports::{counts, installation},
    support::{CommandOutput, Installation},
};

fn run(installation: &Installation, file: &str, text: &str, options: &[&str]) -> CommandOutput {
    fs::write(installation.folder().join(file), text).expect("a file");
    installation.run(&[&["import", "csv", file, "--workspace", "w"][..], options].concat())
}

/// The summary of an import of risks.
fn import(installation: &Installation, text: &str, options: &[&str]) -> Value {
    let ran = run(installation, "risks.csv", text, &[&["--module", "risks", "--json"][..], options].concat());
    serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("no summary: {}", ran.stderr))
}

/// The risks, as records of a bundle.
fn risks(installation: &Installation) -> Vec<Value> {
    let ran = installation.run(&["export", "--workspace", "w", "--module", "risks"]);
    ran.stdout.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON")["record"].clone()).collect()
}

const REGISTER: &str = "\u{feff}Risk register\r\nRef;Name;Status;Details;Notes\r\n\
    RSK-1;The core vendor is sold;Under treatment;\"Two offers;\r\nthe contract ends\";x\r\n\
    RSK-2;A branch floods;Worrying;;\r\n\r\n;;;;\r\nRSK-3;'=cmd|' /C calc'!A0;ASSESSED;;\r\n";

#[test]
fn a_dry_run_shows_the_columns_and_the_faults_and_a_second_import_changes_nothing() {
    let installation = installation(&["w"]);
    let options = [
        "--module",
        "risks",
        "--header-row",
        "2",
        "--map",
        "riskKey=Ref,title=Name,description=Details",
        "--ignore-unknown",
    ];
    let ran = run(&installation, "risks.csv", REGISTER, &[&options[..], &["--dry-run"]].concat());
    assert_eq!(
        ran.stdout,
        "column     field\n\
         \x20 Ref      riskKey\n\
         \x20 Name     title\n\
         \x20 Status   status\n\
         \x20 Details  description\n\
         not used: Notes\n\
         without a column: subjectModuleKey, subjectResourceType, subjectResourceId, subjectVersionId, \
         ownerResponsibilityAssignmentId (a record that exists keeps them)\n\
         failed: line 5 (RSK-2): status (column C, \"Status\"): must be one of: draft, identified, assessed, under-treatment, \
         accepted, closed, archived (the cell has \"Worrying\")\n\
         would be: created 2, updated 0, unchanged 0, failed 1\n"
    );
    assert_eq!(ran.status.code(), Some(1));
    assert_eq!(risks(&installation), [] as [Value; 0]);
    for expected in [[2, 0, 0, 1], [0, 0, 2, 1]] {
        let ran = run(&installation, "risks.csv", REGISTER, &[&options[..], &["--json"]].concat());
        let summary: Value = serde_json::from_str(&ran.stdout).expect("a summary");
        assert_eq!(counts(&summary), expected);
        assert_eq!(summary["failures"][0]["line"], 5);
        assert_eq!(summary["tables"][0]["columns"][0], json!({ "column": "Ref", "field": "riskKey" }));
        assert_eq!(summary["tables"][0]["unusedColumns"], json!(["Notes"]));
        assert_eq!(summary["tables"][0]["fieldsWithoutColumn"].as_array().expect("a list").len(), 5);
    }
    let risks = risks(&installation);
    assert_eq!(risks[0]["description"], "Two offers;\nthe contract ends");
    assert_eq!(risks[1]["title"], "=cmd|' /C calc'!A0");
    assert_eq!((&risks[0]["status"], &risks[1]["status"]), (&json!("under-treatment"), &json!("assessed")));
}

#[test]
fn an_update_keeps_the_fields_that_the_table_does_not_have_and_clears_those_with_empty_cells() {
    let installation = installation(&["w"]);
    let full = "riskKey,title,description,status,subjectModuleKey,subjectResourceType,subjectResourceId\n\
        RSK-1,One,First,assessed,assets,asset,core-1\n";
    assert_eq!(counts(&import(&installation, full, &[])), [1, 0, 0, 0]);
    assert_eq!(counts(&import(&installation, "riskKey,title\nRSK-1,One\n", &[])), [0, 0, 1, 0]);
    assert_eq!(
        counts(&import(&installation, "riskKey,title,status\nRSK-1,One,Closed\nRSK-2,Two,\n", &[])),
        [1, 1, 0, 0]
    );
    let expected = json!({
        "riskKey": "RSK-1", "title": "One", "description": "First", "status": "closed",
        "subjectModuleKey": "assets", "subjectResourceType": "asset", "subjectResourceId": "core-1",
    });
    assert_eq!(risks(&installation)[0], expected);
    let cleared = "riskKey,title,description,subjectModuleKey,subjectResourceType,subjectResourceId\nRSK-1,One,,,,\n";
    assert_eq!(counts(&import(&installation, cleared, &[])), [0, 1, 0, 0]);
    let expected = json!({ "riskKey": "RSK-1", "title": "One", "description": "", "status": "closed" });
    assert_eq!(risks(&installation)[0], expected);
}

#[test]
fn a_file_with_a_fault_as_a_whole_is_refused_and_nothing_of_any_file_is_imported() {
    let installation = installation(&["w"]);
    fs::write(installation.folder().join("good.csv"), "riskKey,title\nRSK-1,One\n").expect("a file");
    for (text, expected) in [
        ("", "bad.csv: the file is empty: its first row must name the fields"),
        ("riskKey,name\nRSK-2,Two\n", "bad.csv: no field of a risk has the name of these columns: \"name\" (B)"),
        ("riskKey,title\nRSK-2,\"Two\n", "bad.csv: line 2: the quote at the start of column B is not closed"),
    ] {
        fs::write(installation.folder().join("bad.csv"), text).expect("a file");
        let ran = installation.run(&["import", "csv", "good.csv", "bad.csv", "--workspace", "w", "--module", "risks"]);
        assert_eq!((ran.status.code(), ran.stdout.as_str()), (Some(1), ""), "{text:?}");
        assert!(ran.stderr.contains(expected), "{}", ran.stderr);
    }
    let dry_run = run(&installation, "bad.csv", "riskKey,name\n", &["--module", "risks", "--dry-run"]);
    assert!(dry_run.stdout.contains("\nnot used: name\nwithout a column: title, "), "{}", dry_run.stdout);
    assert_eq!(risks(&installation), [] as [Value; 0]);
    let good = "riskKey,title,status\nRSK-2,Two,draft\n";
    fs::write(installation.folder().join("bad.csv"), good).expect("a file");
    let ran = installation.run(&["import", "csv", "good.csv", "bad.csv", "--workspace", "w", "--module", "risks"]);
    assert!(ran.stdout.contains("created 2, "), "{}", ran.stdout);
}

#[test]
fn rows_refer_to_other_records_by_key_and_those_without_one_fail_with_their_line() {
    let installation = installation(&["w"]);
    let of = |kind: &str, text: &str| {
        let ran = run(&installation, "table.csv", text, &["--kind", kind, "--json"]);
        serde_json::from_str::<Value>(&ran.stdout).unwrap_or_else(|_| panic!("no summary: {}", ran.stderr))
    };
    assert_eq!(counts(&of("framework", "framework key,name,source kind\niso,ISO,Standard\n")), [1, 0, 0, 0]);
    let versions = "Framework key;Version key;Version label;Source kind;Effective at\n\
        iso;2022;ISO 27001:2022;standard;25.10.2022\ngone;1;One;standard;\n";
    let summary = of("framework-version", versions);
    assert_eq!(counts(&summary), [1, 0, 0, 1]);
    assert_eq!(summary["failures"][0]["line"], 3);
    assert!(
        summary["failures"][0]["message"]
            .as_str()
            .is_some_and(|message| message.starts_with("frameworkKey: there is no framework"))
    );
    let nodes = "frameworkVersionKey,parentNodeKey,nodeKind,nodeKey,title,position\n\
        iso/2022,A.5,requirement,A.5.1,Policies,1\niso/2022,,group,A.5,Organizational,0\n";
    assert_eq!(counts(&of("framework-node", nodes)), [2, 0, 0, 0], "a child before its parent");
    assert_eq!(counts(&of("framework-node", nodes)), [0, 0, 2, 0]);
}

#[test]
fn the_standard_input_is_read_and_wrong_usage_names_the_remedy() {
    let installation = installation(&["w"]);
    let mut command = installation.program();
    command.args(["import", "csv", "-", "--workspace", "w", "--module", "risks"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("the program starts");
    child.stdin.take().expect("a pipe").write_all(b"riskKey,title\nRSK-1,One\n").expect("a pipe");
    let output = child.wait_with_output().expect("an output");
    assert!(String::from_utf8_lossy(&output.stdout).starts_with("created 1, "));
    let cases: [(&[&str], &str); 8] = [
        (&[], "import csv: a table has records of one kind; add --kind with one of: control, framework, "),
        (&["--module", "indicators"], "add --kind with one of: indicator, measurement"),
        (&["--kind", "risks"], "--kind risks: must be one of: control, "),
        (&["--kind", "risk", "--map", "title"], "--map title: write FIELD=COLUMN, such as title=Name"),
        (&["--kind", "risk", "--delimiter", "ab"], "must be comma, semicolon, tab, pipe, or one punctuation character"),
        (&["--kind", "risk", "--encoding", "ebcdic"], "use one such as utf-8, utf-16le, windows-1252 or iso-8859-2"),
        (&["--kind", "risk", "--date-format", "us"], "[possible values: dmy, mdy, ymd]"),
        (&["--kind", "risk", "--header-row", "0"], "--header-row"),
    ];
    for (options, expected) in cases {
        let ran = run(&installation, "risks.csv", "riskKey,title\n", options);
        assert_eq!(ran.status.code(), Some(2), "{options:?}");
        assert!(ran.stderr.contains(expected), "{}", ran.stderr);
    }
}
