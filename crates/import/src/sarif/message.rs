//! What a result says (SARIF § 3.11): in its own text, or in one of its rule's with places to fill in.

use super::{Fault, format::ScanResult, rules::Judged};

pub(super) fn message(result: &ScanResult, judged: &Judged<'_>) -> Result<String, Fault> {
    let fault = |member, message| Err(Fault { member, message });
    let Some(message) = &result.message else {
        return fault("message", "there is none".to_owned());
    };
    let arguments = message.arguments.as_deref().unwrap_or_default();
    match (&message.text, &message.id) {
        // Tools that give no arguments don't know that braces would have to be doubled.
        (Some(text), _) if arguments.is_empty() => Ok(text.clone()),
        (Some(text), _) => Ok(fill(text, arguments)),
        (None, Some(id)) => match template(judged, id) {
            Some(template) => Ok(fill(template, arguments)),
            None => fault("message.id", format!("neither the rule nor the tool has a message {id:?}")),
        },
        (None, None) => fault("message", "it has neither a text nor an id".to_owned()),
    }
}

fn template<'a>(judged: &Judged<'a>, id: &str) -> Option<&'a str> {
    let of_rule = judged.rule.and_then(|rule| rule.message_strings.as_ref()?.get(id));
    let of_tool = || judged.component.global_message_strings.as_ref()?.get(id);
    of_rule.or_else(of_tool).map(|message| message.text.as_str())
}

/// The template with each `{n}` replaced by the argument of that number; `{{` and `}}` are single braces, and what names
/// no argument stays.
fn fill(template: &str, arguments: &[String]) -> String {
    let mut filled = String::with_capacity(template.len());
    let mut rest = template;
    while let Some(at) = rest.find(['{', '}']) {
        let (before, brace) = rest.split_at(at);
        filled.push_str(before);
        rest = if let Some(after) = brace.strip_prefix("{{") {
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
    filled + rest
}

fn placeholder<'a, 'b>(text: &'a str, arguments: &'b [String]) -> Option<(&'b str, &'a str)> {
    let (number, after) = text.strip_prefix('{')?.split_once('}')?;
    let argument = arguments.get(number.parse::<usize>().ok()?)?;
    Some((argument, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_stand_where_their_number_is() {
        let arguments = ["one".to_owned(), "{0}".to_owned()];
        assert_eq!(fill("{1} and {0} and {2} {{0}} {x} {", &arguments), "{0} and one and {2} {0} {x} {");
    }
}
