//! The measurements and the runs of the demo, which are too many to write line by line.

use serde_json::{Value, json};

use super::findings;

/// Stands for the number of open findings of high or critical severity in the demo.
const TODAY: &str = "";

/// For each indicator, its values of the last thirteen months, the oldest first.
#[rustfmt::skip]
const MEASUREMENTS: &[(&str, [&str; 13])] = &[
    ("phishing-rate", ["9.1", "8.4", "8.8", "7.0", "6.2", "6.6", "5.1", "4.9", "5.6", "4.2", "3.8", "4.0", "3.4"]),
    ("open-high-findings", ["3", "4", "4", "6", "5", "7", "7", "6", "8", "7", "9", "9", TODAY]),
    ("patch-days", ["19", "17", "16", "16", "12", "11", "13", "9", "9", "8", "10", "7", "6"]),
    ("restore-success", ["100", "100", "100", "96", "100", "100", "100", "100", "92", "100", "100", "100", "100"]),
    ("core-availability", ["99.95", "99.97", "99.91", "99.99", "99.42", "99.93", "99.96", "99.98", "99.97", "99.95", "99.99", "99.88", "99.97"]),
    ("request-days", ["24", "22", "27", "25", "21", "19", "18", "20", "17", "16", "18", "15", "14"]),
    ("training-rate", ["91.0", "91.5", "92.0", "93.5", "94.0", "94.5", "95.0", "95.0", "96.5", "97.0", "97.0", "96.0", "94.5"]),
    ("continuity-maturity", ["2", "2", "2", "2", "2", "3", "3", "3", "3", "3", "3", "3", "3"]),
    ("wire-losses", ["0", "0", "0", "0", "41800", "0", "0", "0", "0", "0", "0", "0", "0"]),
];

/// For each monitor, the assets that it checks, and the results of the last fourteen nights, the oldest first: `p` passed,
/// `w` with a warning, `f` failed, `u` unknown.
const RUNS: &[(&str, &[(&str, &str)])] = &[
    ("backup-age", &[("core-db", "pppppppppppppp"), ("wire-desk", "pppppppppppppp"), ("imaging", "ppppppppwfffup")]),
    (
        "patch-age",
        &[("mail-gateway", "wwwffffffffffp"), ("directory", "pppppppppppppp"), ("imaging", "ffffffffffffff")],
    ),
    ("tls-protocols", &[("branch-router-cf", "ffffffffffffff"), ("statement-portal", "pppppppppppppp")]),
    ("leaver-accounts", &[("directory", "ppppppfpppppwp")]),
    ("certificate-expiry", &[("statement-portal", "ppppppww")]),
];

/// The results by their letter, from the gravest on.
const RESULTS: [(char, &str); 4] = [('f', "fail"), ('u', "unknown"), ('w', "warning"), ('p', "pass")];

/// The message of a monitor about the asset at this index, in this night.
fn message(monitor: &str, asset: usize, night: usize, letter: char) -> String {
    match (monitor, letter) {
        (_, 'u') => "No answer within 30 seconds.".to_owned(),
        ("backup-age", 'p') => format!("The newest backup is {} hours old.", 3 + asset + night % 4),
        ("backup-age", 'w') => "The newest backup is 23 hours old.".to_owned(),
        // The imaging system has had none since the ninth night.
        ("backup-age", _) => format!("The newest backup is {} hours old.", 23 + 24 * night.saturating_sub(8)),
        ("patch-age", 'p') => format!("The newest patch is {} days old.", 1 + 3 * asset + night % 13),
        ("patch-age", _) if asset == 0 => format!("The newest patch is {} days old.", 28 + night),
        ("patch-age", _) => format!("The newest patch is {} days old.", 412 + night),
        ("tls-protocols", 'p') => "Offers TLS 1.2 and 1.3.".to_owned(),
        ("tls-protocols", _) => "Offers TLS 1.0 with 3 CBC ciphers.".to_owned(),
        ("leaver-accounts", 'p') => format!("{} leavers of the last year, none with an account.", 61 + night / 4),
        ("leaver-accounts", 'w') => "The account of one leaver was closed this morning.".to_owned(),
        ("leaver-accounts", _) => "Two leavers have an active account.".to_owned(),
        (_, 'p' | 'w') => format!("The certificate is valid for {} more days.", 27 - night),
        _ => "The certificate has expired.".to_owned(),
    }
}

