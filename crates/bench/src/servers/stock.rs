//! Data to measure on: made once through the API, copied for every server that needs it.

use std::{
    fs,
    path::{Path, PathBuf},
};

use tempfile::TempDir;

use crate::{
    failure::{Context, Outcome},
    http::{Request, call},
    sample,
    servers::{
        Subject,
        novantra::{Account, Novantra, Setting},
    },
};

/// A data folder whose server has stopped, with findings in it and an account that may read and write them.
pub(crate) struct Stock {
    binary: PathBuf,
    /// Where copies go.
    beside: PathBuf,
    folder: TempDir,
    pub(crate) account: Account,
    findings: usize,
}

impl Stock {
    /// Makes a workspace with an account and no finding.
    pub(crate) fn empty(binary: &Path, beside: &Path) -> Outcome<Self> {
        let server = Novantra::start(binary, fresh(beside)?, &[])?;
        let account = server.account("bench")?;
        server.settle()?;
        let folder = server.stop()?;
        Ok(Self { binary: binary.to_owned(), beside: beside.to_owned(), folder, account, findings: 0 })
    }

    /// The same with more findings in a copy, so many in all.
    pub(crate) fn grown(&self, findings: usize) -> Outcome<Self> {
        let server = self.serve(&[])?;
        let (host, token) = (server.host()?, server.token(&self.account)?);
        for first in (self.findings..findings).step_by(sample::BATCH) {
            let body = sample::batch(first, sample::BATCH.min(findings - first));
            call(host, &Request::post("/api/v1/governance/findings/batch", body).bearer(&token))?.expect(200)?;
        }
        server.settle()?;
        let folder = server.stop()?;
        let Self { binary, beside, account, .. } = self;
        Ok(Self { binary: binary.clone(), beside: beside.clone(), folder, account: account.clone(), findings })
    }

    /// A server on a copy of it.
    pub(crate) fn serve(&self, settings: &[Setting<'_>]) -> Outcome<Novantra> {
        let copy = fresh(&self.beside)?;
        copy_files(self.folder.path(), copy.path())?;
        Novantra::start(&self.binary, copy, settings)
    }
}

/// A folder for a server's data.
pub(crate) fn fresh(beside: &Path) -> Outcome<TempDir> {
    let made = tempfile::Builder::new().prefix("novantra-bench-").tempdir_in(beside);
    made.or_fail(|| format!("can't make a folder in {}", beside.display()))
}

fn copy_files(from: &Path, to: &Path) -> Outcome<()> {
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            fs::create_dir(&target)?;
            copy_files(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), target)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_within_are_copied_too() {
        let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        fs::create_dir(from.path().join("keys")).unwrap();
        fs::write(from.path().join("keys/one"), "1").unwrap();
        copy_files(from.path(), to.path()).unwrap();
        assert_eq!(fs::read_to_string(to.path().join("keys/one")).unwrap(), "1");
    }
}
