//! Comparison of the output of scripts with the expected output in the guide.

use crate::{document::Guide, shell::Printed};

/// Returns an error with the first expected line of the guide that was not printed.
pub(crate) fn compare(guide: &Guide, printed: &Printed) -> Result<(), String> {
    for (script, block) in guide.expectations() {
        let output = printed.output_of(script);
        let mut rest = output.lines();
        for (index, expected) in block.text.iter().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            if !rest.any(|line| matches_expected(expected.trim(), line.trim())) {
                let line = block.line + 1 + index;
                return Err(format!(
                    "{}:{line}: the block at line {script} did not print, in this order:\n  {expected}\nIt printed:\n{output}",
                    guide.path
                ));
            }
        }
    }
    Ok(())
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
