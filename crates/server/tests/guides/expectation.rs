//! Comparison of the output of scripts with the expected output in the guide.

use crate::{document::Guide, shell::Printed};

/// Returns an error with the first expected line of the guide that was not printed.
pub(crate) fn hold(guide: &Guide, printed: &Printed) -> Result<(), String> {
    for (script, block) in guide.expectations() {
        let output = printed.by(script);
        let mut rest = output.lines();
        for (index, expected) in block.text.iter().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
            if !rest.any(|line| fits(expected.trim(), line.trim())) {
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
fn fits(expected: &str, line: &str) -> bool {
    let Some((head, tail)) = expected.split_once('…') else { return expected == line };
    let Some(rest) = line.strip_prefix(head) else { return false };
    let starts = rest.char_indices().map(|(start, _)| start).chain([rest.len()]);
    starts.into_iter().any(|start| fits(tail, &rest[start..]))
}

#[test]
fn an_ellipsis_stands_for_anything_and_nothing_else_does() {
    assert!(fits("id … of …", "id svc_1 of acme"));
    assert!(fits("…", ""));
    assert!(fits("a…c…c", "abccc"));
    assert!(!fits("a…c", "abcd"));
    assert!(!fits("abc", "abcd"));
}
