//! The members of a record that callers can't set, sent back as they were read.

use kernel::Timestamp;
use serde::Serialize;
use serde_json::Value;

use crate::response::{Issue, Problem};

/// The members of a PATCH that callers can't set, as [`super::BodyReader::sent_back`] took them.
#[derive(Debug, Default)]
pub struct SentBack(Vec<(String, Value)>);

impl SentBack {
    pub(super) fn new(members: Vec<(String, Value)>) -> Self {
        Self(members)
    }

    /// Passes over these members, whatever their value: they may have changed since the record was read, without a new
    /// revision of it.
    #[must_use]
    pub fn except(mut self, names: &[&str]) -> Self {
        self.0.retain(|(name, _)| !names.contains(&name.as_str()));
        self
    }

    /// Checks that each member has the present value of the record, which is given in its representation.
    ///
    /// # Errors
    /// A 400 response that names the members that differ.
    pub fn check(&self, record: &impl Serialize) -> Result<(), Problem> {
        if self.0.is_empty() {
            return Ok(());
        }
        let record = serde_json::to_value(record).map_err(|_| Problem::internal())?;
        let differs =
            |(name, value): &&(String, Value)| record.get(name).is_none_or(|present| !is_same(present, value));
        let issues: Vec<Issue> = self.0.iter().filter(differs).map(|(name, _)| issue(name)).collect();
        if issues.is_empty() { Ok(()) } else { Err(Problem::validation(issues)) }
    }
}

fn issue(name: &str) -> Issue {
    Issue::new([name], "can't be set: leave it out, or send its present value")
}

/// Whether the values are the same. Clients may write a timestamp in another way than the server does.
fn is_same(present: &Value, sent: &Value) -> bool {
    let time = |value: &Value| value.as_str().and_then(|text| text.parse::<Timestamp>().ok());
    present == sent || time(present).is_some_and(|present| time(sent) == Some(present))
}
