//! Reading request bodies so that every fault is told at once, from declarations that the API's document is made of too.

use std::{collections::BTreeSet, time::Duration};

use kernel::{Id, MalformedId, Named, Reason, Text, Timestamp};
use serde_json::{Map, Value, json};
use webhooks::{AddressPolicy, EndpointUrl};

use crate::problem::{Issue, Problem};

/// How a member of a body is read, and what the API's document says of it.
pub(crate) trait Reading {
    type Output;
    fn read(&self, value: &Value) -> Result<Self::Output, String>;
    fn schema(&self) -> Value;
}

/// An object being read. In the same pass that reads, it notes what it was asked for; reading from [`Object::describe`]
/// gives the schema.
pub(crate) struct Object<'a> {
    members: Option<&'a Map<String, Value>>,
    asked: Vec<Asked>,
    issues: Vec<Issue>,
}

/// How many unknown names of one object or query are told: an answer must not outgrow its request many times over.
pub(crate) const MOST_UNKNOWN: usize = 20;

struct Asked {
    name: &'static str,
    required: bool,
    nullable: bool,
    schema: Value,
}

/// A member of a PATCH: absent, null or a value.
pub(crate) use findings::Set;

impl<'a> Object<'a> {
    pub(crate) fn new(members: &'a Map<String, Value>) -> Self {
        Self { members: Some(members), asked: Vec::with_capacity(20), issues: Vec::new() }
    }

    /// The JSON Schema of the objects that `read` accepts.
    pub(crate) fn describe<T>(read: impl FnOnce(&mut Object<'_>) -> T) -> Value {
        let mut object = Object { members: None, asked: Vec::new(), issues: Vec::new() };
        read(&mut object);
        let mut properties = Map::new();
        let mut required = Vec::new();
        for asked in object.asked {
            let mut schema = asked.schema;
            if asked.nullable
                && let Some(kind) = schema.get("type").cloned()
            {
                schema["type"] = json!([kind, "null"]);
                if let Some(Value::Array(words)) = schema.get_mut("enum") {
                    words.push(Value::Null);
                }
            }
            properties.insert(asked.name.to_owned(), schema);
            if asked.required {
                required.push(asked.name);
            }
        }
        let mut schema = json!({ "type": "object", "properties": properties, "additionalProperties": false });
        if !required.is_empty() {
            schema["required"] = json!(required);
        }
        schema
    }

    fn take<R: Reading>(
        &mut self,
        name: &'static str,
        reading: &R,
        required: bool,
        nullable: bool,
    ) -> Option<&'a Value> {
        let Some(members) = self.members else {
            self.asked.push(Asked { name, required, nullable, schema: reading.schema() });
            return None;
        };
        self.asked.push(Asked { name, required, nullable, schema: Value::Null });
        let value = members.get(name);
        if required && value.is_none_or(Value::is_null) {
            self.issues.push(Issue::new([name], "is required"));
            return None;
        }
        value
    }

    fn read<R: Reading>(&mut self, name: &'static str, reading: &R, value: &Value) -> Option<R::Output> {
        reading.read(value).map_err(|message| self.issues.push(Issue::new([name], message))).ok()
    }

    /// A member that must be there.
    pub(crate) fn required<R: Reading>(&mut self, name: &'static str, reading: R) -> Option<R::Output> {
        let value = self.take(name, &reading, true, false)?;
        self.read(name, &reading, value)
    }

    /// A member that may be left out or null.
    pub(crate) fn optional<R: Reading>(&mut self, name: &'static str, reading: R) -> Option<R::Output> {
        let value = self.take(name, &reading, false, true)?;
        if value.is_null() { None } else { self.read(name, &reading, value) }
    }

    /// A member of a change that may be left out but not emptied.
    pub(crate) fn changed<R: Reading>(&mut self, name: &'static str, reading: R) -> Option<R::Output> {
        let value = self.take(name, &reading, false, false)?;
        if value.is_null() {
            self.issues.push(Issue::new([name], "can't be null"));
            return None;
        }
        self.read(name, &reading, value)
    }

