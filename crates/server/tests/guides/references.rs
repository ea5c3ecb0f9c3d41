//! What the documentation points to is there: files, headings, and the tests that hold a sentence.

use std::{
    fs,
    path::{Path, PathBuf},
};

use crate::root;

/// A line of the documentation that points to what is not there.
type Fault = String;

#[test]
fn every_link_of_the_documentation_leads_somewhere() {
    hold(|document, line| {
        let targets = line.split("](").skip(1).filter_map(|rest| rest.split_once(')')).map(|(target, _)| target);
        let ours = targets.filter(|target| !target.contains("://"));
        ours.filter(|target| !is_there(document, target)).map(|target| format!("the link {target}")).collect()
    });
}

#[test]
fn every_file_the_documentation_names_is_there() {
    hold(|_, line| {
        let named = code(line)
            .filter(|code| ["crates/", "docs/", "migrations/", "xtask/"].iter().any(|top| code.starts_with(top)));
        named.filter(|path| !root().join(path).exists()).map(|path| format!("the file {path}")).collect()
    });
}

#[test]
fn every_test_the_documentation_names_is_there() {
    let mut sources = String::new();
    for folder in ["crates", "xtask"] {
        read_all(&root().join(folder), "rs", &mut |_, text| sources.push_str(text));
    }
    hold(|_, line| {
        let named = code(line).filter(|code| is_test_name(code));
        // Tests of a suite are named in a list, others by `fn`.
        let known = |name: &str| sources.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| word == name);
        named.filter(|name| !known(name)).map(|name| format!("the test {name}")).collect()
    });
}

/// A sentence, as the tests of the house are named.
fn is_test_name(code: &str) -> bool {
    code.matches('_').count() >= 4 && code.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

/// What stands between backticks.
fn code(line: &str) -> impl Iterator<Item = &str> {
    line.split('`').skip(1).step_by(2)
}

fn is_there(document: &Path, target: &str) -> bool {
    let (file, heading) = target.split_once('#').map_or((target, None), |(file, heading)| (file, Some(heading)));
    let file = if file.is_empty() { document.to_owned() } else { document.with_file_name("").join(file) };
    match heading {
        None => file.exists(),
        Some(heading) => {
            fs::read_to_string(file).is_ok_and(|text| text.lines().any(|line| anchor(line).as_deref() == Some(heading)))
        }
    }
}

/// What links call a heading.
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

/// Looks at every line of the documentation outside of its blocks of code.
fn hold(faults_of: impl Fn(&Path, &str) -> Vec<Fault>) {
    let mut faults = Vec::new();
    let mut look = |path: &Path, text: &str| {
        let mut open = false;
        for (place, line) in text.lines().enumerate() {
            if line.starts_with("```") {
                open = !open;
            } else if !open {
                let at = |fault| format!("{}:{}: {fault} is not there", path.display(), place + 1);
                faults.extend(faults_of(path, line).into_iter().map(at));
            }
        }
    };
    let readme = root().join("README.md");
    look(&readme, &fs::read_to_string(&readme).unwrap());
    read_all(&root().join("docs"), "md", &mut look);
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

fn read_all(folder: &Path, extension: &str, look: &mut impl FnMut(&Path, &str)) {
    let mut paths: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            read_all(&path, extension, look);
        } else if path.extension().is_some_and(|found| found == extension) {
            look(&path, &fs::read_to_string(&path).unwrap());
        }
    }
}
