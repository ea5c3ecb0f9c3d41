//! Texts of nodes as parts with labels and parameters, as the catalog had them from which they were imported.

use serde_json::{Map, Value, json};

use super::identifiers::{Identifiers, token};

/// The parts and the parameters that a text becomes.
#[derive(Default)]
pub(super) struct Statement {
    pub(super) parts: Vec<Value>,
    pub(super) params: Vec<Value>,
}

/// The depth to which parameters in parameters are found.
const MAX_DEPTH: usize = 8;

impl Statement {
    /// The text as one part.
    pub(super) fn plain(text: &str, owner: &str, name: &str) -> Self {
        if text.is_empty() {
            return Self::default();
        }
        let part = json!({ "id": format!("{owner}_smt"), "name": name, "prose": text });
        Self { parts: vec![part], params: Vec::new() }
    }

    /// The text as a part with an item for each line that begins with a label, and with a parameter for each assignment
    /// and each selection. Whether reading it gives the text again is for the caller to see.
    pub(super) fn structured(text: &str, owner: &str, name: &str) -> Self {
        let mut builder = Builder {
            items: items(text),
            identifiers: Identifiers::default(),
            parameters: Parameters { owner, params: Vec::new() },
        };
        let part = builder.part(0, format!("{owner}_smt"), name);
        Self { parts: vec![part], params: builder.parameters.params }
    }
}

/// A part of a text.
#[derive(Default)]
struct Item {
    label: Option<String>,
    prose: String,
    items: Vec<usize>,
}

/// Divides a text at the lines that begin with a label, which is indented by two blanks for each label that it is below.
/// The first item is the text itself.
fn items(text: &str) -> Vec<Item> {
    let mut items = vec![Item::default()];
    // The labelled items that the current line may be below, outermost first.
    let mut open: Vec<usize> = Vec::new();
    // The item that takes lines without labels, and its level.
    let (mut last, mut last_level) = (0, 0);
    for (number, line) in text.split('\n').enumerate() {
        let indent = line.len() - line.trim_start_matches(' ').len();
        let level = (indent / 2).min(open.len());
        let labelled = label(&line[2 * level..]);
        if labelled.is_none() && (number == 0 || indent >= 2 * last_level) {
            if number > 0 {
                items[last].prose.push('\n');
            }
            items[last].prose.push_str(&line[2 * last_level.min(indent / 2)..]);
            continue;
        }
        open.truncate(level);
        let parent = open.last().copied().unwrap_or_default();
        let (label, prose) = labelled.map_or((None, &line[2 * level..]), |(label, prose)| (Some(label), prose));
        (last, last_level) = (items.len(), level);
        items.push(Item { label: label.map(str::to_owned), prose: prose.to_owned(), items: Vec::new() });
        items[parent].items.push(last);
        if label.is_some() {
            open.push(last);
        }
    }
    items
}

/// The label at the beginning of a line, and the rest: `a.`, `(1)`, `iv)`.
fn label(line: &str) -> Option<(&str, &str)> {
    let (label, rest) = line.split_once(' ')?;
    let core = label.strip_prefix('(').unwrap_or(label).strip_suffix(['.', ')'])?;
    let is_number = core.len() <= 3 && core.bytes().all(|byte| byte.is_ascii_digit());
    let is_letter = core.len() == 1 && core.bytes().all(|byte| byte.is_ascii_alphabetic());
    let is_roman = core.len() <= 5 && core.bytes().all(|byte| b"ivx".contains(&byte));
    (!core.is_empty() && (is_number || is_letter || is_roman)).then_some((label, rest))
}

struct Builder<'t> {
    items: Vec<Item>,
    identifiers: Identifiers,
    parameters: Parameters<'t>,
}

