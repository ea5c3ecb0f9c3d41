//! A generated scan of the shape of a real one, for tests: 1,768 results of 7 of its 28 rules in 893 files, without
//! levels or fingerprints, and no two of one rule on one line.

use serde_json::{Value, json};

/// Number of results in the generated scan.
pub const RESULTS: usize = 1_768;

const FILES: usize = 893;

/// The rules with results: name, default level, and number of results.
const RULES_WITH_RESULTS: [(&str, &str, usize); 7] = [
    ("cookie-without-httponly", "warning", 776),
    ("cookie-without-samesite", "warning", 776),
    ("query-built-by-concatenation", "error", 116),
    ("block-cipher-with-padding-oracle", "warning", 41),
    ("cookie-without-secure-flag", "warning", 36),
    ("command-built-by-concatenation", "error", 22),
    ("directory-lookup-with-outside-input", "note", 1),
];

/// Number of rules without results.
const UNUSED_RULES: usize = 21;

/// Returns the scan as a SARIF 2.1.0 file, always with the same bytes.
#[must_use]
pub fn sarif() -> Vec<u8> {
    let unused = (1..=UNUSED_RULES).map(|number| rule(&format!("never-met-{number:02}"), "warning"));
    let rules: Vec<Value> = RULES_WITH_RESULTS.iter().map(|(name, level, _)| rule(name, level)).chain(unused).collect();
    let log = json!({
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": { "name": "harbour-scan", "semanticVersion": "4.2.0", "rules": rules } },
            "results": results(),
        }],
    });
    format!("{log:#}\n").into_bytes()
}

fn rule(name: &str, level: &str) -> Value {
    json!({
        "id": id(name),
        "name": id(name),
        "shortDescription": { "text": message_text(name) },
        "defaultConfiguration": { "level": level },
        "properties": { "precision": "high", "tags": ["security"] },
    })
}

fn id(name: &str) -> String {
    format!("java.lang.security.{name}.{name}")
}

/// A message of several lines that is longer than a title may be.
fn message_text(name: &str) -> String {
    let subject = name.replace('-', " ");
    format!(
        "Found: {subject}. An attacker who controls what comes in here\ncan make the application do what its authors did \
         not mean. Check where the value comes from,\nuse the interface that keeps code and values apart, and add a test \
         that fails without it.\nWhere this is meant, suppress the result beside the line and say why, so that the next \
         reader\nneed not ask again.\n"
    )
}

fn results() -> Vec<Value> {
    let mut results = Vec::with_capacity(RESULTS);
    for (rule, (name, _, count)) in RULES_WITH_RESULTS.iter().enumerate() {
        for number in 0..*count {
            let file = (number + rule * 127) % FILES;
            let line = 40 + (number * 7 + rule * 13) % 60;
            results.push(json!({
                "ruleId": id(name),
                "message": { "text": message_text(name) },
                "locations": [{
                    "physicalLocation": {
                        "artifactLocation": {
                            "uri": format!("src/main/java/example/teller/Servlet{file:05}.java"),
                            "uriBaseId": "%SRCROOT%",
                        },
                        "region": { "startLine": line, "startColumn": 4, "endLine": line, "endColumn": 83 },
                    },
                }],
            }));
        }
    }
    results
}
