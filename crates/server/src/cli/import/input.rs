//! The files of an import.

use std::{
    fs::File,
    io::{self, Read as _, Seek as _},
    path::{Path, PathBuf},
};

use crate::failure::{Failure, ResultExt as _};

const STANDARD_INPUT: &str = "-";

/// The maximum length of a file's name in a reason, in characters.
const MAX_ORIGIN_LENGTH: usize = 100;

/// A file to import, or the standard input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Input {
    path: PathBuf,
    /// Whether it is the only one. Only if there are several, what concerns one of them names it.
    is_only: bool,
}

impl Input {
    /// Returns the inputs of a command.
    ///
    /// # Errors
    /// If the standard input is named twice.
    pub(super) fn all(paths: &[PathBuf]) -> Result<Vec<Self>, Failure> {
        let of_standard_input = paths.iter().filter(|path| path.as_os_str() == STANDARD_INPUT);
        if of_standard_input.count() > 1 {
            return Err(Failure::usage("the standard input can be read only once: name `-` only once"));
        }
        Ok(paths.iter().map(|path| Self { path: path.clone(), is_only: paths.len() == 1 }).collect())
    }

    /// Reads the whole content.
    pub(super) fn bytes(&self) -> Result<Vec<u8>, Failure> {
        let read = if self.path.as_os_str() == STANDARD_INPUT {
            let mut bytes = Vec::new();
            std::io::stdin().lock().read_to_end(&mut bytes).map(|_| bytes)
        } else {
            std::fs::read(&self.path)
        };
        read.context(|| format!("can't read {}", self.name()))
    }

    /// Reads the content, but not more than `limit` bytes of it.
    pub(super) fn bytes_up_to(&self, limit: u64) -> Result<Vec<u8>, Failure> {
        let mut bytes = Vec::new();
        let read = if self.path.as_os_str() == STANDARD_INPUT {
            io::stdin().lock().take(limit).read_to_end(&mut bytes)
        } else {
            File::open(&self.path).and_then(|file| file.take(limit).read_to_end(&mut bytes))
        };
        read.context(|| format!("can't read {}", self.name()))?;
        Ok(bytes)
    }

    /// Opens the file at its start, to be read several times. What can be read only once, such as the standard input, is copied to a
    /// temporary file without a name.
    pub(super) fn open(&self) -> Result<File, Failure> {
        let doing = || format!("can't read {}", self.name());
        if self.path.as_os_str() == STANDARD_INPUT {
            return self.copy(io::stdin().lock());
        }
        let file = File::open(&self.path).context(doing)?;
        let metadata = file.metadata().context(doing)?;
        if metadata.is_dir() {
            return Err(Failure::new(format!("can't read {}: it is a folder", self.name())));
        }
        if metadata.is_file() { Ok(file) } else { self.copy(file) }
    }

    fn copy(&self, mut from: impl io::Read) -> Result<File, Failure> {
        let doing = || {
            let folder = std::env::temp_dir();
            format!("can't copy {} to a temporary file in {}", self.name(), folder.display())
        };
        let mut file = tempfile::tempfile().context(doing)?;
        io::copy(&mut from, &mut file).context(doing)?;
        file.rewind().context(doing)?;
        Ok(file)
    }

    /// The name in messages.
    pub(super) fn name(&self) -> String {
        if self.path.as_os_str() == STANDARD_INPUT {
            "the standard input".to_owned()
        } else {
            self.path.display().to_string()
        }
    }

    /// The name without folders, for records that outlive the folder. Of a long name, the end is left out.
    pub(super) fn origin(&self) -> String {
        if self.path.as_os_str() == STANDARD_INPUT {
            return "standard input".to_owned();
        }
        let name = self.path.file_name().map_or_else(|| self.name(), |name| Path::new(name).display().to_string());
        let excerpt: String = name.chars().take(MAX_ORIGIN_LENGTH).collect();
        let ellipsis = if excerpt.len() < name.len() { "…" } else { "" };
        format!("file {excerpt}{ellipsis}")
    }

    /// The name, if there are several inputs.
    pub(super) fn distinguishing_name(&self) -> Option<String> {
        (!self.is_only).then(|| self.name())
    }

    /// The message, after the name if there are several inputs.
    pub(super) fn prefixed(&self, message: &str) -> String {
        self.distinguishing_name().map_or_else(|| message.to_owned(), |name| format!("{name}: {message}"))
    }
}
