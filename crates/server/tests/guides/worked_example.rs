//! Applies `docs/adding-a-module.md` to a copy of the repository, which is then built and run.

use std::{
    collections::BTreeMap,
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    demo::Demo,
    document::{Block, Guide},
    root, run_against,
};

const PAGE: &str = "docs/adding-a-module.md";

/// The files and folders from which the program is built.
const SOURCES: &[&str] = &["Cargo.lock", "Cargo.toml", "crates", "migrations", "rust-toolchain.toml", "xtask"];

/// The name of the copy's program, which is built into the same target folder as the original.
const PROGRAM: &str = "novantra-with-the-module";

/// The version line of the root manifest.
const VERSION: &str = concat!("version = \"", env!("CARGO_PKG_VERSION"), "\"");

/// File contents by path from the root.
type Files = BTreeMap<String, String>;

#[test]
fn adding_a_module_works_as_written() {
    let text = fs::read_to_string(root().join(PAGE)).unwrap();
    let guide = Guide::parse(PAGE, &text, None).unwrap();
    let mut files = Files::new();
    for part in SOURCES {
        read_into(&mut files, &root(), Path::new(part));
    }
    for block in &guide.blocks {
        if let Err(error) = apply(block, &mut files) {
            panic!("{PAGE}:{}: {error}", block.line);
        }
    }
    let target = Path::new(env!("CARGO_BIN_EXE_novantra")).ancestors().nth(2).unwrap();
    let program = build(&target.join("adding-a-module"), target, files);
    run_against(&guide, &Demo::start(&program));
}

/// Creates the file, or applies the change, that a block shows.
fn apply(block: &Block, files: &mut Files) -> Result<(), String> {
    match block.info_string.split_once(' ') {
        Some(("diff", path)) => {
            let file = files.get_mut(path).ok_or_else(|| format!("there is no file {path}"))?;
            for hunk in block.text.split(|line| line == "@@") {
                let without = |sign: char| {
                    let selected = hunk.iter().filter(move |line| !line.starts_with(sign));
                    selected.map(|line| format!("{}\n", line.get(1..).unwrap_or_default())).collect::<String>()
                };
                let (before, after) = (without('+'), without('-'));
                // Only complete lines match: the end of a longer line is a different line.
                let found = format!("\n{file}").matches(&format!("\n{before}")).count();
                if found != 1 {
                    return Err(format!("{path} has {found} positions with\n{before}"));
                }
                *file = format!("\n{file}").replacen(&format!("\n{before}"), &format!("\n{after}"), 1).split_off(1);
            }
            Ok(())
        }
        Some(("rust" | "sql", path)) => match files.insert(path.to_owned(), block.text.join("\n") + "\n") {
            None => Ok(()),
            Some(_) => Err(format!("{path} exists already")),
        },
        _ => Ok(()),
    }
}

/// Builds the program from these files.
fn build(copy: &Path, target: &Path, mut files: Files) -> PathBuf {
    // The target folder is shared, so that dependencies are not built again. A different package version and program
    // name keep the results of the two builds apart.
    let renames = [
        ("crates/server/Cargo.toml", "name = \"novantra\"", format!("name = \"{PROGRAM}\"")),
        ("Cargo.toml", VERSION, format!("{}-module\"", VERSION.trim_end_matches('"'))),
    ];
    for (path, from, to) in renames {
        let manifest = files.get_mut(path).unwrap();
        assert_eq!(manifest.matches(from).count(), 1, "{from} in {path}");
        *manifest = manifest.replace(from, &to);
    }
    write_out(copy, &files);
    let built = Command::new(env!("CARGO"))
        .args(["build", "--offline", "--package", "novantra-server", "--bin", PROGRAM, "--target-dir"])
        .arg(target)
        .current_dir(copy)
        .output()
        .unwrap();
    assert!(built.status.success(), "{PAGE} does not compile:\n{}", String::from_utf8_lossy(&built.stderr));
    target.join("debug").join(PROGRAM)
}

fn read_into(files: &mut Files, top: &Path, path: &Path) {
    let full = top.join(path);
    if full.is_dir() {
        for entry in fs::read_dir(full).unwrap() {
            read_into(files, top, &path.join(entry.unwrap().file_name()));
        }
    } else if let Ok(text) = fs::read_to_string(full) {
        files.insert(path.to_string_lossy().into_owned(), text);
    }
}

/// Makes the folder contain exactly these files. An unchanged file is not written, so that it is not compiled again.
fn write_out(folder: &Path, files: &Files) {
    let mut existing = Files::new();
    if folder.exists() {
        read_into(&mut existing, folder, Path::new(""));
    }
    for path in existing.keys().filter(|path| !files.contains_key(*path)) {
        fs::remove_file(folder.join(path)).unwrap();
    }
    for (path, text) in files.iter().filter(|(path, text)| existing.get(*path) != Some(*text)) {
        let path = folder.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
}

#[test]
fn a_change_is_applied_at_its_position_or_fails() {
    let block = |text: &[&str]| Block {
        kind: crate::document::Kind::ReadOnly,
        info_string: "diff a.rs".to_owned(),
        line: 1,
        text: text.iter().map(|line| (*line).to_owned()).collect(),
    };
    let mut files = Files::from([("a.rs".to_owned(), "one\n    one\ntwo\n".to_owned())]);
    apply(&block(&[" one", "+new", "@@", "-two", "+three"]), &mut files).unwrap();
    assert_eq!(files["a.rs"], "one\nnew\n    one\nthree\n");
    assert!(apply(&block(&[" four", "+five"]), &mut files).is_err());
}
