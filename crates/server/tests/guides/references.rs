//! Checks that everything the documentation refers to exists: files, headings and tests.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::root;

/// A reference in the documentation to something that does not exist.
type Fault = String;

#[test]
fn every_link_in_the_documentation_resolves() {
    assert_no_faults(|document, line| {
        let targets = line.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(target, _)| target);
        let relative = targets.filter(|target| !target.contains("://"));
        relative.filter(|target| !target_exists(document, target)).map(|target| format!("the link {target}")).collect()
    });
}

#[test]
fn every_file_named_in_the_documentation_exists() {
    assert_no_faults(|_, line| {
        let named = code_spans(line)
            .filter(|code| ["crates/", "docs/", "migrations/", "xtask/"].iter().any(|top| code.starts_with(top)));
        named.filter(|path| !root().join(path).exists()).map(|path| format!("the file {path}")).collect()
    });
}

#[test]
fn every_test_named_in_the_documentation_exists() {
    let mut sources = String::new();
    for folder in ["crates", "xtask"] {
        visit_files(&root().join(folder), "rs", &mut |_, text| sources.push_str(text));
    }
    assert_no_faults(|_, line| {
        let named = code_spans(line).filter(|code| is_test_name(code));
        // Tests of a suite are named in a list, other tests by `fn`.
        let exists = |name: &str| sources.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == name);
        named.filter(|name| !exists(name)).map(|name| format!("the test {name}")).collect()
    });
}

/// Whether this is the name of a test: a sentence in snake case.
fn is_test_name(code: &str) -> bool {
    code.matches('_').count() >= 4 && code.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

/// The code spans of a line.
fn code_spans(line: &str) -> impl Iterator<Item = &str> {
    line.split('`').skip(1).step_by(2)
}

fn target_exists(document: &Path, target: &str) -> bool {
    let (file, heading) = target.split_once('#').map_or((target, None), |(file, heading)| (file, Some(heading)));
    let file = if file.is_empty() { document.to_owned() } else { document.with_file_name("").join(file) };
    match heading {
        None => file.exists(),
        Some(heading) => {
            fs::read_to_string(file).is_ok_and(|text| text.lines().any(|line| anchor(line).as_deref() == Some(heading)))
        }
    }
}

/// The anchor of a heading.
fn anchor(line: &str) -> Option<String> {
    let heading = line.strip_prefix('#')?.trim_start_matches('#').trim().to_lowercase();
    Some(
        heading
            .chars()
            .filter(|c| c.is_alphanumeric() || matches!(c, ' ' | '-'))
            .map(|c| if c == ' ' { '-' } else { c })
            .collect(),
    )
}

/// Checks every line of the documentation outside of code blocks.
fn assert_no_faults(faults_of: impl Fn(&Path, &str) -> Vec<Fault>) {
    let mut faults = Vec::new();
    let mut check = |path: &Path, text: &str| {
        let mut open = false;
        for (index, line) in text.lines().enumerate() {
            if line.starts_with("```") {
                open = !open;
            } else if !open {
                let message = |error| format!("{}:{}: {error} does not exist", path.display(), index + 1);
                faults.extend(faults_of(path, line).into_iter().map(message));
            }
        }
    };
    let readme = root().join("README.md");
    check(&readme, &fs::read_to_string(&readme).unwrap());
    visit_files(&root().join("docs"), "md", &mut check);
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

fn visit_files(folder: &Path, extension: &str, visit: &mut impl FnMut(&Path, &str)) {
    let mut paths: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            visit_files(&path, extension, visit);
        } else if path.extension().is_some_and(|found| found == extension) {
            visit(&path, &fs::read_to_string(&path).unwrap());
        }
    }
}
