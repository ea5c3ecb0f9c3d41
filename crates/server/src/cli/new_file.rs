//! Files that commands write, which must not exist yet.

use std::{
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};

use tempfile::NamedTempFile;

use crate::failure::{Failure, ResultExt as _};

/// A file that is written under another name, so that one that is not complete never has its own.
pub(crate) struct NewFile {
    path: PathBuf,
    out: BufWriter<NamedTempFile>,
}

impl NewFile {
    /// Begins to write the file.
    ///
    /// # Errors
    /// If the file exists, or none can be created in its folder.
    pub(crate) fn create(path: &Path) -> Result<Self, Failure> {
        if path.symlink_metadata().is_ok() {
            return Err(Failure::new(format!("{} exists already: remove it, or name another file", path.display())));
        }
        let doing = || format!("can't write {}", path.display());
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        folder.metadata().context(doing)?;
        // The error itself names the temporary file.
        let file = NamedTempFile::new_in(folder).map_err(|error| io::Error::from(error.kind())).context(doing)?;
        Ok(Self { path: path.to_owned(), out: BufWriter::new(file) })
    }

    pub(crate) const fn writer(&mut self) -> &mut (dyn Write + Send) {
        &mut self.out
    }

    /// Gives the complete file its name.
    ///
    /// # Errors
    /// If it can't be stored, or a file with its name exists by now.
    pub(crate) fn complete(self) -> Result<(), Failure> {
        let doing = || format!("can't write {}", self.path.display());
        let file = self.out.into_inner().map_err(io::IntoInnerError::into_error).context(doing)?;
        file.as_file().sync_all().context(doing)?;
        file.persist_noclobber(&self.path).map_err(|error| error.error).context(doing)?;
        Ok(())
    }
}
