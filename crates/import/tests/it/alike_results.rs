//! Tests of results that agree in all parts of their identity: each keeps its finding.

use std::collections::{BTreeMap, HashMap};

use proptest::{prelude::*, sample::subsequence};
use serde_json::{Value, json};

use crate::support::{Records, log, log_of_run, result_at, with};

/// A result of the one identity, with a message of its own.
fn said(message: &str, line: u64) -> Value {
    with(result_at("R1", line, message), "fingerprints", json!({ "id": "shared" }))
}

fn suppressed(result: Value) -> Value {
    with(result, "suppressions", json!([{ "kind": "inSource" }]))
}

fn of_lines(lines: &[u64]) -> Vec<u8> {
    log(&json!(lines.iter().map(|line| said("A lint.", *line)).collect::<Vec<_>>()))
}

/// The keys of the results in the order of their lines, suppressed ones included.
fn keys(records: &Records, file: &[u8]) -> Vec<String> {
    let line = |subject: &str| subject.rsplit_once(':').map(|(_, line)| line.parse::<u64>().expect("a line"));
    let mut keyed: Vec<_> = records
        .keyed(&[file])
        .iter()
        .map(|keyed| (line(keyed.finding().subject.expect("a subject").resource_id.as_str()), keyed.key.to_string()))
        .collect();
    keyed.sort();
    keyed.into_iter().map(|(_, key)| key).collect()
}

/// Imports both files, and returns the keys of the results of each.
fn keys_before_and_after(before: &[u8], after: &[u8]) -> (Vec<String>, Vec<String>) {
    let mut records = Records::default();
    records.import(&[before]);
    (keys(&records, before), keys(&records, after))
}

#[test]
fn findings_follow_their_results_when_lines_are_inserted_or_removed() {
    for (before, after) in [
        (&[10, 11, 12, 13][..], &[11, 12, 13, 14][..]),
        (&[10, 30, 50], &[11, 31, 51]),
        (&[10, 30, 50], &[10, 35, 55]),
        (&[11, 12, 40], &[10, 11, 39]),
        (&[10, 10, 20], &[20, 20, 30]),
    ] {
        let (before_keys, after_keys) = keys_before_and_after(&of_lines(before), &of_lines(after));
        assert_eq!(before_keys, after_keys, "{before:?} then {after:?}");
    }
}

#[test]
fn a_shift_and_its_reversal_close_nothing() {
    let mut records = Records::default();
    let (first, shifted) = (of_lines(&[10, 20, 30, 40]), of_lines(&[11, 21, 31, 41]));
    assert_eq!(records.counts(&[&first]), [4, 0, 0]);
    let before = keys(&records, &first);
    assert_eq!(records.counts(&[&shifted]), [0, 4, 0]);
    assert_eq!(records.counts(&[&first]), [0, 4, 0]);
    assert_eq!(keys(&records, &first), before);
}

#[test]
fn results_keep_the_findings_with_their_descriptions_wherever_they_move() {
    let at = |results: &[(&str, u64)]| {
        log(&json!(results.iter().map(|(message, line)| said(message, *line)).collect::<Vec<_>>()))
    };
    let (before, after) = keys_before_and_after(&at(&[("A", 10), ("B", 20)]), &at(&[("A", 20), ("B", 30)]));
    assert_eq!(before, after, "ten lines were inserted");
    let (before, after) = keys_before_and_after(&at(&[("A", 10), ("B", 20)]), &at(&[("B", 10), ("A", 20)]));
    assert_eq!(before, [&*after[1], &*after[0]], "they changed places");
    let (before, after) = keys_before_and_after(&at(&[("acct 1", 10)]), &at(&[("acct 99", 10), ("acct 1", 15)]));
    assert_eq!(before, after[1..], "the new one is where the other was");
}

