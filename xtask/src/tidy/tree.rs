//! The repository's files, as the rules read them.

use std::{fs, io, path::Path};

/// The files of the repository, without those that Git ignores.
#[derive(Default)]
pub(super) struct Tree {
    pub(super) files: Vec<File>,
}

/// One file. Its text is empty unless it is a source, a manifest, a migration or the architecture document.
pub(super) struct File {
    /// Relative to the root, with `/` as separator.
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
        let is_read = [".rs", ".toml", ".sql", "/architecture.md"].iter().any(|suffix| path.ends_with(suffix));
        let text = if is_read { fs::read_to_string(entry.path())? } else { String::new() };
        self.files.push(File { path, text });
        Ok(())
    }

    #[cfg(test)]
    pub(super) fn from_files(files: &[(&str, &str)]) -> Self {
        let file = |(path, text): &(&str, &str)| File { path: (*path).to_owned(), text: (*text).to_owned() };
        Self { files: files.iter().map(file).collect() }
    }

    pub(super) fn sources(&self) -> impl Iterator<Item = &File> {
        self.files.iter().filter(|file| file.path.ends_with(".rs"))
    }

    /// The manifests of the crates, without the workspace's.
    pub(super) fn manifests(&self) -> impl Iterator<Item = &File> {
        self.files.iter().filter(|file| file.path.ends_with("/Cargo.toml"))
    }
}

impl File {
    /// The folder name of the file's crate, for files in `crates`.
    pub(super) fn crate_folder(&self) -> Option<&str> {
        self.path.strip_prefix("crates/")?.split('/').next()
    }
}