    /// A member of a change that may be left out or emptied.
    pub(crate) fn set<R: Reading>(&mut self, name: &'static str, reading: R) -> Set<R::Output> {
        match self.take(name, &reading, false, true) {
            None => Set::Keep,
            Some(Value::Null) => Set::Clear,
            Some(value) => self.read(name, &reading, value).map_or(Set::Keep, Set::To),
        }
    }

    /// The reason every mutation gives.
    pub(crate) fn reason(&mut self) -> Option<Reason> {
        self.required("reason", text())
    }

    /// Notes a fault that lies between members.
    pub(crate) fn fault(&mut self, issue: impl Into<Issue>) {
        if self.members.is_some() {
            self.issues.push(issue.into());
        }
    }

    /// How many faults were found so far.
    pub(crate) fn faults(&self) -> usize {
        self.issues.len()
    }

    /// Every fault there is, members that nobody asked for included.
    pub(crate) fn finish(mut self) -> Vec<Issue> {
        let names = self.members.into_iter().flat_map(Map::keys);
        let unknown: Vec<&String> = names.filter(|name| !self.asked.iter().any(|asked| asked.name == *name)).collect();
        let allowed = self.asked.iter().map(|asked| asked.name).collect::<Vec<_>>().join(", ");
        for name in unknown.iter().take(MOST_UNKNOWN) {
            self.issues.push(Issue::new([name.as_str()], format!("there is no such field; allowed are: {allowed}")));
        }
        if let Some(more) = unknown.len().checked_sub(MOST_UNKNOWN).filter(|more| *more > 0) {
            self.issues.push(Issue::new([], format!("there are {more} more fields that are not known")));
        }
        self.issues
    }
}

/// Reads a whole body with `read`, which gives `None` only where it has noted a fault.
pub(crate) fn read<T>(body: &Value, read: impl FnOnce(&mut Object<'_>) -> Option<T>) -> Result<T, Problem> {
    read_object(body, read).map_err(Problem::validation)
}

/// The same for an object anywhere in a body.
pub(crate) fn read_object<T>(body: &Value, read: impl FnOnce(&mut Object<'_>) -> Option<T>) -> Result<T, Vec<Issue>> {
    let Value::Object(members) = body else {
        return Err(vec![Issue::new([], "a JSON object is needed")]);
    };
    let mut object = Object::new(members);
    let output = read(&mut object);
    let issues = object.finish();
    match output {
        Some(output) if issues.is_empty() => Ok(output),
        _ => Err(issues),
    }
}

pub(crate) struct TextReading<R>(std::marker::PhantomData<fn() -> R>);

/// A text held to the rule of its type.
pub(crate) fn text<R>() -> TextReading<R> {
    TextReading(std::marker::PhantomData)
}

impl<R: kernel::Rule> Reading for TextReading<R> {
    type Output = Text<R>;

    fn read(&self, value: &Value) -> Result<Text<R>, String> {
        let text = value.as_str().ok_or("must be a string")?;
        Text::parse(text).map_err(|error| error.to_string())
    }

    fn schema(&self) -> Value {
        json!({ "type": "string", "minLength": R::MIN, "maxLength": R::MAX, "description": R::SAYS })
    }
}

pub(crate) struct WordReading<T: 'static> {
    all: &'static [T],
    name: fn(T) -> &'static str,
}

/// One of the words of an enum.
pub(crate) fn word<T: Copy>(all: &'static [T], name: fn(T) -> &'static str) -> WordReading<T> {
    WordReading { all, name }
}

impl<T: Copy> WordReading<T> {
    pub(crate) fn find(&self, text: &str) -> Result<T, String> {
        self.all.iter().copied().find(|item| (self.name)(*item) == text).ok_or_else(|| {
            let words = self.all.iter().map(|item| (self.name)(*item)).collect::<Vec<_>>().join(", ");
            format!("must be one of: {words}")
        })
    }
}

impl<T: Copy> Reading for WordReading<T> {
    type Output = T;

    fn read(&self, value: &Value) -> Result<T, String> {
        value.as_str().ok_or_else(|| "must be a string".to_owned()).and_then(|text| self.find(text))
    }

    fn schema(&self) -> Value {
        json!({ "type": "string", "enum": self.all.iter().map(|item| (self.name)(*item)).collect::<Vec<_>>() })
    }
}

/// A moment.
pub(crate) struct Moment;

impl Reading for Moment {
    type Output = Timestamp;

    fn read(&self, value: &Value) -> Result<Timestamp, String> {
        let text = value.as_str().ok_or("must be a string")?;
        text.parse().map_err(|_| "must be an RFC 3339 timestamp, such as 2026-05-25T14:08:33.000Z".to_owned())
    }

    fn schema(&self) -> Value {
        json!({ "type": "string", "format": "date-time" })
    }
}

pub(crate) struct IdReading<R>(std::marker::PhantomData<fn() -> R>);

/// An identifier of this kind.
pub(crate) fn id<R>() -> IdReading<R> {
    IdReading(std::marker::PhantomData)
}

impl<R: Named> Reading for IdReading<R> {
    type Output = Id<R>;

    fn read(&self, value: &Value) -> Result<Id<R>, String> {
        let text = value.as_str().ok_or("must be a string")?;
        text.parse().map_err(|error: MalformedId| format!("{error}"))
    }

    fn schema(&self) -> Value {
        json!({ "type": "string", "pattern": format!("^{}_[0-9A-HJKMNP-TV-Z]{{26}}$", R::PREFIX) })
    }
}

/// Some of the words of an enum; more than once is as good as once.
pub(crate) struct Words<T: 'static>(pub(crate) WordReading<T>);

/// How many words of one list are read at most.
const MOST_WORDS: usize = 100;

impl<T: Copy + Ord> Reading for Words<T> {
    type Output = BTreeSet<T>;

    fn read(&self, value: &Value) -> Result<BTreeSet<T>, String> {
        match value {
            Value::Array(words) if words.is_empty() => Err("must hold at least one item".to_owned()),
            Value::Array(words) if words.len() > MOST_WORDS => Err(format!("must hold at most {MOST_WORDS} items")),
            Value::Array(words) => words.iter().map(|word| self.0.read(word)).collect(),
            _ => Err("must be an array".to_owned()),
        }
    }

    fn schema(&self) -> Value {
        json!({ "type": "array", "minItems": 1, "maxItems": MOST_WORDS, "items": self.0.schema() })
    }
}

/// A URL that deliveries may go to.
pub(crate) struct Endpoint<'a>(pub(crate) &'a AddressPolicy);

