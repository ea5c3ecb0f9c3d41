//! Follows `docs/adding-a-module.md` in a copy of the repository, which is then built and run.

use std::{
    collections::BTreeMap,
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    document::{Block, Guide},
    expectation::matches_expected,
    guide_server::GuideServer,
    root, run_against,
};

const PAGE: &str = "docs/adding-a-module.md";

/// The files and folders from which the program is built.
const SOURCES: &[&str] =
    &[".cargo", "Cargo.lock", "Cargo.toml", "crates", "migrations", "rust-toolchain.toml", "rustfmt.toml", "xtask"];

/// The name of the copy's program, which is built into the same target folder as the original.
const PROGRAM: &str = "novantra-with-the-module";

/// The version line of the root manifest.
const VERSION: &str = concat!("version = \"", env!("CARGO_PKG_VERSION"), "\"");

/// The most lines and files that a contributor writes for a register, with both migrations.
const MAX_LINES: usize = 130;
const MAX_FILES: usize = 9;

/// File contents by path from the root.
type Files = BTreeMap<String, String>;

#[test]
fn adding_a_module_works_as_written() {
    let text = fs::read_to_string(root().join(PAGE)).unwrap();
    let guide = Guide::parse(PAGE, &text, None).unwrap();
    let target = Path::new(env!("CARGO_BIN_EXE_novantra")).ancestors().nth(2).unwrap();
    let original = sources();
    // The page is followed in a folder of its own, so that the files of the build change only if the result does.
    let copy = Copy { folder: target.join("adding-a-module/followed"), target };
    write_out(&copy.folder, &original);
    for block in &guide.blocks {
        if let Err(error) = copy.follow(block) {
            panic!("{PAGE}:{}: {error}", block.line);
        }
    }
    let result = copy.files();
    let (lines, files) = written(&original, &result);
    assert!(lines <= MAX_LINES && files <= MAX_FILES, "{PAGE} takes {lines} lines in {files} files");
    let claim = format!("**{lines} lines in {files} files**");
    assert!(text.contains(&claim), "{PAGE} does not say that it takes {claim}");
    let program = build(&Copy { folder: target.join("adding-a-module/built"), target }, &result);
    run_against(&guide, &GuideServer::demo(&program));
}

/// A copy of the repository, which builds into the target folder of the original.
struct Copy<'t> {
    folder: PathBuf,
    target: &'t Path,
}

impl Copy<'_> {
    /// Does what a block says: runs its commands, writes the file that it shows, or compares the file with it.
    fn follow(&self, block: &Block) -> Result<(), String> {
        let text = block.text.join("\n") + "\n";
        match block.info_string.split_once(' ') {
            Some(("sh", "in-repository")) => self.run(Command::new("bash").args(["-euo", "pipefail", "-c", &text])),
            Some(("rust", path)) => fs::write(self.folder.join(path), text).map_err(|error| format!("{path}: {error}")),
            Some(("sql", path)) => {
                let files = self.files();
                let mut shown = files.iter().filter(|(name, _)| matches_expected(path, name));
                match (shown.next(), shown.next()) {
                    (Some((_, found)), None) if *found == text => Ok(()),
                    (Some((name, found)), None) => Err(format!("{name} is\n{found}")),
                    _ => Err(format!("not one file is named {path}")),
                }
            }
            _ => Ok(()),
        }
    }

    fn run(&self, command: &mut Command) -> Result<(), String> {
        let command = command.env("CARGO_TARGET_DIR", self.target).env("CARGO_NET_OFFLINE", "true");
        let output = command.current_dir(&self.folder).output().map_err(|error| error.to_string())?;
        if output.status.success() {
            return Ok(());
        }
        Err(format!("{}\n{}", output.status, String::from_utf8_lossy(&output.stderr)))
    }

    fn files(&self) -> Files {
        let mut files = Files::new();
        read_into(&mut files, &self.folder, Path::new(""));
        files
    }
}

/// The files of the repository. The target folder is shared, so that dependencies are not built again; another package
/// version and other program names keep the results of the two builds apart.
fn sources() -> Files {
    let mut files = Files::new();
    for part in SOURCES {
        read_into(&mut files, &root(), Path::new(part));
    }
    let renames = [
        ("crates/server/Cargo.toml", "name = \"novantra\"", format!("name = \"{PROGRAM}\"")),
        ("Cargo.toml", VERSION, format!("{}-module\"", VERSION.trim_end_matches('"'))),
        (
            "xtask/Cargo.toml",
            "[dependencies]",
            "[[bin]]\nname = \"xtask-of-the-copy\"\npath = \"src/main.rs\"\n\n[dependencies]".to_owned(),
        ),
    ];
    for (path, from, to) in renames {
        let manifest = files.get_mut(path).unwrap();
        assert_eq!(manifest.matches(from).count(), 1, "{from} in {path}");
        *manifest = manifest.replace(from, &to);
    }
    files
}

/// The number of lines that were added, and of the files that they are in.
fn written(before: &Files, after: &Files) -> (usize, usize) {
    let (mut lines, mut files) = (0, 0);
    for (path, text) in
        after.iter().filter(|(path, text)| path.as_str() != "Cargo.lock" && before.get(*path) != Some(*text))
    {
        let mut removed: Vec<&str> = before.get(path).map(|text| text.lines().collect()).unwrap_or_default();
        for line in text.lines() {
            match removed.iter().position(|other| *other == line) {
                Some(index) => drop(removed.remove(index)),
                None => lines += 1,
            }
        }
        files += 1;
    }
    (lines, files)
}

/// Builds the program from these files.
fn build(copy: &Copy<'_>, files: &Files) -> PathBuf {
    write_out(&copy.folder, files);
    let arguments = ["build", "--package", "novantra-server", "--bin", PROGRAM];
    if let Err(error) = copy.run(Command::new(env!("CARGO")).args(arguments)) {
        panic!("{PAGE} does not compile: {error}");
    }
    copy.target.join("debug").join(PROGRAM)
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
fn only_added_lines_and_their_files_are_counted() {
    let files = |files: &[(&str, &str)]| files.iter().map(|(path, text)| ((*path).into(), (*text).into())).collect();
    let before = files(&[("a", "1\n2\n"), ("same", "1\n"), ("Cargo.lock", "")]);
    let after = files(&[("a", "1\n1\n2\n"), ("b", "1\n\n"), ("same", "1\n"), ("Cargo.lock", "1\n")]);
    assert_eq!(written(&before, &after), (3, 2));
}
