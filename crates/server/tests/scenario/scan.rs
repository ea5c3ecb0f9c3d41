//! A scan as an HTTP client maps it to findings, implemented from the contract alone, so that it checks the importer
//! independently.

use std::collections::{BTreeSet, HashMap};

use serde_json::{Value, json};

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
        let mut occurrences: HashMap<String, usize> = HashMap::new();
        let findings = run["results"]
            .as_array()
            .expect("results")
            .iter()
            .map(|result| finding(result, &rules, driver["name"].as_str().expect("the tool's name"), &mut occurrences))
            .collect();
        Self { findings }
    }

    /// The distinct keys.
    pub(crate) fn keys(&self) -> BTreeSet<String> {
        self.findings.iter().map(|finding| finding["findingKey"].as_str().expect("a key").to_owned()).collect()
    }
}

fn finding(
    result: &Value,
    rules: &HashMap<&str, &Value>,
    tool: &str,
    occurrences: &mut HashMap<String, usize>,
) -> Value {
    let rule_id = result["ruleId"].as_str().expect("a result's rule");
    let rule = rules[rule_id];
    let physical_location = &result["locations"][0]["physicalLocation"];
    let uri = physical_location["artifactLocation"]["uri"].as_str().expect("a file");
    let location = format!("{uri}:{}", physical_location["region"]["startLine"]);
    let key = format!("{rule_id}:{location}");
    let count = occurrences.entry(key.clone()).or_default();
    *count += 1;
    let severity = match rule["defaultConfiguration"]["level"].as_str() {
        Some("error") => "high",
        Some("note") => "low",
        Some("none") => "info",
        _ => "medium",
    };
    json!({
        "findingKey": if *count == 1 { key } else { format!("{key}:{count}") },
        "title": rule["name"],
        "description": result["message"]["text"],
        "severity": severity,
        "sourceKind": "module_signal",
        "sourceModuleKey": tool,
        "sourceResourceType": "rule",
        "sourceResourceId": rule_id,
        "subjectModuleKey": "code",
        "subjectResourceType": "location",
        "subjectResourceId": location,
    })
}