impl Builder<'_> {
    fn part(&mut self, index: usize, id: String, name: &str) -> Value {
        let Item { label, prose, items } = std::mem::take(&mut self.items[index]);
        let mut part = Map::new();
        if let Some(label) = label {
            part.insert("props".to_owned(), json!([{ "name": "label", "value": label }]));
        }
        if !prose.is_empty() {
            part.insert("prose".to_owned(), self.parameters.extract(&prose, 0).into());
        }
        let parts: Vec<Value> = items
            .into_iter()
            .map(|item| {
                let label = self.items[item].label.as_deref().unwrap_or("item");
                let label = token(label.trim_start_matches('('));
                let candidate = format!("{id}.{}", label.trim_start_matches('_'));
                let id = self.identifiers.claim(&candidate, &candidate);
                self.part(item, id, "item")
            })
            .collect();
        if !parts.is_empty() {
            part.insert("parts".to_owned(), parts.into());
        }
        part.insert("id".to_owned(), id.into());
        part.insert("name".to_owned(), name.into());
        Value::Object(part)
    }
}

/// The parameters of a control.
struct Parameters<'t> {
    owner: &'t str,
    params: Vec<Value>,
}

const ASSIGNMENT: &str = "[Assignment: ";
const SELECTION: &str = "[Selection: ";
const SELECTION_OF_SEVERAL: &str = "[Selection (one or more): ";

impl Parameters<'_> {
    /// The text with insertions instead of assignments and selections, which become parameters.
    fn extract(&mut self, text: &str, depth: usize) -> String {
        let mut extracted = String::new();
        let mut rest = text;
        while let Some(at) = rest.find('[').filter(|_| depth < MAX_DEPTH) {
            extracted.push_str(&rest[..at]);
            rest = &rest[at..];
            let found = [ASSIGNMENT, SELECTION, SELECTION_OF_SEVERAL].into_iter().find(|start| rest.starts_with(start));
            let content = found.and_then(|start| Some((start, content(&rest[start.len()..])?)));
            match content {
                Some((start, content)) => {
                    extracted.push_str(&format!("{{{{ insert: param, {} }}}}", self.add(start, content, depth)));
                    rest = &rest[start.len() + content.len() + 1..];
                }
                None => {
                    extracted.push('[');
                    rest = &rest[1..];
                }
            }
        }
        extracted + rest
    }

    /// Adds a parameter, and returns its id.
    fn add(&mut self, start: &str, content: &str, depth: usize) -> String {
        let index = self.params.len();
        let id = format!("{}_prm_{}", self.owner, index + 1);
        // Parameters in this one come after it.
        self.params.push(Value::Null);
        self.params[index] = if start == ASSIGNMENT {
            json!({ "id": id, "label": self.extract(content, depth + 1) })
        } else {
            let choices: Vec<String> =
                choices(content).into_iter().map(|choice| self.extract(choice, depth + 1)).collect();
            let mut select = json!({ "choice": choices });
            if start == SELECTION_OF_SEVERAL {
                select["how-many"] = "one-or-more".into();
            }
            json!({ "id": id, "select": select })
        };
        id
    }
}

/// The text up to the bracket that closes it, if it is one line and not blank.
fn content(text: &str) -> Option<&str> {
    let mut depth = 0_usize;
    let end = text.find(|character| {
        match character {
            '[' => depth += 1,
            ']' if depth == 0 => return true,
            ']' => depth -= 1,
            _ => {}
        }
        false
    })?;
    Some(&text[..end]).filter(|content| !content.trim().is_empty() && !content.contains('\n'))
}

/// The choices of a selection: its parts between semicolons that are in no brackets.
fn choices(content: &str) -> Vec<&str> {
    let (mut choices, mut start, mut depth) = (Vec::new(), 0, 0_usize);
    for (index, character) in content.char_indices() {
        match character {
            '[' => depth += 1,
            ']' => depth = depth.saturating_sub(1),
            ';' if depth == 0 && content[index..].starts_with("; ") => {
                choices.push(&content[start..index]);
                start = index + 2;
            }
            _ => {}
        }
    }
    choices.push(&content[start..]);
    choices
}
