//! Reports of imports of tables and of exports: translated and unused values, failed rows, refused files, counts.

use std::fs;

use serde_json::{Value, json};

use crate::{
    bundle_imports::{counts, installation},
    support::{CommandOutput, Installation},
};

fn run(installation: &Installation, kind: &str, text: &str, options: &[&str]) -> CommandOutput {
    fs::write(installation.folder().join("table.csv"), text).expect("a file");
    let import = ["import", "csv", "table.csv", "--workspace", "w", "--kind", kind];
    installation.run(&[&import[..], options].concat())
}

fn summary(ran: &CommandOutput) -> Value {
    serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("no summary: {}", ran.stderr))
}

#[test]
fn rows_that_fail_are_written_to_a_file_that_is_imported_once_it_is_corrected() {
    let installation = installation(&["w"]);
    let text =
        "Register\nName;Ref;Score;State;Remarks\nA ATM;R-1;1,5;Open;=x\nA \"B\";R-2;;Unclear;y\nA C;;;Open;\ncut off\n";
    let options = ["--header-row", "2", "--map", "riskKey=Ref,title=Name,status=State", "--ignore-unknown"];
    let maps = ["--map-value", "status:Open=identified", "--map-value", "status:Gone=closed", "--failed", "failed.csv"];
    let path = installation.folder().join("failed.csv");
    for more in [&["--dry-run"][..], &[]] {
        let ran = run(&installation, "risk", text, &[&options[..], &maps, more].concat());
        assert_eq!(ran.status.code(), Some(1));
        assert!(
            ran.stdout.contains("warning: --map-value status:Gone=closed: no cell has this value"),
            "{}",
            ran.stdout
        );
        assert!(ran.stdout.contains("failed.csv has the 3 rows that failed: correct and import it"), "{}", ran.stdout);
        assert!(ran.stdout.contains("created 1, updated 0, unchanged 0, failed 3"), "{}", ran.stdout);
        let is_shown = ran.stdout.contains("value of status: \"Open\" stands for \"identified\" in 2 cells");
        assert_eq!(is_shown, !more.is_empty(), "only the dry run shows values: {}", ran.stdout);
        let failed = fs::read_to_string(&path).expect("a file");
        let lines: Vec<&str> = failed.trim_start_matches('\u{feff}').lines().collect();
        assert_eq!(lines[0], "\"Name\";\"Ref\";\"Score\";\"State\";\"Remarks\";\"Import error\"");
        assert!(
            lines[1].starts_with("\"A \"\"B\"\"\";R-2;;Unclear;y;\"status (column D, \"\"State\"\"): must be one of"),
            "{}",
            lines[1]
        );
        assert!(lines[2].starts_with("A C;;;Open;;\"riskKey (column B, \"\"Ref\"\"): is required"), "{}", lines[2]);
        assert!(lines[3].starts_with("cut off;"), "{}", lines[3]);
        assert_eq!(lines.len(), 4);
        if !more.is_empty() {
            fs::remove_file(&path).expect("a file");
        }
    }
    let again = run(&installation, "risk", text, &[&options[..], &maps].concat());
    assert_eq!(again.status.code(), Some(1));
    assert!(again.stderr.contains("failed.csv exists already"), "{}", again.stderr);
    let failed = fs::read_to_string(&path).expect("a file");
    let corrected =
        failed.replace("Unclear", "Open").replace("A C;;", "A C;R-3;").replace("cut off;", "A D;R-4;;Open;x;");
    let ran = run(&installation, "risk", &corrected, &[&options[2..], &maps[..2], &["--json"]].concat());
    assert_eq!(counts(&summary(&ran)), [3, 0, 0, 0], "{}", ran.stdout);
    let twice = "riskKey,title,status,Import error\nR-9,Nine,Unclear,an earlier reason\n";
    let ran = run(&installation, "risk", twice, &["--failed", "twice.csv"]);
    assert_eq!(ran.status.code(), Some(1));
    let failed = fs::read_to_string(installation.folder().join("twice.csv")).expect("a file");
    assert_eq!(failed.matches("Import error").count(), 1, "{failed}");
    assert!(failed.contains("R-9,Nine,Unclear,") && !failed.contains("an earlier reason"), "{failed}");
    let none = run(&installation, "risk", "riskKey,status\nR-1,closed\n", &["--failed", "none.csv"]);
    assert!(none.status.success() && !installation.folder().join("none.csv").exists(), "no row failed");
}

#[test]
fn a_row_that_fails_only_when_it_is_written_is_in_the_file_of_failed_rows() {
    let installation = installation(&["w"]);
    let text = "frameworkKey,versionKey,versionLabel,sourceKind\nnone,1,One,standard\n";
    let ran = run(&installation, "framework-version", text, &["--failed", "failed.csv", "--json"]);
    assert_eq!(summary(&ran)["failedRows"], json!({ "file": "failed.csv", "rows": 1 }));
    let failed = fs::read_to_string(installation.folder().join("failed.csv")).expect("a file");
    assert!(
        failed.contains("none,1,One,standard,\"frameworkKey: there is no framework with the key \"\"none\"\""),
        "{failed}"
    );
    fs::write(installation.folder().join("other.csv"), text).expect("a file");
    let import =
        ["import", "csv", "table.csv", "other.csv", "--workspace", "w", "--kind", "risk", "--failed", "more.csv"];
    let ran = installation.run(&import);
    assert_eq!(ran.status.code(), Some(2));
    assert!(ran.stderr.contains("--failed: import the files one by one"), "{}", ran.stderr);
}

