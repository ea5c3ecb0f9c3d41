//! The message of a result (SARIF § 3.11): its own text, or a template of its rule with placeholders; links reduced to
//! their text.

use super::{
    links::without_links,
    object::{Object, is_blank, is_string, text_of},
    rules::ResolvedRule,
};

/// The maximum size in bytes of a message with its arguments. A short template can ask for one argument very often.
const MAX_FILLED_BYTES: usize = 1 << 20;

/// Returns the text of the result's message, if it has one that is not blank: a link may have no text.
pub(super) fn message(result: &Object<'_>, resolved: &ResolvedRule<'_>) -> Option<String> {
    let json = result.member("message");
    let plain = json.filter(|json| is_string(json)).and_then(text_of).filter(|text| !is_blank(text));
    let text = if plain.is_some() {
        result.repair("message", || "is a string, not an object with a text; taken as its text".to_owned());
        plain
    } else {
        result.object("message").and_then(|message| text(&message, resolved))
    };
    text.map(|text| without_links(&text).replace("\r\n", "\n")).filter(|text| !is_blank(text))
}

fn text(message: &Object<'_>, resolved: &ResolvedRule<'_>) -> Option<String> {
    let arguments = message.texts_of_list("arguments");
    let fill = |template: &str| {
        let (filled, is_complete) = fill(template, &arguments);
        if !is_complete {
            message.repair("arguments", || {
                format!("make the message larger than {MAX_FILLED_BYTES} bytes; the placeholders beyond that are kept")
            });
        }
        filled
    };
    if let Some(text) = message.nonblank_text("text") {
        // Without arguments the text is taken as it is, because tools then don't escape braces by doubling them.
        let filled = if arguments.is_empty() { text } else { fill(&text) };
        return Some(filled).filter(|text| !is_blank(text)).or_else(|| message.nonblank_text("markdown"));
    }
    let template = message.text("id").and_then(|id| {
        let template = resolved.template(&id);
        if template.is_none() {
            message.repair("id", || format!("is {id:?}, which is no message of the rule or tool; left out"));
        }
        template
    });
    let filled = template.map(fill);
    filled.filter(|text| !is_blank(text)).or_else(|| message.nonblank_text("markdown"))
}

/// Replaces each `{n}` in the template by the argument with that number. `{{` and `}}` become single braces, and
/// placeholders without an argument stay. So do those that would make the text too large, which is returned as well:
/// whether every placeholder with an argument was replaced.
fn fill(template: &str, arguments: &[String]) -> (String, bool) {
    let mut is_complete = true;
    let mut filled = String::with_capacity(template.len());
    let mut remaining = template;
    while let Some(at) = remaining.find(['{', '}']) {
        let (before, brace) = remaining.split_at(at);
        filled.push_str(before);
        remaining = if let Some(after) = brace.strip_prefix("{{") {
            filled.push('{');
            after
        } else if let Some(after) = brace.strip_prefix("}}") {
            filled.push('}');
            after
        } else if let Some((argument, after)) = placeholder(brace, arguments) {
            if filled.len() + argument.len() <= MAX_FILLED_BYTES {
                filled.push_str(argument);
            } else {
                filled.push_str(&brace[..brace.len() - after.len()]);
                is_complete = false;
            }
            after
        } else {
            filled.push_str(&brace[..1]);
            &brace[1..]
        };
    }
    (filled + remaining, is_complete)
}

fn placeholder<'a, 'b>(text: &'a str, arguments: &'b [String]) -> Option<(&'b str, &'a str)> {
    let inside = text.strip_prefix('{')?;
    let (number, rest) = inside.split_at(inside.find(|character: char| !character.is_ascii_digit())?);
    let after = rest.strip_prefix('}')?;
    Some((arguments.get(number.parse::<usize>().ok()?)?, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_replaced_by_the_arguments_with_their_number() {
        let arguments = ["one".to_owned(), "{0}".to_owned()];
        let (filled, is_complete) = fill("{1} and {0} and {2} {{0}} {x} {+0} {", &arguments);
        assert_eq!((&*filled, is_complete), ("{0} and one and {2} {0} {x} {+0} {", true));
    }

    #[test]
    fn an_argument_that_is_asked_for_very_often_makes_no_larger_message_than_allowed() {
        let template = "{0}".repeat(100_000);
        let (filled, is_complete) = fill(&template, &["x".repeat(100_000)]);
        assert!(!is_complete && filled.len() <= MAX_FILLED_BYTES + template.len());
        assert!(filled.starts_with('x') && filled.ends_with("{0}"));
    }

    #[test]
    fn a_megabyte_of_braces_that_are_no_placeholders_is_read_once() {
        for part in ["{a", "{0", "{"] {
            let template = part.repeat((1 << 20) / part.len()) + "x";
            assert!(fill(&template, &["one".to_owned()]).0.ends_with('x'), "{part}");
        }
    }
}
