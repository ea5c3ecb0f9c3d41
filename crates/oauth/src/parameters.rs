//! The parameters of a form or query (RFC 6749 § 3.1, 3.2).

use std::{collections::BTreeMap, fmt};

use crate::error::OAuthError;

/// Parameters by name. One without a value counts as absent; unknown ones are ignored. The values are not in `Debug`.
pub struct Parameters {
    values: BTreeMap<String, String>,
    repeated: Vec<String>,
}

impl Parameters {
    /// Reads an encoded form or query.
    #[must_use]
    pub fn parse(encoded: &[u8]) -> Self {
        let (mut values, mut repeated) = (BTreeMap::new(), Vec::new());
        for (name, value) in form_urlencoded::parse(encoded) {
            if values.insert(name.to_string(), value.into_owned()).is_some() {
                repeated.push(name.into_owned());
            }
        }
        Self { values, repeated }
    }

    /// Returns the value; `None` if it is absent, empty or ambiguous.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        let value = self.values.get(name).filter(|value| !value.is_empty())?;
        (!self.is_repeated(name)).then_some(value)
    }

    /// Returns the value.
    ///
    /// # Errors
    /// `invalid_request` that names the parameter if there is none.
    pub fn required(&self, name: &'static str) -> Result<&str, OAuthError> {
        self.get(name).ok_or_else(|| OAuthError::request(format!("{name} is missing")))
    }

    /// Refuses parameters that occur more than once.
    ///
    /// # Errors
    /// `invalid_request`.
    pub fn refuse_repeated(&self) -> Result<(), OAuthError> {
        if self.repeated.is_empty() { Ok(()) } else { Err(OAuthError::request("a parameter occurs more than once")) }
    }

    fn is_repeated(&self, name: &str) -> bool {
        self.repeated.iter().any(|repeated| repeated == name)
    }
}

impl fmt::Debug for Parameters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.values.keys()).finish()
    }
}
