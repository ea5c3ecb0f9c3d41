//! A scan as an HTTP client maps it to findings, implemented from the contract alone, so that it checks the importer
//! independently.

use std::collections::{BTreeSet, HashMap};

use regex::{Captures, Regex};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// The request bodies of the findings of a scan.
pub(crate) struct Scan {
    pub(crate) findings: Vec<Value>,
}

impl Scan {
    pub(crate) fn from_sarif(sarif: &[u8]) -> Self {
        let log: Value = serde_json::from_slice(sarif).expect("a SARIF log");
        let run = &log["runs"][0];
        let driver = &run["tool"]["driver"];
        let rules: HashMap<&str, &Value> = driver["rules"]
            .as_array()
            .expect("rules")
            .iter()
            .map(|rule| (rule["id"].as_str().expect("a rule's id"), rule))
            .collect();
        let mut findings: Vec<Value> = run["results"]
            .as_array()
            .expect("results")
            .iter()
            .map(|result| finding(result, &rules, driver["name"].as_str().expect("the tool's name")))
            .collect();
        distinguish(&mut findings);
        Self { findings }
    }

    /// The distinct keys.
    pub(crate) fn keys(&self) -> BTreeSet<String> {
        self.findings.iter().map(|finding| finding["findingKey"].as_str().expect("a key").to_owned()).collect()
    }
}

/// A finding of a result without fingerprints, whose snippet is not in the file either: its key is that of the tool,
/// the rule, the file and the message.
fn finding(result: &Value, rules: &HashMap<&str, &Value>, tool: &str) -> Value {
    let rule_id = result["ruleId"].as_str().expect("a result's rule");
    let rule = rules[rule_id];
    let physical_location = &result["locations"][0]["physicalLocation"];
    let base = physical_location["artifactLocation"]["uriBaseId"].as_str().expect("a base");
    let uri = physical_location["artifactLocation"]["uri"].as_str().expect("a file");
    let artifact = format!("{base}/{uri}");
    let message = result["message"]["text"].as_str().expect("a message");
    let mark = hex(&without_numbers(message));
    let identified = format!("artifact:{}:{base}{uri}", base.len());
    let parts: String =
        [tool, "", rule_id, &identified, &mark].iter().map(|part| format!("{}:{part}", part.len())).collect();
    let readable: String = format!("{tool}:{rule_id}:{artifact}").chars().take(155).collect();
    let severity = match rule["defaultConfiguration"]["level"].as_str() {
        Some("error") => "high",
        Some("note") => "low",
        Some("none") => "info",
        _ => "medium",
    };
    let description = match rule["fullDescription"]["text"].as_str() {
        Some(more) if !message.contains(more.trim()) => format!("{}\n\n{more}", message.trim_end()),
        _ => message.to_owned(),
    };
    json!({
        "findingKey": format!("{readable}#{}", &hex(&parts)[..16]),
        "title": shortened(rule["shortDescription"]["text"].as_str().expect("a short description")),
        "description": description,
        "severity": severity,
        "sourceKind": "module_signal",
        "sourceModuleKey": tool,
        "sourceResourceType": "rule",
        "sourceResourceId": rule_id,
        "subjectModuleKey": "code",
        "subjectResourceType": "location",
        "subjectResourceId": format!("{artifact}:{}", physical_location["region"]["startLine"]),
    })
}

/// Gives each result that is alike to another of a lower line the suffix with its line.
fn distinguish(findings: &mut [Value]) {
    let line = |finding: &Value| -> u64 {
        let subject = finding["subjectResourceId"].as_str().expect("a location");
        subject.rsplit_once(':').expect("a line").1.parse().expect("a number")
    };
    let mut first: HashMap<String, u64> = HashMap::new();
    for finding in &*findings {
        let key = finding["findingKey"].as_str().expect("a key").to_owned();
        let lowest = first.entry(key).or_insert(u64::MAX);
        *lowest = line(finding).min(*lowest);
    }
    for finding in findings {
        let (key, line) = (finding["findingKey"].as_str().expect("a key"), line(finding));
        if first[key] < line {
            finding["findingKey"] = json!(format!("{key}:{line}"));
        }
    }
}

fn hex(text: &str) -> String {
    Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The text with one zero for each number that is no part of a name.
fn without_numbers(text: &str) -> String {
    let words = Regex::new("[A-Za-zÀ-ԯ][A-Za-zÀ-ԯ0-9_.-]*|[0-9]+").expect("a pattern");
    let folded = words.replace_all(text, |word: &Captures<'_>| {
        if word[0].starts_with(|first: char| first.is_ascii_digit()) { "0".to_owned() } else { word[0].to_owned() }
    });
    folded.into_owned()
}

fn shortened(title: &str) -> String {
    let title = title.replace('\n', " ");
    let title = title.trim();
    if title.chars().count() <= 300 { title.to_owned() } else { title.chars().take(299).chain(['…']).collect() }
}