#[test]
fn results_that_moved_keep_the_findings_with_their_messages_when_the_help_of_their_rule_changes() {
    let with_help = |help: &str, results: &[(&str, u64)]| {
        let results: Vec<Value> = results.iter().map(|(message, line)| said(message, *line)).collect();
        let rule = json!({ "id": "R1", "help": { "text": help } });
        log_of_run(json!({ "tool": { "driver": { "name": "scanner", "rules": [rule] } }, "results": results }))
    };
    let (before, after) = keys_before_and_after(
        &with_help("Old help.", &[("Use of a", 10), ("Use of a\n\nand b", 20), ("Use of b", 30)]),
        &with_help("New help.", &[("Use of b", 10), ("Use of a", 20), ("Use of a\n\nand b", 30)]),
    );
    assert_eq!(after, [&*before[2], &*before[0], &*before[1]]);
}

#[test]
fn a_suppressed_result_takes_over_no_finding_and_no_key_of_another() {
    let one = log(&json!([said("acct 1", 10)]));
    let (before, after) = keys_before_and_after(&one, &log(&json!([suppressed(said("acct 9", 15))])));
    assert_ne!(before, after, "another problem, at another line");
    let (before, after) = keys_before_and_after(&one, &log(&json!([suppressed(said("acct 1", 15))])));
    assert_eq!(before, after, "it moved");
    let (before, after) = keys_before_and_after(&one, &log(&json!([suppressed(said("acct 9", 10))])));
    assert_eq!(before, after, "its message changed");
    let both = log(&json!([suppressed(said("A lint.", 5)), said("A lint.", 10)]));
    let fresh = keys(&Records::default(), &both);
    assert_eq!(fresh[0], format!("{}:5", fresh[1]), "the one that makes a finding has the key");
    let (before, after) =
        keys_before_and_after(&one, &log(&json!([suppressed(said("acct 1", 11)), said("acct 1", 14)])));
    assert_eq!(before[0], after[1], "the one that is not suppressed comes first");
}

#[test]
fn a_finding_of_an_older_fingerprint_is_only_kept_at_its_line_or_with_its_description() {
    let print = |message: &str, line: u64, prints: Value| with(result_at("R1", line, message), "fingerprints", prints);
    let old = log(&json!([print("Problem A", 10, json!({ "h/v1": "x" }))]));
    for (message, line, is_kept) in
        [("Problem A", 30, true), ("Problem of A", 10, true), ("Problem B", 30, false), ("Problem A", 10, true)]
    {
        let new = log(&json!([print(message, line, json!({ "h/v1": "x", "h/v2": "n" }))]));
        let (before, after) = keys_before_and_after(&old, &new);
        assert_eq!(before == after, is_kept, "{message} at {line}");
    }
    let both = log(&json!([
        print("Problem A", 10, json!({ "h/v1": "x" })),
        print("Problem A", 10, json!({ "h/v1": "x", "h/v2": "n" })),
    ]));
    let mut records = Records::default();
    records.import(&[&old]);
    assert_eq!(records.counts(&[&both]), [1, 0, 1], "the one that still has the old fingerprint alone keeps it");
}

#[test]
fn equal_results_of_different_levels_keep_their_findings_in_any_order_of_the_file() {
    let results = ["error", "note", "warning"].map(|level| with(said("m", 7), "level", json!(level)));
    let mut records = Records::default();
    records.import(&[&log(&json!(results))]);
    let reversed: Vec<_> = results.iter().rev().collect();
    assert_eq!(records.counts(&[&log(&json!(reversed))]), [0, 0, 3]);
}

#[test]
fn a_finding_whose_subject_somebody_changed_is_kept_by_its_description_or_its_order() {
    let mut records = Records::default();
    let file = log(&json!([said("A", 10), said("B", 20)]));
    records.import(&[&file]);
    let before = keys(&records, &file);
    for key in &before {
        records.set_subject(key, "a ticket");
    }
    assert_eq!(keys(&records, &log(&json!([said("B", 10), said("A", 20)]))), [&*before[1], &*before[0]]);
    assert_eq!(keys(&records, &log(&json!([said("C", 10), said("D", 20)]))), before);
}

#[test]
fn ten_thousand_alike_results_at_one_line_are_numbered_and_found_again() {
    let file = of_lines(&[7; 10_000]);
    let mut records = Records::default();
    assert_eq!(records.counts(&[&file]), [10_000, 0, 0]);
    assert_eq!(records.counts(&[&file]), [0, 0, 10_000]);
    assert_eq!(records.counts(&[&of_lines(&[8; 10_000])]), [0, 10_000, 0]);
}

