//! The message of a result (SARIF § 3.11): its own text, or a template of its rule with placeholders; links reduced to
//! their text.

use super::{
    links::without_links,
    object::{Object, is_blank, is_string, text_of},
    rules::ResolvedRule,
};

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
    if let Some(text) = message.nonblank_text("text") {
        // Without arguments the text is taken as it is, because tools then don't escape braces by doubling them.
        let filled = if arguments.is_empty() { text } else { fill(&text, &arguments) };
        return Some(filled).filter(|text| !is_blank(text)).or_else(|| message.nonblank_text("markdown"));
    }
    let template = message.text("id").and_then(|id| {
        let template = resolved.template(&id);
        if template.is_none() {
            message.repair("id", || format!("is {id:?}, which is no message of the rule or tool; left out"));
        }
        template
    });
    let filled = template.map(|template| fill(template, &arguments));
    filled.filter(|text| !is_blank(text)).or_else(|| message.nonblank_text("markdown"))
}

/// Replaces each `{n}` in the template by the argument with that number. `{{` and `}}` become single braces, and
/// placeholders without an argument stay.
fn fill(template: &str, arguments: &[String]) -> String {
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
            filled.push_str(argument);
            after
        } else {
            filled.push_str(&brace[..1]);
            &brace[1..]
        };
    }
    filled + remaining
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
        assert_eq!(fill("{1} and {0} and {2} {{0}} {x} {+0} {", &arguments), "{0} and one and {2} {0} {x} {+0} {");
    }

    #[test]
    fn a_megabyte_of_braces_that_are_no_placeholders_is_read_once() {
        for part in ["{a", "{0", "{"] {
            let template = part.repeat((1 << 20) / part.len()) + "x";
            assert!(fill(&template, &["one".to_owned()]).ends_with('x'), "{part}");
        }
    }
}
