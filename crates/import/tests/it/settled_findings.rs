//! Tests of alike results of which some are suppressed, and of findings that are accepted, closed or archived: a problem
//! that is reported ends on none that hides it.

use findings::{Severity, Status};
use serde_json::{Value, json};

use crate::support::{Records, log, result_at, with};

/// A result at a line, and whether it is suppressed.
type Line = (u64, bool);

const fn reported(line: u64) -> Line {
    (line, false)
}

const fn suppressed(line: u64) -> Line {
    (line, true)
}

fn scan(lines: &[Line]) -> Vec<u8> {
    let results: Vec<Value> = lines
        .iter()
        .map(|(line, is_suppressed)| {
            let suppressions = if *is_suppressed { json!([{ "kind": "inSource" }]) } else { json!([]) };
            with(result_at("R1", *line, "console.log is used"), "suppressions", suppressions)
        })
        .collect();
    log(&json!(results))
}

/// Imports the results, and returns their keys in the same order.
fn import(records: &mut Records, lines: &[Line]) -> Vec<String> {
    let file = scan(lines);
    let mut keys: Vec<(u64, String)> = records
        .keyed(&[&file])
        .iter()
        .map(|keyed| {
            let subject = keyed.finding().subject.expect("a subject").resource_id.to_string();
            let (_, line) = subject.rsplit_once(':').expect("a line");
            (line.parse().expect("a number"), keyed.key.to_string())
        })
        .collect();
    keys.sort();
    records.import(&[&file]);
    keys.into_iter().map(|(_, key)| key).collect()
}

#[test]
fn a_reported_problem_and_a_suppressed_one_keep_their_findings_however_often_they_move() {
    for shifts in [[5, 1, 1], [1, 5, 2], [2, 2, 2], [30, 15, 1], [2, 40, 7]] {
        for is_first_suppressed in [false, true] {
            let mut records = Records::default();
            let before = import(&mut records, &[reported(10), reported(12)]);
            let both = |line| [(line, is_first_suppressed), (line + 2, !is_first_suppressed)];
            assert_eq!(import(&mut records, &both(10)), before);
            records.set_status(&before[usize::from(!is_first_suppressed)], Status::Accepted);
            let mut line = 10;
            for shift in shifts {
                line += shift;
                assert_eq!(import(&mut records, &both(line)), before, "{shifts:?}, at {line}");
            }
        }
    }
}

#[test]
fn the_line_of_a_finding_follows_its_suppressed_result_and_the_second_import_changes_nothing() {
    let mut records = Records::default();
    let keys = import(&mut records, &[reported(1), reported(10), reported(12), reported(14)]);
    import(&mut records, &[reported(1), suppressed(10), reported(12), suppressed(14)]);
    records.set_status(&keys[1], Status::Accepted);
    records.set_status(&keys[3], Status::Accepted);
    let moved = [reported(1), suppressed(15), reported(17), suppressed(19)];
    assert_eq!(import(&mut records, &moved), keys);
    assert_eq!(records.key_at("a.rs:15"), keys[1]);
    assert_eq!(records.counts(&[&scan(&moved)]), [0, 0, 4]);
    assert_eq!(import(&mut records, &moved), keys);
}

#[test]
fn a_reported_problem_that_could_be_either_keeps_an_open_finding_rather_than_an_accepted_one() {
    for (line, of) in [(11, 0), (13, 0), (40, 0), (10, 0), (12, 1)] {
        let mut records = Records::default();
        let keys = import(&mut records, &[reported(10), reported(12)]);
        records.set_status(&keys[1], Status::Accepted);
        assert_eq!(import(&mut records, &[reported(line)]), [&*keys[of]], "at {line}");
    }
    let mut records = Records::default();
    let keys = import(&mut records, &[reported(10), reported(10)]);
    records.set_status(&keys[0], Status::Accepted);
    for lines in [[suppressed(10), reported(10)], [suppressed(13), reported(13)]] {
        let file = scan(&lines);
        let keyed = records.keyed(&[&file]);
        let of_reported = keyed.iter().find(|keyed| keyed.suppression.is_none()).expect("it is reported");
        assert_eq!(of_reported.key.as_str(), keys[1]);
    }
}