/// A result of a generated scan.
#[derive(Clone, Debug)]
struct Generated {
    message: usize,
    line: u64,
    level: &'static str,
}

impl Generated {
    fn to_json(&self) -> Value {
        with(said(&format!("Message {}", self.message), self.line), "level", json!(self.level))
    }
}

fn file_of(results: &[Generated]) -> Vec<u8> {
    log(&json!(results.iter().map(Generated::to_json).collect::<Vec<_>>()))
}

/// Results in the order of their lines, of which several may have one message.
fn generated() -> impl Strategy<Value = Vec<Generated>> {
    let level = prop_oneof![Just("error"), Just("warning")];
    let result = (0..4_usize, 0..4_u64, level);
    prop::collection::vec(result, 1..12).prop_map(|results| {
        let mut line = 1;
        let to_result = |(message, gap, level)| {
            line += gap;
            Generated { message, line, level }
        };
        results.into_iter().map(to_result).collect()
    })
}

/// The keys by what tells a result of the scan apart, for those messages that one result alone has.
fn keys_of_unambiguous(records: &Records, results: &[Generated]) -> BTreeMap<String, String> {
    let mut counts: HashMap<usize, usize> = HashMap::new();
    for result in results {
        *counts.entry(result.message).or_default() += 1;
    }
    let keyed = records.keyed(&[&file_of(results)]);
    let keyed = keyed
        .iter()
        .map(|keyed| (keyed.finding().description.expect("a description").to_string(), keyed.key.to_string()));
    let unambiguous = |description: &String| {
        let message = description.strip_prefix("Message ").and_then(|number| number.parse().ok());
        message.is_some_and(|message: usize| counts.get(&message) == Some(&1))
    };
    keyed.filter(|(description, _)| unambiguous(description)).collect()
}

proptest! {
    #[test]
    fn an_unambiguous_result_keeps_its_finding_whatever_else_changes(
        (before, mut after) in generated().prop_flat_map(|before| {
            let kept = subsequence(before.clone(), 0..=before.len());
            (Just(before), kept)
        }),
        added in generated(),
        shift in 0..30_u64,
        from in 0..30_u64,
        level in prop_oneof![Just("error"), Just("note")],
        order in any::<u64>(),
    ) {
        for result in &mut after {
            result.line += if result.line >= from { shift } else { 0 };
            result.level = level;
        }
        after.extend(added.into_iter().map(|result| Generated { message: result.message + 2, ..result }));
        after.sort_by_key(|result| (result.line.wrapping_mul(order), result.message));
        let mut records = Records::default();
        records.import(&[&file_of(&before)]);
        let (of_before, of_after) = (keys_of_unambiguous(&records, &before), keys_of_unambiguous(&records, &after));
        for (description, key) in of_before {
            if let Some(after) = of_after.get(&description) {
                prop_assert_eq!(after, &key, "{}", description);
            }
        }
        records.import(&[&file_of(&after)]);
        let [created, updated, _] = records.counts(&[&file_of(&after)]);
        prop_assert_eq!((created, updated), (0, 0), "the same file again");
    }

    #[test]
    fn all_results_keep_their_findings_when_lines_are_inserted_at_one_line(
        results in generated(), shift in 1..30_u64, from in 0..30_u64,
    ) {
        let shifted: Vec<Generated> = results
            .iter()
            .map(|result| Generated { line: result.line + if result.line >= from { shift } else { 0 }, ..result.clone() })
            .collect();
        let (before, after) = (file_of(&results), file_of(&shifted));
        let mut records = Records::default();
        let [created, ..] = records.counts(&[&before]);
        let keys_before = keys(&records, &before);
        prop_assert_eq!(&keys(&records, &after), &keys_before);
        prop_assert_eq!(records.counts(&[&after])[0], 0);
        let [created_again, updated, unchanged] = records.counts(&[&before]);
        prop_assert_eq!((created_again, updated + unchanged), (0, created));
        prop_assert_eq!(keys(&records, &before), keys_before);
    }
}
