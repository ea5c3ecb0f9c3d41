//! Comparison of the output of scripts with the expected output in the guide.

use crate::{document::Guide, shell::Printed};

/// Returns an error with the first expected block of the guide that differs from what was printed.
pub(crate) fn compare(guide: &Guide, printed: &Printed) -> Result<(), String> {
    for (script, block) in guide.expectations() {
        let output = printed.output_of(script);
        let expected: Vec<&str> = block.text.iter().map(String::as_str).collect();
        // Whoever seals first logs the checkpoint: mostly the server, sometimes a command.
        let lines: Vec<&str> = output.lines().filter(|line| !line.contains("novantra::checkpoint")).collect();
        if !matches_output(&without_blanks(&expected), &without_blanks(&lines)) {
            return Err(format!(
                "{}:{}: the block at line {script} did not print exactly this:\n{}\nIt printed:\n{output}",
                guide.path,
                block.line,
                expected.join("\n")
            ));
        }
    }
    Ok(())
}

/// The lines that are not empty, without the blanks around them.
fn without_blanks<'l>(lines: &[&'l str]) -> Vec<&'l str> {
    lines.iter().map(|line| line.trim()).filter(|line| !line.is_empty()).collect()
}

/// Whether the output consists of the expected lines. A line that is only `…` stands for any number of lines.
fn matches_output(expected: &[&str], output: &[&str]) -> bool {
    match expected.split_first() {
        None => output.is_empty(),
        Some((&"…", rest)) => (0..=output.len()).any(|skipped| matches_output(rest, &output[skipped..])),
        Some((first, rest)) => output
            .split_first()
            .is_some_and(|(line, others)| matches_expected(first, line) && matches_output(rest, others)),
    }
}

/// Whether the line matches the expected one, in which `…` matches any text.
pub(crate) fn matches_expected(expected: &str, line: &str) -> bool {
    let Some((head, tail)) = expected.split_once('…') else { return expected == line };
    let Some(rest) = line.strip_prefix(head) else { return false };
    let starts = rest.char_indices().map(|(start, _)| start).chain([rest.len()]);
    starts.into_iter().any(|start| matches_expected(tail, &rest[start..]))
}

#[test]
fn only_an_ellipsis_matches_any_text() {
    assert!(matches_expected("id … of …", "id svc_1 of acme"));
    assert!(matches_expected("…", ""));
    assert!(matches_expected("a…c…c", "abccc"));
    assert!(!matches_expected("a…c", "abcd"));
    assert!(!matches_expected("abc", "abcd"));
}

#[test]
fn the_output_is_exactly_what_is_expected_but_for_ellipses() {
    fn matches(expected: &str, output: &str) -> bool {
        let [expected, output] = [expected, output].map(|text| without_blanks(&text.lines().collect::<Vec<_>>()));
        matches_output(&expected, &output)
    }
    assert!(matches("one\n\n two …", "one\ntwo 2\n"));
    assert!(!matches("one", "one\ntwo"), "a line that the guide does not show");
    assert!(!matches("one\ntwo", "one"), "a line that was not printed");
    assert!(!matches("two\none", "one\ntwo"), "another order");
    assert!(matches("one\n…\nfour", "one\ntwo\nthree\nfour"));
    assert!(matches("one\n…\nfour", "one\nfour"));
    assert!(!matches("one\n…", "two\none"));
}