impl Reading for Endpoint<'_> {
    type Output = EndpointUrl;

    fn read(&self, value: &Value) -> Result<EndpointUrl, String> {
        let text = value.as_str().ok_or("must be a string")?;
        EndpointUrl::parse(text, self.0).map_err(|fault| fault.to_string())
    }

    fn schema(&self) -> Value {
        json!({ "type": "string", "maxLength": 2048, "description": "`https`, of a host that is reachable from the public internet." })
    }
}

/// A span of whole seconds.
pub(crate) struct Seconds {
    pub(crate) most: u64,
    pub(crate) usual: u64,
}

impl Reading for Seconds {
    type Output = Duration;

    fn read(&self, value: &Value) -> Result<Duration, String> {
        let seconds = value.as_u64().filter(|seconds| *seconds <= self.most);
        seconds
            .map(Duration::from_secs)
            .ok_or_else(|| format!("must be a whole number of seconds from 0 to {}", self.most))
    }

    fn schema(&self) -> Value {
        json!({ "type": "integer", "minimum": 0, "maximum": self.most, "default": self.usual })
    }
}

/// A list of objects, each to be read on its own so that one bad item spoils no other.
pub(crate) struct Items {
    pub(crate) most: usize,
    pub(crate) schema: fn() -> Value,
}

impl Reading for Items {
    type Output = Vec<Value>;

    fn read(&self, value: &Value) -> Result<Vec<Value>, String> {
        match value {
            Value::Array(items) if items.is_empty() => Err("must hold at least one item".to_owned()),
            Value::Array(items) if items.len() > self.most => Err(format!("must hold at most {} items", self.most)),
            Value::Array(items) => Ok(items.clone()),
            _ => Err("must be an array".to_owned()),
        }
    }

    fn schema(&self) -> Value {
        json!({ "type": "array", "minItems": 1, "maxItems": self.most, "items": (self.schema)() })
    }
}
