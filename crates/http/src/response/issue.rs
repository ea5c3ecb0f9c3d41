//! The validation errors of a request, and the shortening of what they repeat of it.

use std::borrow::Cow;

use kernel::FieldError;
use serde::Serialize;

/// The maximum number of characters of a name in the path of an error, which may be one that the request contains.
const MAX_NAME_LENGTH: usize = 100;

/// The maximum number of characters of a message: more than those that repeat a part of the request have, the longest of
/// which is the normal form of a URL.
const MAX_MESSAGE_LENGTH: usize = 2500;

/// One validation error of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Issue {
    /// The location of the error: the field names within the body, or `query` or `header` followed by a name.
    pub path: Vec<String>,
    /// The description of the error.
    pub message: Cow<'static, str>,
}

impl Issue {
    /// Creates an error at this location. Long names and a long message are shortened, since the request may contain
    /// them.
    pub fn new<const N: usize>(path: [&str; N], message: impl Into<Cow<'static, str>>) -> Self {
        Self { path: path.map(|name| shorten(name, MAX_NAME_LENGTH)).into(), message: shorten_message(message.into()) }
    }
}

/// Returns at most this many characters of the text.
#[must_use]
pub fn shorten(text: &str, max_chars: usize) -> String {
    match text.char_indices().nth(max_chars) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

pub(super) fn shorten_message(message: Cow<'static, str>) -> Cow<'static, str> {
    if message.len() > MAX_MESSAGE_LENGTH { Cow::Owned(shorten(&message, MAX_MESSAGE_LENGTH)) } else { message }
}

impl From<FieldError> for Issue {
    fn from(error: FieldError) -> Self {
        Self { path: vec![camel_case(error.field)], message: shorten_message(error.message) }
    }
}

/// Converts the name of a domain field to that of the API: `due_at` to `dueAt`.
fn camel_case(field: &str) -> String {
    let mut words = field.split('_');
    let mut name = words.next().unwrap_or_default().to_owned();
    for word in words {
        let mut letters = word.chars();
        name.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        name.push_str(letters.as_str());
    }
    name
}
