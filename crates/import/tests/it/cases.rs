//! The small files of `NOVANTRA_TEST_DATA/cases`, each with its right value.

use std::{collections::BTreeSet, fs};

use novantra_import::{Unreadable, sarif::read};

use crate::support::{Records, case, test_data};

/// A case: the start of its name, its findings, and what is repaired, counted or warned of.
type Case = (&'static str, &'static [&'static str], &'static [&'static str]);

#[rustfmt::skip]
const CASES: &[Case] = &[
    ("01-author-as-fingerprint-a", &["medium leak-scan:aws-key:deploy.sh deploy.sh:3 | A key in deploy.sh."], &[]),
    ("01-author-as-fingerprint-b", &["medium leak-scan:gcp-key:ci.yml ci.yml:9 | A key in ci.yml.", "medium leak-scan:aws-key:deploy.sh deploy.sh:3 | A key in deploy.sh."], &[]),
    ("02-line-hash-two-rules-a", &["medium code-scan:sql-injection:app.js app.js:10 | SQL injection.", "medium code-scan:hardcoded-password:app.js app.js:10 | Password in the code."], &[]),
    ("02-line-hash-two-rules-b", &["medium code-scan:hardcoded-password:app.js app.js:10 | Password in the code."], &[]),
    ("04-same-cve-two-tools-a", &["high alpha-sca:CVE-2021-44228:app/lib.jar app/lib.jar:1 | alpha: log4j-core 2.14.1, fixed in 2.15.0"], &[]),
    ("04-same-cve-two-tools-b", &["medium beta-sca:CVE-2021-44228:app/lib.jar app/lib.jar:1 | beta: log4j-core 2.14.1 is vulnerable"], &[]),
    ("07-startline-minus-one", &["medium iac-scan:no-user:Dockerfile Dockerfile | The Dockerfile has no USER."], &["repaired: runs[0].results[0].locations[0].physicalLocation.region.startLine"]),
    ("07b-startline-zero", &["medium iac-scan:no-user:Dockerfile Dockerfile | The Dockerfile has no USER."], &["repaired: runs[0].results[0].locations[0].physicalLocation.region.startLine"]),
    ("07c-startline-float", &["medium iac-scan:no-user:Dockerfile Dockerfile:5 | The Dockerfile has no USER."], &["repaired: runs[0].results[0].locations[0].physicalLocation.region.startLine"]),
    ("08-unknown-level-in-a-result", &["medium policy-lint:r1:p.rego p.rego:1 | Old rule.", "high policy-lint:r2:p.rego p.rego:2 | Real fault."], &["repaired: runs[0].results[0].level"]),
    ("09-unknown-level-in-a-rule", &["high policy-lint:r2:p.rego p.rego:2 | Real fault."], &["repaired: runs[0].tool.driver.rules[0].defaultConfiguration.level"]),
    ("09b-unknown-kind", &["high policy-lint:r2:p.rego p.rego:2 | Real fault."], &["repaired: runs[0].results[0].kind"]),
    ("10-lone-surrogate-in-a-message", &["medium emoji-lint:r1:a.md a.md:1 | Cut in the middle: �", "medium emoji-lint:r2:a.md a.md:2 | Whole."], &["repaired:"]),
    ("12-utf16le-bom", &["medium ps-lint:r1:a.ps1 a.ps1:1 | Plain."], &[]),
    ("12b-utf8-bom", &["medium ps-lint:r1:a.ps1 a.ps1:1 | Plain."], &[]),
    ("12c-latin1-snippet", &["medium c-lint:r1:a.c a.c:1 | Plain."], &["repaired:"]),
    ("13-constant-fingerprint", &["medium sem-scan:r1:a.py a.py:1 | One.", "medium sem-scan:r2:b.py b.py:2 | Two."], &[]),
    ("13c-nested-fingerprint", &["medium sca:r1:npm/x@1 npm/x@1 | One."], &["repaired: runs[0].results[0].fingerprints.row"]),
    ("14-null-results-and-rules", &[], &["incomplete: it has no list of results"]),
    ("15-null-runs", &[], &["warning: the file has no runs, so it is an empty scan"]),
    ("16-no-runs", &[], &["warning: the file has no runs, so it is an empty scan"]),
    ("16b-empty-extensions", &[], &[]),
    ("17-logical-locations-a", &["medium byte-scan:SQL:com.example.Login.check com.example.Login.check | SQL in Login", "medium byte-scan:SQL:com.example.Report.run com.example.Report.run | SQL in Report"], &[]),
    ("17-logical-locations-b", &["medium byte-scan:SQL:com.example.Report.run com.example.Report.run | SQL in Report"], &[]),
    ("19-rule-name-is-a-class", &["medium img-scan:CVE-2023-0001:app app:1 | zlib: heap overflow in inflate | Package: zlib", "medium img-scan:CVE-2023-0002:app app:1 | openssl: use after free in BIO | Package: openssl"], &[]),
    ("20-security-severity-words", &["high sev-scan:s0:a.py a.py:1 | security-severity 'MEDIUM'", "high sev-scan:s1:a.py a.py:2 | security-severity 'Medium'", "high sev-scan:s2:a.py a.py:3 | security-severity 'undefined'", "high sev-scan:s3:a.py a.py:4 | security-severity ''", "high sev-scan:s4:a.py a.py:5 | security-severity '9,8'", "high sev-scan:s5:a.py a.py:6 | security-severity ' 7.5 '", "low sev-scan:s6:a.py a.py:7 | security-severity '-1'", "low sev-scan:s7:a.py a.py:8 | security-severity '0.0'", "critical sev-scan:s8:a.py a.py:9 | security-severity '10'", "medium sev-scan:s9:a.py a.py:10 | security-severity 6.5", "high sev-scan:s10:a.py a.py:11 | security-severity None", "high sev-scan:s11:a.py a.py:12 | security-severity ['5']", "critical sev-scan:s12:a.py a.py:13 | security-severity '1e1'", "high sev-scan:s13:a.py a.py:14 | security-severity 'NaN'"], &["repaired: runs[0].results[0].properties.security-severity", "repaired: runs[0].results[1].properties.security-severity", "repaired: runs[0].results[2].properties.security-severity", "repaired: runs[0].results[3].properties.security-severity", "repaired: runs[0].results[4].properties.security-severity", "repaired: runs[0].results[11].properties.security-severity", "repaired: runs[0].results[13].properties.security-severity"]),
    ("21-kinds", &["medium audit-scan:k-review:a.py a.py:4 | kind review", "medium audit-scan:k-open:a.py a.py:5 | kind open", "info audit-scan:k-fail:a.py a.py:6 | kind fail"], &["passed: 3"]),
    ("22-suppressed-a", &["medium sup-scan:s1:a.py a.py:1 | Open today."], &[]),
    ("22-suppressed-b", &["suppressed medium sup-scan:s1:a.py a.py:1 | Open today."], &[]),
    ("22c-suppression-shapes", &["suppressed medium sup-scan:c1:b.py b.py:1 | accepted", "medium sup-scan:c2:b.py b.py:2 | under review", "medium sup-scan:c3:b.py b.py:3 | rejected", "medium sup-scan:c4:b.py b.py:4 | empty list", "medium sup-scan:c5:b.py b.py:5 | in source accepted and external rejected"], &[]),
    ("23-baseline", &["medium base-scan:b-new:a.py a.py:1 | baseline new", "medium base-scan:b-unchanged:a.py a.py:2 | baseline unchanged", "medium base-scan:b-updated:a.py a.py:3 | baseline updated"], &["absent: 1"]),
    ("24-message-by-id", &["medium msg-scan:M1/sub - | 'x' is y; see here.", "medium msg-scan:M1 - | Global z.", "medium msg-scan:M1 - | has a and {braces}", "medium msg-scan:M1 - | M1 | ", "medium msg-scan:M1 - | **bold**"], &["repaired: runs[0].results[3].message.id", "repaired: runs[0].results[3].message"]),
    ("25-rules-in-extensions", &["critical ext-scan:E1 - | by index", "critical ext-scan:E1 - | by id alone", "critical ext-scan:E1 - | index says otherwise"], &[]),
    ("26-configuration-overrides", &["high cs-comp:CA1:a.cs a.cs:1 | Raised to error by the project."], &[]),
    ("27-two-uri-bases", &["medium base-scan:U1:SRC/a.c SRC/a.c:1 | in src", "medium base-scan:U1:GEN/a.c GEN/a.c:1 | in gen"], &[]),
    ("28-paths", &["medium path-scan:P:C:/src/a.c C:/src/a.c:1 | C:\\src\\a.c", "medium path-scan:P:file:///C:/src/a.c file:///C:/src/a.c:1 | file:///C:/src/a.c", "medium path-scan:P:src/gr%C3%B6%C3%9Fe.c src/größe.c:1 | src/gr%C3%B6%C3%9Fe.c", "medium path-scan:P:src/gr%C3%B6%C3%9Fe.c src/größe.c:1 | src/größe.c", "medium path-scan:P:src/b.c src/b.c:1 | src\\b.c", "medium path-scan:P:src/b.c src/b.c:1 | src/b.c", "medium path-scan:P:src/b.c src/b.c:1 | ./src/b.c", "medium path-scan:P:a%20b/c.c a b/c.c:1 | a b/c.c"], &[]),
    ("32-order-a", &["medium ord-scan:D:env env:1 | First secret on the line.", "medium ord-scan:D:env env:1 | Second secret on the line."], &[]),
    ("32-order-b", &["medium ord-scan:D:env env:1 | Second secret on the line.", "medium ord-scan:D:env env:1 | First secret on the line."], &[]),
    ("33-line-moves-a", &["medium mov-scan:L:m.py m.py:10 | Weak hash."], &[]),
    ("33-line-moves-b", &["medium mov-scan:L:m.py m.py:11 | Weak hash."], &[]),
    ("34-duplicate-member", &["high dup:d1 - | level twice"], &["repaired: runs[0].results[0].level"]),
    ("35-null-location", &["medium null-scan:n1 - | null location", "medium null-scan:n2 - | null physical"], &["repaired: runs[0].results[0].locations[0]"]),
    ("36-rule-without-id", &["medium bare-scan:r2:a.py a.py:1 | Real fault."], &["repaired: runs[0].tool.driver.rules[0].id"]),
    ("36b-tool-without-name", &["medium unknown:r2:a.py a.py:1 | Real fault."], &["repaired: runs[0].tool.driver.name", "incomplete: its tool has no name"]),
    ("38-duplicate-rule-ids", &["medium dupr-scan:google:a.py a.py:1 | Found."], &[]),
    ("43-one-result-not-in-a-list", &["medium ps-lint:r2:a.ps1 a.ps1:1 | Real fault."], &["repaired: runs[0].results"]),
    ("44-numeric-rule-id", &["medium num-lint:2072:a.sh a.sh:1 | Real fault."], &["repaired: runs[0].tool.driver.rules[0].id", "repaired: runs[0].results[0].ruleId"]),
    ("45-message-is-text", &["medium old-lint:r:a.c a.c:1 | plain text"], &["repaired: runs[0].results[0].message"]),
    ("46-deep-properties", &["medium deep-lint:r2:a.c a.c:1 | Real fault.", "medium deep-lint:r3:a.c a.c:2 | Other."], &[]),
    ("47-link-in-the-message", &["medium ql-scan:js/xss:a.js a.js:1 | This value depends on a user-provided value."], &[]),
    ("48-same-hash-two-files-a", &["medium code-scan:empty-except:good/db.py good/db.py:39 | Empty except.", "medium code-scan:empty-except:bad/db.py bad/db.py:40 | Empty except."], &[]),
    ("48-same-hash-two-files-b", &["medium code-scan:empty-except:bad/db.py bad/db.py:40 | Empty except."], &[]),
    ("49-stable-fingerprints-ignored-a", &["medium sem-scan:L:m.py m.py:10 | Weak hash."], &[]),
    ("49-stable-fingerprints-ignored-b", &["medium sem-scan:L:m.py m.py:11 | Weak hash."], &[]),
];

/// Each finding of the file: its severity, the readable part of its key, its subject, title and description.
fn outline(bytes: &[u8]) -> (Vec<String>, Vec<String>) {
    let file = read(bytes, None).expect("a SARIF file");
    let mut notes: Vec<String> = file.warnings.iter().map(|warning| format!("warning: {warning}")).collect();
    notes.extend(file.repairs.iter().map(|repair| format!("repaired: {}", repair.path).trim().to_owned()));
    for run in &file.runs {
        notes.extend(run.failures.iter().map(|failure| format!("failed: {}", failure.message)));
        notes.extend(run.incomplete.iter().map(|reason| format!("incomplete: {reason}")));
        for (name, count) in [("passed", run.passed), ("absent", run.absent)] {
            notes.extend((count > 0).then(|| format!("{name}: {count}")));
        }
    }
    let in_file: Vec<_> = file.runs.iter().flat_map(|run| &run.results).map(|result| result.record.clone()).collect();
    let mut findings = Vec::new();
    for result in in_file {
        let finding = result.finding();
        let key = finding.key.as_str();
        let readable = key.split_once('#').expect("a digest").0;
        let subject = finding.subject.as_ref().map_or("-", |subject| subject.resource_id.as_str());
        let description = finding.description.as_ref().expect("a description");
        let more =
            if description.as_str() == finding.title.as_str() { String::new() } else { format!(" | {description}") };
        let suppressed = if result.suppression.is_some() { "suppressed " } else { "" };
        findings.push(format!(
            "{suppressed}{} {readable} {subject} | {}{more}",
            finding.severity.name(),
            finding.title
        ));
    }
    let keyed = Records::default().keyed(&[bytes]);
    let keys: BTreeSet<_> = keyed.iter().map(|keyed| keyed.key.clone()).collect();
    assert_eq!(keys.len(), findings.len(), "each result is a finding of its own");
    (findings, notes)
}

#[test]
fn every_case_gives_its_right_value() {
    let Some(folder) = test_data() else { return };
    let entries = fs::read_dir(folder.join("cases")).unwrap().map(|entry| entry.unwrap().path());
    let files = entries.filter(|path| path.extension().is_some_and(|extension| extension == "sarif"));
    let mut names: BTreeSet<String> =
        files.map(|path| path.file_stem().unwrap().to_string_lossy().into_owned()).collect();
    for (name, findings, notes) in CASES {
        assert!(names.remove(*name), "there is no case {name}");
        let bytes = case(name).unwrap();
        let (found, noted) = outline(&bytes);
        assert_eq!(found, *findings, "{name}");
        assert_eq!(noted, *notes, "{name}");
    }
    assert_eq!(read(&case("12d").unwrap(), None), Err(Unreadable::Empty));
    assert_eq!(names, BTreeSet::from(["12d-empty".to_owned()]), "cases without a right value");
}

/// The subjects of the findings that are created, updated and left unchanged by `-b` after `-a`.
fn after_its_predecessor(number: &str) -> Option<[Vec<String>; 3]> {
    let mut records = Records::default();
    records.import(&[&case(&format!("{number}-a"))?]);
    let keys = records.import(&[&case(&format!("{number}-b"))?]);
    let subject = |key: String| records.get(&key).subject.as_ref().expect("a subject").resource_id.to_string();
    Some(keys.map(|keys| keys.into_iter().map(subject).collect()))
}

#[test]
fn no_later_scan_takes_over_a_finding_of_another_problem() {
    if test_data().is_none() {
        return;
    }
    for (number, created, updated, unchanged) in [
        ("01-author-as-fingerprint", vec!["ci.yml:9"], vec![], vec!["deploy.sh:3"]),
        ("02-line-hash-two-rules", vec![], vec![], vec!["app.js:10"]),
        ("04-same-cve-two-tools", vec!["app/lib.jar:1"], vec![], vec![]),
        ("17-logical-locations", vec![], vec![], vec!["com.example.Report.run"]),
        ("22-suppressed", vec![], vec![], vec!["a.py:1"]),
        ("32-order", vec![], vec![], vec!["env:1", "env:1"]),
        ("33-line-moves", vec![], vec!["m.py:11"], vec![]),
        ("48-same-hash-two-files", vec![], vec![], vec!["bad/db.py:40"]),
        ("49-stable-fingerprints-ignored", vec![], vec!["m.py:11"], vec![]),
    ] {
        assert_eq!(after_its_predecessor(number).unwrap(), [created, updated, unchanged], "{number}");
    }
}

#[test]
fn the_same_vulnerability_of_two_tools_is_two_findings_in_one_command_and_in_two() {
    let (Some(alpha), Some(beta)) = (case("04-same-cve-two-tools-a"), case("04-same-cve-two-tools-b")) else { return };
    let mut records = Records::default();
    assert_eq!(records.counts(&[&alpha, &beta]), [2, 0, 0]);
    for files in [vec![&alpha[..]], vec![&beta[..]], vec![&alpha[..], &beta[..]], vec![&beta[..], &alpha[..]]] {
        assert_eq!(records.counts(&files), [0, 0, files.len()]);
    }
}
