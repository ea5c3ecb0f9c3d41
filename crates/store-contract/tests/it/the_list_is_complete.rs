//! Compares the list of tests in the macro with the functions of the suite.

use std::{collections::BTreeSet, fs, path::Path};

fn source(path: impl AsRef<Path>) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(path)).unwrap()
}

/// The functions that the macro lists, as `group::function`.
fn listed() -> BTreeSet<String> {
    let suite = source("suite.rs");
    let list = suite.split_once("$open =>\n").unwrap().1.split_once("};").unwrap().0;
    let mut group = "";
    let mut found = BTreeSet::new();
    for word in list.split_whitespace().filter(|word| *word != "}") {
        match word {
            "{" => {}
            word if list.contains(&format!("{word} {{")) => group = word,
            word => assert!(found.insert(format!("{group}::{word}")), "{word} is listed twice"),
        }
    }
    found
}

/// The functions defined in the files of the suite.
fn written() -> BTreeSet<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/suite");
    let mut found = BTreeSet::new();
    for file in fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        let group = path.file_stem().unwrap().to_str().unwrap().to_owned();
        let text = source(&path);
        let functions = text.lines().filter_map(|line| line.strip_prefix("pub async fn "));
        found.extend(functions.map(|rest| format!("{group}::{}", rest.split_once('(').unwrap().0)));
    }
    found
}

#[test]
fn every_function_of_the_suite_is_run_by_every_store() {
    assert_eq!(listed(), written());
    assert!(written().len() > 70, "only {} functions were found in the suite", written().len());
}
