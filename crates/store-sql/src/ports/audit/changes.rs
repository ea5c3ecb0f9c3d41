//! The changes of an audit entry of the old form, stored as JSON text.

use std::borrow::Cow;

use kernel::{Change, FieldValue};
use serde_json::Value as Json;

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
    fn changes_are_read_as_earlier_versions_wrote_them() {
        let text = r#"[{"field":"due_at","before":null,"after":true},{"field":"title","before":-3,"after":"\"é\n"},
            {"field":"tags","before":["","b"],"after":[]}]"#;
        let change = |field, before, after| Change { field: Cow::Borrowed(field), before, after };
        let texts = |texts: &[&str]| FieldValue::Texts(texts.iter().copied().map(str::to_owned).collect());
        let expected = [
            change("due_at", FieldValue::Null, FieldValue::Bool(true)),
            change("title", FieldValue::Integer(-3), FieldValue::Text("\"é\n".to_owned())),
            change("tags", texts(&["", "b"]), texts(&[])),
        ];
        assert_eq!(from_json(text).unwrap(), expected);
        assert_eq!(from_json("[]").unwrap(), []);
        for bad in ["", "{}", "[1]", r#"[{"field":"a","before":{},"after":null}]"#] {
            assert!(from_json(bad).is_err(), "{bad}");
        }
    }
}
