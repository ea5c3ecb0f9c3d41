//! Parameters of controls, and their insertion into texts as NIST prints them: `[Assignment: frequency]`,
//! `[Selection (one or more): remove; disable]`.

use std::collections::{HashMap, hash_map::Entry};

use super::members::{label, plain_text};
use crate::{
    object::Object,
    repairs::{Repair, Repairs},
};

/// The depth to which parameters may be inserted into each other.
const MAX_INSERTIONS: usize = 8;

/// The maximum length of an insertion in bytes, without its braces.
const MAX_INSERTION_LENGTH: usize = 300;

/// The length in bytes from which a text gets no more insertions. No description is longer.
pub(super) const MAX_TEXT_LENGTH: usize = 4 * 20_000;

/// The beginning of the labels of what an organization defines.
const ORGANIZATION_DEFINED: &str = "organization-defined";

/// A parameter.
#[derive(Clone, Debug, Default)]
pub(super) struct Parameter {
    values: Vec<String>,
    choices: Vec<String>,
    takes_several_choices: bool,
    label: Option<String>,
}

/// The parameters of a catalog by id.
#[derive(Clone, Debug, Default)]
pub(super) struct Parameters(HashMap<String, Parameter>);

impl Parameters {
    /// Adds the parameters of a catalog, group or control. The first of several with one id is kept.
    pub(super) fn read(&mut self, object: &Object<'_>) {
        for parameter in object.present_objects("params") {
            let Some(id) = parameter.nonblank_text("id") else {
                parameter.repair("id", || "is missing, so no text can name the parameter; left out".to_owned());
                continue;
            };
            match self.0.entry(id) {
                Entry::Vacant(entry) => {
                    entry.insert(Parameter::default().merged_with(&parameter));
                }
                Entry::Occupied(entry) => {
                    parameter
                        .repair("id", || format!("is {:?}, the id of an earlier parameter; left out", entry.key()));
                }
            }
        }
    }

    /// Changes the parameter as the `set-parameters` of a profile do. Returns whether there is one.
    pub(super) fn set(&mut self, id: &str, setting: &Object<'_>) -> bool {
        let Some(parameter) = self.0.get_mut(id) else { return false };
        *parameter = std::mem::take(parameter).merged_with(setting);
        true
    }

    /// Appends the text with each insertion of a parameter resolved.
    pub(super) fn write(&self, text: &str, path: &str, repairs: &Repairs, written: &mut String) {
        Insertions { parameters: self, path, repairs, open: Vec::new(), written }.write(text);
    }
}

impl Parameter {
    fn merged_with(self, object: &Object<'_>) -> Self {
        let is_not_blank = |text: &String| !text.is_empty();
        let texts = |object: &Object<'_>, name: &str| -> Vec<String> {
            object.texts_of_list(name).iter().map(|text| plain_text(text)).filter(is_not_blank).collect()
        };
        let select = object.object("select");
        let choices = select.as_ref().map(|select| texts(select, "choice")).unwrap_or_default();
        let how_many = select.and_then(|select| select.text("how-many"));
        let values = texts(object, "values");
        let keeps_choices = choices.is_empty();
        Self {
            values: if values.is_empty() { self.values } else { values },
            takes_several_choices: if keeps_choices {
                self.takes_several_choices
            } else {
                how_many.is_some_and(|how_many| how_many.replace('-', " ") == "one or more")
            },
            choices: if keeps_choices { self.choices } else { choices },
            label: parameter_label(object).or(self.label),
        }
    }
}

/// The label. That of a parameter that an organization defines says so, as in print.
fn parameter_label(parameter: &Object<'_>) -> Option<String> {
    let short = Some(plain_text(&parameter.nonblank_text("label")?)).filter(|label| !label.is_empty())?;
    let usage = parameter.nonblank_text("usage").map(|usage| plain_text(&usage));
    if let Some(usage) = usage.filter(|usage| usage.starts_with(ORGANIZATION_DEFINED) && usage.ends_with(&short)) {
        return Some(usage);
    }
    let is_organization_defined = label(parameter).is_some_and(|label| label.contains("ODP["));
    let states_it = short.starts_with(ORGANIZATION_DEFINED);
    Some(if is_organization_defined && !states_it { format!("{ORGANIZATION_DEFINED} {short}") } else { short })
}

/// The insertions into one text.
struct Insertions<'p, 'w> {
    parameters: &'p Parameters,
    path: &'w str,
    repairs: &'w Repairs,
    /// The parameters whose texts are being written.
    open: Vec<&'p str>,
    written: &'w mut String,
}

impl<'p> Insertions<'p, '_> {
    fn write(&mut self, text: &str) {
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("{{") {
            self.written.push_str(before);
            if self.written.len() > MAX_TEXT_LENGTH {
                return;
            }
            let end = after.as_bytes().windows(2).take(MAX_INSERTION_LENGTH).position(|pair| pair == b"}}");
            let inserted = end.and_then(|end| Some((self.parameter_id(after.get(..end)?)?, after.get(end + 2..)?)));
            rest = if let Some((id, after)) = inserted {
                self.insert(id);
                // Catalogs have a blank between an insertion and the punctuation after it, which is not printed.
                let punctuation = after.strip_prefix(' ').filter(|after| after.starts_with([';', ',', '.', ':', ')']));
                punctuation.unwrap_or(after)
            } else {
                self.written.push_str("{{");
                after
            };
        }
        self.written.push_str(rest);
    }

    /// The id in `insert: param, ID`, or the id alone, as catalogs before OSCAL 1 write it.
    fn parameter_id<'t>(&self, inserted: &'t str) -> Option<&'t str> {
        let inserted = inserted.trim();
        let parameter = inserted.strip_prefix("insert:").and_then(|rest| rest.trim_start().strip_prefix("param,"));
        parameter
            .map(str::trim)
            .filter(|id| !id.is_empty())
            .or_else(|| self.parameters.0.contains_key(inserted).then_some(inserted))
    }

    fn insert(&mut self, id: &str) {
        let parameters = self.parameters;
        let Some((id, parameter)) = parameters.0.get_key_value(id) else {
            return self.write_id(id, "which the file has not");
        };
        if self.open.contains(&id.as_str()) {
            return self.write_id(id, "which is inserted into itself");
        }
        if self.open.len() == MAX_INSERTIONS {
            return self.write_id(id, "which is inserted through too many others");
        }
        self.open.push(id);
        match parameter {
            Parameter { values, .. } if !values.is_empty() => self.write_all(values, ", "),
            Parameter { choices, takes_several_choices, .. } if !choices.is_empty() => {
                self.written.push_str(if *takes_several_choices {
                    "[Selection (one or more): "
                } else {
                    "[Selection: "
                });
                self.write_all(choices, "; ");
                self.written.push(']');
            }
            Parameter { label, .. } => {
                self.written.push_str("[Assignment: ");
                self.write(label.as_deref().unwrap_or(id));
                self.written.push(']');
            }
        }
        self.open.pop();
    }

    fn write_all(&mut self, texts: &'p [String], separator: &str) {
        for (index, text) in texts.iter().enumerate() {
            if self.written.len() > MAX_TEXT_LENGTH {
                return;
            }
            if index > 0 {
                self.written.push_str(separator);
            }
            self.write(text);
        }
    }

    fn write_id(&mut self, id: &str, fault: &str) {
        self.written.push_str(&format!("[Assignment: {id}]"));
        let path = self.path.to_owned();
        self.repairs.add(|| Repair { path, message: format!("names the parameter {id:?}, {fault}; its id is used") });
    }
}