#[test]
fn columns_with_values_that_only_the_server_sets_are_named_by_the_import_itself() {
    let installation = installation(&["w"]);
    let text = "Finding key,Title,Severity,Source kind,Status,Closed at,ID\nF-1,One,high,audit,Closed,2026-11-01,x\n";
    let ran = run(&installation, "finding", text, &[]);
    assert_eq!(
        ran.stdout,
        "not used: Closed at (only Novantra sets these fields, or --map gives them other columns)\ncreated 1, updated 0, unchanged 0, failed 0\n"
    );
    let ran = run(&installation, "finding", &text.replace("2026-11-01", ""), &[]);
    assert_eq!(ran.stdout, "created 0, updated 0, unchanged 1, failed 0\n");
}

#[test]
fn a_refused_file_has_a_document_with_the_reason_for_scripts() {
    let installation = installation(&["w"]);
    for (text, options, expected) in [
        ("riskKey,name\nR-1,One\n", &[][..], "no field of a risk has the name of these columns: \"name\" (B)"),
        ("riskKey,title\nR-1,\"One\n", &[], "the quote at the start of column B is not closed"),
        (
            "PK\u{3}\u{4}\u{0}\u{ff}",
            &[],
            "the file is no CSV but a ZIP archive, such as a workbook: use `novantra import xlsx`",
        ),
        ("riskKey\nR-1\n", &["--header-row", "9"], "there is no row from --header-row 9 on, or none with a value"),
        ("riskKey,status\n", &["--map-value", "status:a=b"], "--map-value status:a=b: status must be one of: draft, "),
        ("", &[], "the file is empty: its first row must name the fields"),
    ] {
        for more in [&["--dry-run"][..], &[]] {
            let ran = run(&installation, "risk", text, &[options, more, &["--json"]].concat());
            assert_eq!(ran.status.code(), Some(1), "{text:?}");
            let document = summary(&ran);
            assert_eq!((counts(&document), &document["failures"]), ([0; 4], &json!([])), "{document}");
            let error = document["error"].as_str().expect("a reason");
            assert!(error.contains(expected) && ran.stderr.contains(expected), "{error}");
        }
    }
    fs::write(installation.folder().join("a.json"), "[]").expect("a file");
    for format in ["sarif", "oscal-catalog", "oscal-poam", "cyclonedx", "bundle"] {
        let ran = installation.run(&["import", format, "a.json", "--workspace", "w", "--json"]);
        assert_eq!(ran.status.code(), Some(1), "{format}");
        assert!(summary(&ran)["error"].as_str().is_some_and(|error| error.starts_with("a.json: ")), "{format}");
    }
    let utf16: Vec<u8> = "{\"catalog\":{}}".encode_utf16().flat_map(u16::to_le_bytes).collect();
    fs::write(installation.folder().join("a.json"), utf16).expect("a file");
    let ran = installation.run(&["import", "oscal-catalog", "a.json", "--workspace", "w"]);
    assert!(ran.stderr.contains("iconv -f UTF-16 -t UTF-8"), "{}", ran.stderr);
}

#[test]
fn an_export_to_a_file_counts_its_records_and_a_path_in_an_error_is_that_of_the_user() {
    let installation = installation(&["w"]);
    run(&installation, "risk", "riskKey,title\nR-1,One\nR-2,Two\n", &[]);
    run(&installation, "control", "controlKey,title\nC-1,One\n", &[]);
    for (format, file) in [("jsonl", "a.jsonl"), ("xlsx", "a.xlsx")] {
        let ran = installation.run(&["export", "--workspace", "w", "--format", format, "--output", file]);
        assert_eq!((ran.stdout.as_str(), ran.stderr.as_str()), ("", "exported 3 records\n"), "{format}");
        let again = format!("b{file}");
        let ran = installation.run(&["export", "--workspace", "w", "--format", format, "--output", &again, "--json"]);
        let document = summary(&ran);
        assert_eq!(document["records"], 3);
        assert_eq!((&document["byKind"]["risk"], &document["byKind"]["asset"]), (&json!(2), &json!(0)));
    }
    let csv = ["export", "--workspace", "w", "--kind", "control", "--format", "csv"];
    let ran = installation.run(&[&csv[..], &["--output", "c.csv"]].concat());
    assert_eq!(ran.stderr, "exported 1 record\n");
    let ran = installation.run(&csv);
    assert_eq!(ran.stderr, "", "stdout has the records, and nothing else is printed");
    let ran = installation.run(&[&csv[..], &["--output", "nowhere/c.csv"]].concat());
    assert!(ran.stderr.contains("can't write nowhere/c.csv: No such file or directory"), "{}", ran.stderr);
    let missing = installation.run(&["export", "--help"]).stdout;
    for expected in ["to stdout or to a file", "--format xlsx --output", "--format oscal-poam --output"] {
        assert!(missing.contains(expected), "{missing}");
    }
}

#[test]
fn a_percentage_is_imported_with_the_meaning_that_the_caller_names() {
    let installation = installation(&["w"]);
    run(&installation, "indicator", "indicatorKey,title,indicatorKind\nK-1,Phishing,kri\n", &[]);
    let table = |value: &str| format!("indicatorDefinitionKey,measuredAt,measuredValue\nK-1,2026-04-30,{value}\n");
    let ran = run(&installation, "measurement", &table("4.5%"), &["--json"]);
    assert!(
        summary(&ran)["failures"][0]["message"].as_str().is_some_and(|message| {
            message.contains("--percent as-shown for 4.5, or --percent as-fraction for 0.045")
        })
    );
    for (meaning, expected) in [("as-shown", "4.5"), ("as-fraction", "0.045")] {
        run(&installation, "measurement", &table("4.5%"), &["--percent", meaning]);
        let exported = installation.run(&["export", "--workspace", "w", "--kind", "measurement"]).stdout;
        assert!(exported.contains(&format!("\"measuredValue\":\"{expected}\"")), "{exported}");
    }
}
