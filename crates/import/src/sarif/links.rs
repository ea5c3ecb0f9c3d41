//! Links in messages (SARIF § 3.11.6): `[text](target)`, of which the text stays. The target is the id of a location
//! or an absolute URI; other brackets are text, such as those of `a[i](x)`.

/// Returns the text with each link reduced to its text.
pub(super) fn without_links(text: &str) -> String {
    let mut reduced = String::with_capacity(text.len());
    let mut remaining = text;
    while let Some(at) = remaining.find('[') {
        let (before, bracket) = remaining.split_at(at);
        reduced.push_str(before);
        remaining = if let Some((link_text, after)) = link(bracket) {
            reduced.push_str(&unescaped(link_text));
            after
        } else {
            reduced.push('[');
            &bracket[1..]
        };
    }
    reduced + remaining
}

/// The text of the link that begins the text, and what follows the link.
fn link(text: &str) -> Option<(&str, &str)> {
    let inside = text.strip_prefix('[')?;
    let mut escaped = false;
    let end = inside.find(|character| {
        let ends = !escaped && matches!(character, '[' | ']');
        escaped = !escaped && character == '\\';
        ends
    })?;
    let (link_text, rest) = inside.split_at(end);
    let (target, after) = rest.strip_prefix("](")?.split_once(')')?;
    is_target(target).then_some((link_text, after))
}

fn is_target(target: &str) -> bool {
    let is_id = !target.is_empty() && target.bytes().all(|byte| byte.is_ascii_digit());
    let is_uri = target.split_once(':').is_some_and(|(scheme, rest)| {
        scheme.starts_with(|first: char| first.is_ascii_alphabetic())
            && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+.-".contains(&byte))
            && !rest.contains([' ', '\t', '\r', '\n', '('])
    });
    is_id || is_uri
}

fn unescaped(text: &str) -> String {
    let mut unescaped = String::with_capacity(text.len());
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        unescaped.push(if character == '\\' { characters.next().unwrap_or(character) } else { character });
    }
    unescaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_to_a_location_or_a_uri_is_reduced_to_its_text() {
        assert_eq!(
            without_links("a [value](1), see [the \\[docs\\]](https://example.org/a)."),
            "a value, see the [docs]."
        );
    }

    #[test]
    fn brackets_that_are_no_link_stay() {
        for text in ["a[i](x)", "[", "[a](", "[a](b c:d)", "[a] (1)", "[[a]", "[a](1", "\\[", "[a\\](1)"] {
            assert_eq!(without_links(text), text);
        }
        assert_eq!(without_links("[a[b](2)"), "[ab");
    }
}
