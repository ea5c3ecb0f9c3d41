//! The texts that a form sends.

use std::collections::BTreeMap;

use http_api::{
    request::ApiRequest,
    response::{Issue, Problem},
};
use kernel::{Reason, ReasonRule, Revision};

use crate::{form_token::FormToken, text_fault::parse_text};

/// The maximum number of fields of a form: far more than any page has. Each takes many times the memory of its bytes.
const MAX_FIELDS: usize = 2000;

/// The maximum length of what was typed in an address, in bytes.
const MAX_TYPED: usize = 6000;

/// Reads a form of somebody who may not have signed in.
///
/// # Errors
/// A 415 response if the body is no form, and a 400 response if it has too many fields.
pub(crate) fn public_form(request: &ApiRequest) -> Result<BTreeMap<String, String>, Problem> {
    request.body_media_type(&["application/x-www-form-urlencoded"])?;
    if request.body.iter().filter(|byte| **byte == b'&').count() >= MAX_FIELDS {
        let message = format!("the form has more than {MAX_FIELDS} fields: go back and choose fewer");
        return Err(Problem::validation(vec![Issue::new([], message)]));
    }
    Ok(form_urlencoded::parse(&request.body).into_owned().collect())
}

/// The value of a parameter of the address.
pub(crate) fn query_value(request: &ApiRequest, name: &str) -> Option<String> {
    let mut pairs = form_urlencoded::parse(request.query().as_bytes());
    pairs.find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}

/// The parameters of the address, as the texts that a form is filled in with.
pub(crate) fn query_texts(request: &ApiRequest) -> BTreeMap<String, String> {
    form_urlencoded::parse(request.query().as_bytes()).into_owned().collect()
}

/// All values of a parameter of the address.
pub(crate) fn query_values(request: &ApiRequest, name: &str) -> Vec<String> {
    let pairs = form_urlencoded::parse(request.query().as_bytes());
    pairs.filter(|(key, _)| key == name).map(|(_, value)| value.into_owned()).collect()
}

/// The address of a form with what these fields of the one that was sent have, so that nobody types it again.
pub(crate) fn with_typed(request: &ApiRequest, path: &str, names: &[&str]) -> String {
    let pairs = form_urlencoded::parse(&request.body);
    let typed = pairs.filter(|(name, value)| names.contains(&name.as_ref()) && !value.is_empty());
    let mut query = form_urlencoded::Serializer::new(String::new());
    for (name, value) in typed {
        query.append_pair(&name, &value);
    }
    // An address that is too long for a browser or a proxy leads to the empty form.
    let query = Some(query.finish()).filter(|query| !query.is_empty() && query.len() <= MAX_TYPED);
    query.map_or_else(|| path.to_owned(), |query| format!("{path}?{query}"))
}

/// The texts of a form, by the names of its fields.
pub(crate) struct FormTexts(pub(crate) BTreeMap<String, String>);

impl FormTexts {
    /// Reads the form that a page of this session has sent.
    ///
    /// # Errors
    /// As [`public_form`], and a 403 response if no page of this session has sent the form.
    pub(crate) fn read(request: &ApiRequest) -> Result<Self, Problem> {
        let texts = public_form(request)?;
        let session = &request.principal()?.user()?.caller.session;
        if !FormToken::of(session).matches(texts.get("formToken").map_or("", String::as_str)) {
            return Err(Problem::other_site());
        }
        Ok(Self(texts))
    }

    /// The values of a field that a form has several times.
    pub(crate) fn values(request: &ApiRequest, name: &str) -> Vec<String> {
        let pairs = form_urlencoded::parse(&request.body);
        pairs.filter(|(key, _)| key == name).map(|(_, value)| value.into_owned()).collect()
    }

    /// The reason for the change, or what is wrong with it.
    pub(crate) fn reason(&self) -> Result<Reason, String> {
        let text = self.0.get("reason").map_or("", |text| text.trim());
        parse_text::<ReasonRule>(text).map_err(|fault| format!("{fault}."))
    }

    /// The revision that the record had when the form was opened.
    ///
    /// # Errors
    /// A 400 response if the form does not state it.
    pub(crate) fn revision(&self) -> Result<Revision, Problem> {
        let revision = self.0.get("revision").and_then(|text| text.parse().ok()).map(Revision);
        revision.ok_or_else(|| Problem::validation(vec![Issue::new(["revision"], "is missing: open the form again")]))
    }
}
