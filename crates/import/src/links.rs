//! Links in texts: `[text](target)`, of which the text stays. Other brackets are text, such as those of `a[i](x)`.

/// Returns the text of a message with each link reduced to its text. The target of a link is the id of a location or an
/// absolute URI (SARIF § 3.11.6).
pub(crate) fn without_links(text: &str) -> String {
    without_links_to(text, is_location_or_uri)
}

/// Returns the text with each link to a target that `is_target` accepts reduced to its text.
pub(crate) fn without_links_to(text: &str, is_target: fn(&str) -> bool) -> String {
    let mut reduced = String::with_capacity(text.len());
    let mut remaining = text;
    // The length of the end of the text in which a link may begin. An escaped bracket within the text of what is no link
    // has the same end as that, so it is not searched again: a text of brackets takes no longer than another.
    let mut unsearched = text.len();
    while let Some(at) = remaining.find('[') {
        let (before, bracket) = remaining.split_at(at);
        reduced.push_str(before);
        let inside = &bracket[1..];
        let end = if inside.len() < unsearched { end_of_link_text(inside) } else { None };
        remaining = if let Some((link_text, after)) = end.and_then(|end| link(inside, end, is_target)) {
            reduced.push_str(&unescaped(link_text));
            after
        } else {
            if inside.len() < unsearched {
                unsearched = end.map_or(0, |end| inside.len() - end);
            }
            reduced.push('[');
            inside
        };
    }
    reduced + remaining
}

/// The index of the bracket that ends the text of a link.
fn end_of_link_text(inside: &str) -> Option<usize> {
    let mut escaped = false;
    inside.find(|character| {
        let ends = !escaped && matches!(character, '[' | ']');
        escaped = !escaped && character == '\\';
        ends
    })
}

/// The text of the link, of which the bracket at `end` ends the text, and what follows the link.
fn link(inside: &str, end: usize, is_target: fn(&str) -> bool) -> Option<(&str, &str)> {
    let (link_text, rest) = inside.split_at(end);
    let target = rest.strip_prefix("](")?;
    let (target, after) = target.split_at(target.find(NO_TARGET)?);
    Some((link_text, after.strip_prefix(')')?)).filter(|_| is_target(target))
}

/// The characters that end a target. Only the first is the end of a link.
const NO_TARGET: [char; 6] = [')', '(', ' ', '\t', '\r', '\n'];

pub(crate) fn is_location_or_uri(target: &str) -> bool {
    let is_id = !target.is_empty() && target.bytes().all(|byte| byte.is_ascii_digit());
    let is_uri = target.split_once(':').is_some_and(|(scheme, _)| {
        scheme.starts_with(|first: char| first.is_ascii_alphabetic())
            && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+.-".contains(&byte))
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

    #[test]
    fn a_megabyte_of_brackets_that_are_no_links_is_read_once() {
        for part in ["\\[", "[a](", "[", "[\\]", "[a](b:"] {
            let text = part.repeat((1 << 20) / part.len());
            assert!(without_links(&text) == text, "{part}");
        }
        // Each bracket has the same end and the same target.
        let text = format!("{}](https:{}", "\\[".repeat(1 << 18), "a".repeat(1 << 19));
        assert!(without_links(&text) == text);
    }

    #[test]
    fn a_link_is_found_after_brackets_that_are_none() {
        assert_eq!(without_links("[a \\[b [c](1) \\[d](2) ["), "[a \\[b c \\d [");
    }
}