/// The lines of a bundle with all measurements, runs and items.
pub(super) fn lines() -> String {
    let line = |(kind, record): (&str, Value)| json!({ "kind": kind, "record": record }).to_string();
    measurements().chain(runs()).map(line).collect::<Vec<_>>().join("\n")
}

fn measurements() -> impl Iterator<Item = (&'static str, Value)> {
    MEASUREMENTS.iter().flat_map(|(indicator, values)| {
        values.iter().rev().enumerate().map(move |(months, value)| {
            let measured_at = format!("${{-{}d}}", 30 * months + 1);
            let value = if *value == TODAY { findings::open_high_count().to_string() } else { (*value).to_owned() };
            let record =
                json!({ "indicatorDefinitionKey": indicator, "measuredValue": value, "measuredAt": measured_at });
            ("measurement", record)
        })
    })
}

fn runs() -> impl Iterator<Item = (&'static str, Value)> {
    RUNS.iter().flat_map(|(monitor, assets)| {
        let nights = assets.first().map_or(0, |(_, results)| results.len());
        (0..nights).flat_map(move |night| run(monitor, assets, night, nights - night))
    })
}

/// A run of a monitor, this many days ago, and its items.
fn run(monitor: &str, assets: &[(&str, &str)], night: usize, days_ago: usize) -> Vec<(&'static str, Value)> {
    let letters: Vec<char> = assets.iter().filter_map(|(_, results)| results.chars().nth(night)).collect();
    let count = |letter: char| letters.iter().filter(|other| **other == letter).count();
    let gravest = RESULTS.iter().find(|(letter, _)| letters.contains(letter)).map_or("unknown", |(_, name)| name);
    let started_at = format!("${{-{days_ago}d}}");
    let run = json!({
        "monitorDefinitionKey": monitor, "triggerKind": "scheduled", "aggregateResult": gravest,
        "passCount": count('p'), "failCount": count('f'), "warningCount": count('w'), "unknownCount": count('u'),
        "startedAt": started_at, "finishedAt": started_at,
    });
    let items = assets.iter().zip(&letters).enumerate().filter_map(|(index, ((asset, _), letter))| {
        let (_, result) = RESULTS.iter().find(|(other, _)| other == letter)?;
        Some(json!({
            "monitorRunKey": format!("{monitor}/{started_at}"), "result": result,
            "message": message(monitor, index, night, *letter),
            "subjectModuleKey": "assets", "subjectResourceType": "asset",
            "subjectResourceId": format!("${{asset/{asset}}}"), "observedAt": started_at,
        }))
    });
    std::iter::once(("monitor-run", run)).chain(items.map(|item| ("monitor-run-item", item))).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn the_series_of_open_findings_ends_at_their_number_in_the_demo() {
        let last = measurements().find(|(_, record)| record["indicatorDefinitionKey"] == "open-high-findings");
        assert_eq!(last.map(|(_, record)| record["measuredValue"].clone()), Some(json!("10")));
        assert_eq!(findings::open_high_count(), 10);
    }

    #[test]
    fn the_messages_of_a_monitor_differ_by_result_asset_and_night() {
        let messages: BTreeSet<String> =
            runs().filter_map(|(_, record)| Some(record.get("message")?.as_str()?.to_owned())).collect();
        assert!(messages.len() > 40, "{messages:#?}");
        assert!(!messages.iter().any(|message| message.contains("expired")), "{messages:#?}");
    }
}
