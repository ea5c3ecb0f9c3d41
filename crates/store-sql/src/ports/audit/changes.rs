//! The changes of an audit entry, stored as JSON text.

use std::borrow::Cow;

use kernel::{Change, FieldValue};
use serde::Serialize;
use serde_json::Value as Json;

#[derive(Serialize)]
struct StoredChange<'a> {
    field: &'a str,
    before: StoredValue<'a>,
    after: StoredValue<'a>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum StoredValue<'a> {
    Null,
    Bool(bool),
    Integer(i64),
    Text(&'a str),
    Texts(&'a [String]),
}

pub(super) fn to_json(changes: &[Change]) -> Cow<'static, str> {
    if changes.is_empty() {
        return Cow::Borrowed("[]");
    }
    let to_stored = |change| {
        let Change { field, before, after }: &Change = change;
        StoredChange { field, before: to_stored_value(before), after: to_stored_value(after) }
    };
    let stored: Vec<StoredChange<'_>> = changes.iter().map(to_stored).collect();
    Cow::Owned(serde_json::to_string(&stored).expect("texts and numbers are always serializable"))
}

fn to_stored_value(value: &FieldValue) -> StoredValue<'_> {
    match value {
        FieldValue::Null => StoredValue::Null,
        FieldValue::Bool(boolean) => StoredValue::Bool(*boolean),
        FieldValue::Integer(number) => StoredValue::Integer(*number),
        FieldValue::Text(text) => StoredValue::Text(text),
        FieldValue::Texts(texts) => StoredValue::Texts(texts),
    }
}

pub(super) fn from_json(text: &str) -> Result<Vec<Change>, &'static str> {
    const MALFORMED: &str = "the text is not a list of changes";
    if text == "[]" {
        return Ok(Vec::new());
    }
    let list: Json = serde_json::from_str(text).map_err(|_| MALFORMED)?;
    list.as_array().and_then(|list| list.iter().map(change).collect()).ok_or(MALFORMED)
}

fn change(json: &Json) -> Option<Change> {
    Some(Change {
        field: Cow::Owned(json.get("field")?.as_str()?.to_owned()),
        before: value(json.get("before")?)?,
        after: value(json.get("after")?)?,
    })
}

fn value(json: &Json) -> Option<FieldValue> {
    Some(match json {
        Json::Null => FieldValue::Null,
        Json::Bool(boolean) => FieldValue::Bool(*boolean),
        Json::Number(number) => FieldValue::Integer(number.as_i64()?),
        Json::String(text) => FieldValue::Text(text.clone()),
        Json::Array(texts) => {
            FieldValue::Texts(texts.iter().map(|text| text.as_str().map(str::to_owned)).collect::<Option<_>>()?)
        }
        Json::Object(_) => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_read_back_as_they_were_written() {
        let values = [
            FieldValue::Null,
            FieldValue::Bool(true),
            FieldValue::Integer(-3),
            FieldValue::Text("\"é\n".to_owned()),
            FieldValue::Texts(vec![String::new(), "b".to_owned()]),
            FieldValue::Texts(Vec::new()),
        ];
        let changes: Vec<Change> = values
            .iter()
            .map(|value| Change { field: Cow::Borrowed("due_at"), before: value.clone(), after: FieldValue::Null })
            .collect();
        assert_eq!(from_json(&to_json(&changes)).unwrap(), changes);
        assert_eq!(from_json(&to_json(&[])).unwrap(), []);
        for bad in ["", "{}", "[1]", r#"[{"field":"a","before":{},"after":null}]"#] {
            assert!(from_json(bad).is_err(), "{bad}");
        }
    }
}
