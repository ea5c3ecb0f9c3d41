//! The lines that a register has in the lists of kinds, registers, endpoints and migrations.

use std::fs;

use super::Names;
use crate::{Outcome, root};

/// One line, or a few, to insert into a list.
struct Insertion {
    file: &'static str,
    /// The insertion goes behind the last line that begins with this text.
    after_last: &'static str,
    text: String,
}

/// Adds the register to the lists of kinds, registers and endpoints.
pub(super) fn add(names: &Names) -> Outcome {
    let Names { singular, plural, type_name } = names;
    let words = names.words();
    let insertions = [
        Insertion {
            file: "crates/kernel/src/resource.rs",
            after_last: "        WebhookDelivery = ",
            text: format!("        /// A {words} of the `registers` crate.\n        {type_name} = \"{singular}\",\n"),
        },
        Insertion { file: "crates/registers/src/lib.rs", after_last: "mod ", text: format!("mod {singular};\n") },
        Insertion {
            file: "crates/registers/src/lib.rs",
            after_last: "pub use ",
            text: format!("pub use {singular}::{{{type_name}, {type_name}Status}};\n"),
        },
        Insertion {
            file: "crates/registers/src/lib.rs",
            after_last: "            Control => ",
            text: format!("            {type_name} => ::registers::{type_name},\n"),
        },
        Insertion {
            file: "crates/api-v1/src/registers.rs",
            after_last: "    register::<",
            text: format!(
                "    register::<{type_name}>(\"/api/v1/governance/{plural}\", \"Controls\", Scope::ControlsRead),\n"
            ),
        },
    ];
    insertions.into_iter().try_for_each(insert)
}

/// Adds the register's migration to the list of migrations, if it is not there yet.
pub(super) fn add_migration(names: &Names, number: u32) -> Outcome {
    let plural = &names.plural;
    let text = format!("    {number} \"{plural}\" \"{number:04}_{plural}.sql\",\n");
    let before = format!("    {} \"", number - 1);
    insert_after(MIGRATIONS, &before, &text)
}

const MIGRATIONS: &str = "crates/store-sql/src/schema/migrations.rs";

fn insert(insertion: Insertion) -> Outcome {
    insert_after(insertion.file, insertion.after_last, &insertion.text)
}

/// Inserts the text behind the last line that begins with `prefix`, unless the file has it.
fn insert_after(file: &str, prefix: &str, text: &str) -> Outcome {
    let path = root().join(file);
    let mut content = fs::read_to_string(&path).map_err(|error| format!("{file}: {error}"))?;
    if content.contains(text) {
        return Ok(());
    }
    let end =
        end_of_last_line(&content, prefix).ok_or_else(|| format!("{file} has no line that begins with {prefix:?}"))?;
    content.insert_str(end, text);
    super::write(&path, &content)
}

fn end_of_last_line(content: &str, prefix: &str) -> Option<usize> {
    let mut end = 0;
    let mut found = None;
    for line in content.split_inclusive('\n') {
        end += line.len();
        if line.starts_with(prefix) {
            found = Some(end);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_goes_behind_the_last_of_its_list() {
        let content = "mod a;\nmod b;\n\nuse c;\n";
        let end = end_of_last_line(content, "mod ").unwrap();
        assert_eq!(&content[end..], "\nuse c;\n");
        assert_eq!(end_of_last_line(content, "fn "), None);
    }
}
