//! The message of a result (SARIF § 3.11): its own text, or a template of its rule with placeholders.

use super::{ResultError, format::ScanResult, rules::ResolvedRule};

pub(super) fn message(result: &ScanResult, resolved: &ResolvedRule<'_>) -> Result<String, ResultError> {
    let error = |member, message| Err(ResultError { member, message });
    let Some(message) = &result.message else {
        return error("message", "missing".to_owned());
    };
    let arguments = message.arguments.as_deref().unwrap_or_default();
    match (&message.text, &message.id) {
        // Without arguments the text is taken as it is, because tools then don't escape braces by doubling them.
        (Some(text), _) if arguments.is_empty() => Ok(text.clone()),
        (Some(text), _) => Ok(fill(text, arguments)),
        (None, Some(id)) => match template(resolved, id) {
            Some(template) => Ok(fill(template, arguments)),
            None => error("message.id", format!("neither the rule nor the tool has a message {id:?}")),
        },
        (None, None) => error("message", "has neither text nor id".to_owned()),
    }
}

fn template<'a>(resolved: &ResolvedRule<'a>, id: &str) -> Option<&'a str> {
    let rule_message = resolved.rule.and_then(|rule| rule.message_strings.as_ref()?.get(id));
    let tool_message = || resolved.component.global_message_strings.as_ref()?.get(id);
    rule_message.or_else(tool_message).map(|message| message.text.as_str())
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
    let (number, after) = text.strip_prefix('{')?.split_once('}')?;
    let argument = arguments.get(number.parse::<usize>().ok()?)?;
    Some((argument, after))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_replaced_by_the_arguments_with_their_number() {
        let arguments = ["one".to_owned(), "{0}".to_owned()];
        assert_eq!(fill("{1} and {0} and {2} {{0}} {x} {", &arguments), "{0} and one and {2} {0} {x} {");
    }
}
