//! Findings like those of a code scanner: those of `sarif-semgrep-owasp-benchmark.sarif`, about 900 bytes each in a
//! response.

use serde_json::{Value, json};

/// The maximum number of findings in one call.
pub(crate) const MAX_BATCH: usize = 500;

const RULES: &[(&str, &str)] = &[
    (
        "java.lang.security.audit.cbc-padding-oracle.cbc-padding-oracle",
        "Using CBC with PKCS5Padding is susceptible to padding oracle attacks. A malicious actor could discern the \
         difference between plaintext with valid or invalid padding. Further, CBC mode does not include any integrity \
         checks. Use 'AES/GCM/NoPadding' instead.",
    ),
    (
        "java.lang.security.audit.crypto.weak-random.weak-random",
        "Detected use of the functions Math.random() or java.util.Random(). These are not cryptographically strong random \
         number generators. Use java.security.SecureRandom instead.",
    ),
    (
        "java.servlets.security.cookie-secure-flag-false.cookie-secure-flag-false",
        "Default session middleware settings: the secure flag of the cookie is not set. It ensures that the browser sends \
         the cookie over HTTPS only.",
    ),
];

const SEVERITIES: &[&str] = &["low", "medium", "high"];

/// Returns the body of a batch call with findings `first` to `first + count`, all of them new to the collection.
pub(crate) fn batch(first: usize, count: usize) -> String {
    let findings: Vec<Value> = (first..first + count).map(finding).collect();
    json!({ "reason": "Benchmark run, findings of a scanner", "onConflict": "update", "findings": findings })
        .to_string()
}

/// Returns the body that records one finding.
pub(crate) fn single(number: usize) -> String {
    let mut finding = finding(number);
    finding["reason"] = "Benchmark run, findings of a scanner".into();
    finding.to_string()
}

/// Returns the line of a bundle with a finding.
pub(crate) fn bundle_line(number: usize) -> String {
    format!("{}\n", json!({ "kind": "finding", "record": finding(number) }))
}

fn finding(number: usize) -> Value {
    let (rule, message) = RULES[number % RULES.len()];
    let file = format!("src/main/java/org/example/benchmark/testcode/BenchmarkTest{number:06}.java");
    json!({
        "findingKey": format!("{rule}:{file}:59"),
        "title": rule,
        "description": message,
        "severity": SEVERITIES[number % SEVERITIES.len()],
        "sourceKind": "module_signal",
        "sourceModuleKey": "Semgrep OSS",
        "sourceResourceType": "rule",
        "sourceResourceId": rule,
        "subjectModuleKey": "code",
        "subjectResourceType": "location",
        "subjectResourceId": format!("{file}:59"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn findings_have_unique_keys() {
        let keys: std::collections::HashSet<String> =
            (0..MAX_BATCH).map(|number| finding(number)["findingKey"].as_str().unwrap().to_owned()).collect();
        assert_eq!(keys.len(), MAX_BATCH);
        assert!(keys.iter().all(|key| key.len() <= 200 && !key.contains(' ')));
    }

    #[test]
    fn a_full_batch_is_smaller_than_the_maximum_body() {
        assert!(batch(999_000, MAX_BATCH).len() < 1024 * 1024);
    }
}
