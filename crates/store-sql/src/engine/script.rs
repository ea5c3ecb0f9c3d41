//! The statements of a script.

/// Splits a script into its statements, without their comments. A semicolon ends a statement, except in a quoted text.
pub(super) fn statements(script: &str) -> Vec<String> {
    let mut statements = vec![String::new()];
    let mut quote = None;
    let mut characters = script.chars().peekable();
    while let Some(character) = characters.next() {
        match (character, quote) {
            ('-', None) if characters.peek() == Some(&'-') => {
                characters.by_ref().find(|skipped| *skipped == '\n');
                push(&mut statements, '\n');
            }
            (';', None) => statements.push(String::new()),
            (mark, Some(open)) if mark == open => {
                quote = None;
                push(&mut statements, mark);
            }
            (mark @ ('\'' | '"'), None) => {
                quote = Some(mark);
                push(&mut statements, mark);
            }
            (other, _) => push(&mut statements, other),
        }
    }
    statements.into_iter().map(|text| text.trim().to_owned()).filter(|text| !text.is_empty()).collect()
}

fn push(statements: &mut [String], character: char) {
    if let Some(last) = statements.last_mut() {
        last.push(character);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_script_is_split_at_semicolons_outside_of_quotes_and_comments() {
        let script =
            "-- One; not a statement.\nCREATE TABLE a (b text DEFAULT ';--'); -- Two;\n\nDROP TABLE \"c;d\" ;\n";
        assert_eq!(statements(script), ["CREATE TABLE a (b text DEFAULT ';--')", "DROP TABLE \"c;d\""]);
        assert!(statements("-- Nothing.\n").is_empty());
    }
}