#[test]
fn closed_and_archived_findings_take_no_result_from_one_that_is_not() {
    for status in [Status::Closed, Status::Archived] {
        for (before, fixed, after, expected) in [
            (&[10, 11][..], 1, &[11][..], &[Some(0)][..]),
            (&[10, 20], 1, &[20], &[Some(0)]),
            (&[10, 11, 12], 2, &[11, 12], &[Some(0), Some(1)]),
            (&[4, 6], 1, &[4], &[Some(0)]),
            (&[4, 6], 1, &[2, 4], &[None, Some(0)]),
            (&[4, 6], 0, &[4, 40], &[Some(1), None]),
        ] {
            let of = |lines: &[u64]| lines.iter().map(|line| reported(*line)).collect::<Vec<_>>();
            let mut records = Records::default();
            let keys = import(&mut records, &of(before));
            records.set_status(&keys[fixed], status);
            let kept = import(&mut records, &of(after));
            for (key, index) in kept.iter().zip(expected) {
                if let Some(index) = index {
                    assert_eq!(*key, keys[*index], "{before:?}, then {after:?}");
                }
            }
        }
    }
}

#[test]
fn a_problem_that_is_back_keeps_its_closed_finding_and_gets_a_new_one_if_that_is_archived() {
    for (status, line, is_kept) in [
        (Status::Closed, 20, true),
        (Status::Closed, 35, true),
        (Status::Archived, 20, false),
        (Status::Archived, 35, false),
    ] {
        let mut records = Records::default();
        let keys = import(&mut records, &[reported(10), reported(20)]);
        records.set_status(&keys[1], status);
        let after = import(&mut records, &[reported(10), reported(line)]);
        assert_eq!(after[0], keys[0]);
        assert_eq!(after[1] == keys[1], is_kept, "{} at {line}", status.name());
        assert_eq!(import(&mut records, &[reported(10), reported(line)]), after);
    }
}

#[test]
fn a_finding_with_an_older_version_of_a_fingerprint_is_kept_before_another_problem_with_the_newest() {
    let print = |message: &str, line: u64, prints: Value| with(result_at("R1", line, message), "fingerprints", prints);
    for (other, line) in [("call of exec", 20), ("call of eval", 20), ("call of exec", 10)] {
        let eval = print("call of eval", 10, json!({ "h/v1": "x", "h/v2": "y" }));
        let mut records = Records::default();
        records.import(&[&log(&json!([print("call of eval", 10, json!({ "h/v1": "x" }))]))]);
        let both = log(&json!([eval, print(other, line, json!({ "h/v1": "x2", "h/v2": "y" }))]));
        let key = records.keys().remove(0);
        let [created, _, unchanged] = records.import(&[&both]);
        assert_eq!((created.len(), unchanged), (1, vec![key.clone()]));
        for status in [Status::Open, Status::Accepted] {
            records.set_status(&created[0], status);
            let only = records.keyed(&[&log(&json!([eval]))]);
            assert_eq!(only[0].key.as_str(), key, "{other} at {line} is gone");
        }
    }
}

#[test]
fn of_problems_at_one_line_with_one_text_each_keeps_the_finding_of_its_severity() {
    let at = |level: &str, line| with(result_at("R1", line, "m"), "level", json!(level));
    for (fixed, left, severity) in
        [("error", "note", Severity::Low), ("note", "warning", Severity::Medium), ("none", "warning", Severity::Medium)]
    {
        for accepted in [fixed, left] {
            for line in [10, 25] {
                let mut records = Records::default();
                records.import(&[&log(&json!([at(fixed, 10), at(left, 10)]))]);
                let of = |severity| records.keys().into_iter().find(|key| records.get(key).severity == severity);
                let key = of(severity).expect("a finding");
                let other = records.keys().into_iter().find(|other| *other != key).expect("another finding");
                records.set_status(if accepted == left { &key } else { &other }, Status::Accepted);
                let only = records.keyed(&[&log(&json!([at(left, line)]))]);
                assert_eq!(only[0].key.as_str(), key, "{fixed} is fixed, {accepted} accepted");
            }
        }
    }
}
