//! The texts of groups and controls: parts with labels, as they are printed.

use super::{
    MAX_DEPTH,
    members::{label, plain_text},
    parameters::{MAX_TEXT_LENGTH, Parameters},
};
use crate::{
    object::Object,
    repairs::{Repair, Repairs},
    shorten,
};

/// The parts that explain a control or say how it is assessed. They are no part of its text.
const EXPLANATIONS: &[&str] =
    &["guidance", "example", "assessment", "assessment-method", "assessment-objective", "objective", "objects"];

/// A part of a text.
pub(super) struct Part {
    pub(super) id: Option<String>,
    pub(super) label: Option<String>,
    title: Option<String>,
    prose: Option<String>,
    pub(super) parts: Vec<Part>,
}

impl Part {
    /// Reads the statements; of a control without any, all parts that are no explanations.
    pub(super) fn read_statements(object: &Object<'_>) -> Vec<Self> {
        let is_statement = |part: &Object<'_>| part.text("name").as_deref() == Some("statement");
        let statements: Vec<Self> =
            object.present_objects("parts").filter(is_statement).map(|part| Self::read(&part, MAX_DEPTH)).collect();
        if statements.is_empty() { Self::read_all(object, MAX_DEPTH) } else { statements }
    }

    /// Reads the parts that are no explanations.
    pub(super) fn read_all(object: &Object<'_>, depth: usize) -> Vec<Self> {
        if depth == 0 {
            if object.member("parts").is_some() {
                object.repair("parts", || format!("is nested deeper than {MAX_DEPTH} parts; left out"));
            }
            return Vec::new();
        }
        object
            .present_objects("parts")
            .filter(|part| part.text("name").is_none_or(|name| !EXPLANATIONS.contains(&name.as_str())))
            .map(|part| Self::read(&part, depth))
            .collect()
    }

    fn read(part: &Object<'_>, depth: usize) -> Self {
        Self {
            id: part.nonblank_text("id"),
            label: label(part),
            title: part.nonblank_text("title"),
            prose: part.nonblank_text("prose"),
            parts: Self::read_all(part, depth - 1),
        }
    }
}

/// Writes texts, with parameters resolved.
pub(super) struct ProseWriter<'c> {
    pub(super) parameters: &'c Parameters,
    pub(super) repairs: &'c Repairs,
    /// The path of the node whose text it is.
    pub(super) path: &'c str,
}

impl ProseWriter<'_> {
    /// Returns the text of the parts: a line for each, indented by two blanks for each level of labels.
    pub(super) fn write(&self, parts: &[Part]) -> String {
        let mut text = String::new();
        self.write_parts(parts, 0, &mut text);
        text
    }

    fn write_parts(&self, parts: &[Part], level: usize, text: &mut String) {
        for part in parts {
            if text.len() > MAX_TEXT_LENGTH {
                return;
            }
            let line = self.line(part);
            if !line.is_empty() {
                let indent = "  ".repeat(level);
                if !text.is_empty() {
                    text.push('\n');
                }
                text.push_str(&indent);
                text.push_str(&line.replace('\n', &format!("\n{indent}")));
            }
            self.write_parts(&part.parts, level + usize::from(part.label.is_some()), text);
        }
    }

    fn line(&self, part: &Part) -> String {
        let title = part
            .title
            .as_ref()
            .map(|title| if part.prose.is_some() { format!("{}:", title.trim()) } else { title.trim().to_owned() });
        let prose = part.prose.as_deref().map(|prose| self.resolved(prose));
        let words = [part.label.clone(), title, prose].into_iter().flatten().filter(|word| !word.is_empty());
        words.collect::<Vec<_>>().join(" ")
    }

    fn resolved(&self, prose: &str) -> String {
        let mut resolved = String::new();
        self.parameters.write(&plain_text(prose), self.path, self.repairs, &mut resolved);
        resolved
    }

    /// The text as a description. Of a text that is too long, the end is left out.
    pub(super) fn description(&self, text: &str) -> Option<String> {
        let description = shorten::description(&shorten::clean_description(text))?.to_string();
        if description.len() < text.len() && text.starts_with(&description) {
            let path = self.path.to_owned();
            self.repairs
                .add(|| Repair { path, message: "has a text that is too long; its end is left out".to_owned() });
        }
        Some(description)
    }
}
