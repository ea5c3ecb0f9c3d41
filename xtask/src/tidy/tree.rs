//! The repository as the rules see it.

use std::{fs, io, path::Path};

/// The files of the repository, without what is ignored.
#[derive(Default)]
pub(super) struct Tree {
    pub(super) files: Vec<File>,
}

/// One file; only sources, manifests and migrations have their text read.
pub(super) struct File {
    /// From the root, with `/`.
    pub(super) path: String,
    pub(super) text: String,
}

impl Tree {
    pub(super) fn read(root: &Path) -> io::Result<Self> {
        let ignored = fs::read_to_string(root.join(".gitignore")).unwrap_or_default();
        let ignored: Vec<&str> = ignored.lines().filter_map(|line| line.strip_prefix('/')).chain([".git"]).collect();
        let mut tree = Self::default();
        for entry in fs::read_dir(root)? {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            if !ignored.iter().any(|ignored| ignored.trim_end_matches('/') == name) {
                tree.add(&entry, name)?;
            }
        }
        tree.files.sort_by(|one, other| one.path.cmp(&other.path));
        Ok(tree)
    }

    fn add(&mut self, entry: &fs::DirEntry, path: String) -> io::Result<()> {
        if entry.file_type()?.is_dir() {
            for inner in fs::read_dir(entry.path())? {
                let inner = inner?;
                let path = format!("{path}/{}", inner.file_name().to_string_lossy());
                self.add(&inner, path)?;
            }
            return Ok(());
        }
        let read = [".rs", ".toml", ".sql"].iter().any(|ending| path.ends_with(ending));
        let text = if read { fs::read_to_string(entry.path())? } else { String::new() };
        self.files.push(File { path, text });
        Ok(())
    }

    #[cfg(test)]
    pub(super) fn of(files: &[(&str, &str)]) -> Self {
        let file = |(path, text): &(&str, &str)| File { path: (*path).to_owned(), text: (*text).to_owned() };
        Self { files: files.iter().map(file).collect() }
    }

    pub(super) fn sources(&self) -> impl Iterator<Item = &File> {
        self.files.iter().filter(|file| file.path.ends_with(".rs"))
    }

    /// The manifests of the crates, without that of the workspace.
    pub(super) fn manifests(&self) -> impl Iterator<Item = &File> {
        self.files.iter().filter(|file| file.path.ends_with("/Cargo.toml"))
    }
}

impl File {
    /// The folder of its crate by its name, for files in `crates`.
    pub(super) fn krate(&self) -> Option<&str> {
        self.path.strip_prefix("crates/")?.split('/').next()
    }
}
