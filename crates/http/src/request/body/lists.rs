//! Fields that are lists. An error about an item is located by its index.

use serde_json::{Value, json};

use super::{BodyReader, read_object};
use crate::{request::field_readers::FieldReader, response::Issue};

/// A reader of the list itself; its items are read afterwards.
struct ListReader<S> {
    max: usize,
    /// Returns the JSON Schema of an item.
    item_schema: S,
}

impl<S: Fn() -> Value> FieldReader for ListReader<S> {
    type Output = Vec<Value>;

    fn read(&self, value: &Value) -> Result<Vec<Value>, String> {
        match value {
            Value::Array(items) if items.len() > self.max => Err(format!("must contain at most {} items", self.max)),
            Value::Array(items) => Ok(items.clone()),
            _ => Err("must be an array".to_owned()),
        }
    }

    fn schema(&self) -> Value {
        json!({ "type": "array", "maxItems": self.max, "items": (self.item_schema)() })
    }
}

impl BodyReader<'_> {
    /// Reads a list of at most `max` values, which may be absent or null. Returns `None` for such a one, and if an item is
    /// invalid.
    pub fn optional_list<R: FieldReader>(
        &mut self,
        name: &'static str,
        max: usize,
        reader: &R,
    ) -> Option<Vec<R::Output>> {
        let items = self.optional(name, ListReader { max, item_schema: || reader.schema() })?;
        self.read_items(name, &items, |item| reader.read(item).map_err(|message| vec![Issue::new([], message)]))
    }

    /// Reads a list of at most `max` objects, like [`Self::optional_list`]. `read` may return `None` only if it has added
    /// an error.
    pub fn optional_objects<T>(
        &mut self,
        name: &'static str,
        max: usize,
        read: impl Fn(&mut BodyReader<'_>) -> Option<T>,
    ) -> Option<Vec<T>> {
        let items = self.optional(name, ListReader { max, item_schema: || BodyReader::describe(&read) })?;
        // The allowed fields are listed for the first item only, because their list may be longer than an item.
        let mut lists_fields = true;
        self.read_items(name, &items, |item| {
            let outcome = read_object(item, lists_fields, &read);
            lists_fields &= outcome.is_ok();
            outcome
        })
    }

    fn read_items<T>(
        &mut self,
        name: &str,
        items: &[Value],
        mut read: impl FnMut(&Value) -> Result<T, Vec<Issue>>,
    ) -> Option<Vec<T>> {
        let mut read_items = Vec::with_capacity(items.len());
        for (index, item) in items.iter().enumerate() {
            match read(item) {
                Ok(item) => read_items.push(item),
                Err(issues) => {
                    let located = |issue: Issue| Issue {
                        path: [name.to_owned(), index.to_string()].into_iter().chain(issue.path).collect(),
                        ..issue
                    };
                    self.issues.extend(issues.into_iter().map(located));
                }
            }
        }
        (read_items.len() == items.len()).then_some(read_items)
    }
}
