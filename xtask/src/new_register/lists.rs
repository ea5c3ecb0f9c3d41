//! The lines that a register has in the lists of kinds, registers, endpoints and migrations.

use std::fs;

use super::{Names, endpoint::Endpoint};
use crate::{Outcome, root};

/// A file with the register's lines in it.
pub(super) struct Edit {
    pub(super) file: &'static str,
    text: String,
}

/// A line to insert into a list, or a few.
struct Insertion<'i> {
    /// The text before the list.
    list: &'i str,
    /// The beginning and another part of each line of the list. The insertion goes behind the last line that has both.
    line: [&'i str; 2],
    text: String,
}

/// Returns the lists of kinds, registers and endpoints with the register. Nothing is written, so that either all lists
/// have it or none.
pub(super) fn additions(names: &Names, endpoint: &Endpoint) -> Outcome<Vec<Edit>> {
    let Names { singular, type_name, path, .. } = names;
    let Endpoint { scope_variant, tag, .. } = endpoint;
    let words = names.words();
    let article = names.article();
    let kind = Insertion {
        list: "    Kind {",
        line: ["        ", " = \""],
        text: format!(
            "        /// {article} {words} of the `registers` crate.\n        {type_name} = \"{singular}\",\n"
        ),
    };
    let registers = [
        Insertion { list: "", line: ["mod ", ";"], text: format!("mod {singular};\n") },
        Insertion {
            list: "",
            line: ["pub use ", ";"],
            text: format!("pub use {singular}::{{{type_name}, {type_name}Status}};\n"),
        },
        Insertion {
            list: "macro_rules! for_each_register",
            line: ["            ", " => ::registers::"],
            text: format!("            {type_name} => ::registers::{type_name},\n"),
        },
    ];
    let served = Insertion {
        list: "serve! {",
        line: ["    ", ";"],
        text: format!("    {type_name}: \"{path}\", \"{tag}\", {scope_variant};\n"),
    };
    Ok(vec![
        edit("crates/kernel/src/resource.rs", &[kind])?,
        edit("crates/registers/src/lib.rs", &registers)?,
        edit("crates/api-v1/src/registers.rs", &[served])?,
    ])
}

/// Returns the list of migrations with that of the register.
pub(super) fn migration(plural: &str, number: u32) -> Outcome<Edit> {
    let text = format!("    {number} \"{plural}\" \"{number:04}_{plural}.sql\",\n");
    let insertion = Insertion { list: "= steps! {", line: ["    ", ".sql\","], text };
    edit("crates/store-sql/src/schema/migrations.rs", &[insertion])
}

pub(super) fn write(edits: &[Edit]) -> Outcome {
    edits.iter().try_for_each(|edit| super::write(&root().join(edit.file), &edit.text))
}

fn edit(file: &'static str, insertions: &[Insertion<'_>]) -> Outcome<Edit> {
    let mut text = fs::read_to_string(root().join(file)).map_err(|error| format!("{file}: {error}"))?;
    for insertion in insertions {
        text = insert(&text, insertion).ok_or_else(|| {
            let [beginning, part] = insertion.line;
            format!("{file} has no list {:?} with lines like \"{beginning}…{part}…\"", insertion.list)
        })?;
    }
    Ok(Edit { file, text })
}

/// Returns the text with the insertion behind the last line of its list, or as it is if it has it already.
fn insert(text: &str, insertion: &Insertion<'_>) -> Option<String> {
    if text.contains(&insertion.text) {
        return Some(text.to_owned());
    }
    let [beginning, part] = insertion.line;
    let list = text.find(insertion.list)? + insertion.list.len();
    let end = list + text[list..].find("\n}\n").unwrap_or(text.len() - list);
    let mut position = list;
    let mut last = None;
    for line in text[list..end].split_inclusive('\n') {
        position += line.len();
        if line.starts_with(beginning) && line.contains(part) {
            last = Some(position);
        }
    }
    // The last line of the list may be the one before the end, whose line feed was the mark of it.
    let last = last?;
    let last = if text[..last].ends_with('\n') { last } else { last + 1 };
    Some(format!("{}{}{}", &text[..last], insertion.text, &text[last..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_goes_behind_the_last_of_its_list() {
        let insertion = |list| Insertion { list, line: ["    ", ";"], text: "    c;\n".to_owned() };
        let text = "one! {\n    a;\n    b;\n}\n\ntwo! {\n    d;\n    }\n}\n\nfn last() {\n    e;\n}\n";
        let one = insert(text, &insertion("one! {")).unwrap();
        assert_eq!(one, text.replace("    b;\n", "    b;\n    c;\n"));
        assert_eq!(insert(&one, &insertion("one! {")), Some(one), "a line is not added twice");
        assert_eq!(insert(text, &insertion("two! {")), Some(text.replace("    d;\n", "    d;\n    c;\n")));
        assert_eq!(insert(text, &insertion("three! {")), None);
    }
}
