//! The documents that are generated from the code and committed, so that their changes are reviewed.

use std::fs;

use crate::{
    Outcome,
    process::{cargo, output, run},
    root,
};

struct Document {
    name: &'static str,
    path: &'static str,
    /// The `novantra` command that prints it.
    command: &'static [&'static str],
}

const DOCUMENTS: &[Document] = &[
    Document { name: "openapi", path: "docs/openapi.json", command: &["openapi"] },
    Document { name: "settings", path: "docs/settings.md", command: &["settings"] },
];

/// Writes the document with this name, or all documents.
pub(crate) fn write(name: Option<&str>) -> Outcome {
    for document in DOCUMENTS.iter().filter(|document| name.is_none_or(|name| name == document.name)) {
        let text = document.generate()?;
        fs::write(root().join(document.path), text).map_err(|error| format!("{}: {error}", document.path))?;
        println!("wrote {}", document.path);
    }
    Ok(())
}

/// Checks that the committed documents match the code.
pub(crate) fn check() -> Outcome {
    run(&mut cargo(["build", "--package", "novantra-server"]))?;
    let errors: Vec<String> = DOCUMENTS.iter().filter_map(|document| document.check().err()).collect();
    if errors.is_empty() { Ok(()) } else { Err(errors.join("\n")) }
}

impl Document {
    fn generate(&self) -> Outcome<Vec<u8>> {
        let novantra = ["run", "--quiet", "--package", "novantra-server", "--bin", "novantra", "--"];
        let mut command = cargo(novantra);
        // A developer's own settings of a server must not get into a document.
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("NOVANTRA_")) {
            command.env_remove(name);
        }
        output(command.args(self.command))
    }

    fn check(&self) -> Outcome {
        let path = self.path;
        let committed = fs::read(root().join(path)).unwrap_or_default();
        let generated = self.generate()?;
        match first_difference(&committed, &generated) {
            None => Ok(()),
            Some(line) => Err(format!("{path}: out of date from line {line} on; run `cargo xtask documents`")),
        }
    }
}

/// Returns the first line, counted from 1, in which two texts differ.
fn first_difference(one: &[u8], other: &[u8]) -> Option<usize> {
    if one == other {
        return None;
    }
    let lines = |text| <[u8]>::split(text, |byte| *byte == b'\n');
    let same = lines(one).zip(lines(other)).take_while(|(one, other)| one == other).count();
    Some(same + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_differing_line_of_a_document_is_found() {
        assert_eq!(first_difference(b"a\nb\n", b"a\nb\n"), None);
        assert_eq!(first_difference(b"a\nb\n", b"a\nc\n"), Some(2));
        assert_eq!(first_difference(b"", b"a\n"), Some(1));
        assert_eq!(first_difference(b"a\n", b"a\nb\n"), Some(2));
    }
}
