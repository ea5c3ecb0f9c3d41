//! What is in the two files, as bytes.

use std::{fs::File, io::Read, path::Path};

use crate::{
    failure::{Context as _, Failure},
    tls::CertificateFiles,
};

/// More than any chain or key has.
const MOST_BYTES: u64 = 1024 * 1024;

/// What the files held when they were read. It can't be printed: one of them is a secret.
#[derive(PartialEq, Eq)]
pub(crate) struct Contents {
    pub(super) certificate: Vec<u8>,
    pub(super) key: Vec<u8>,
}

impl Contents {
    pub(super) fn of(files: &CertificateFiles) -> Result<Self, Failure> {
        Ok(Self { certificate: read(&files.certificate)?, key: read(&files.key)? })
    }
}

fn read(path: &Path) -> Result<Vec<u8>, Failure> {
    let doing = || format!("can't read {}", path.display());
    let mut bytes = Vec::new();
    File::open(path).or_fail(doing)?.take(MOST_BYTES + 1).read_to_end(&mut bytes).or_fail(doing)?;
    if bytes.len() as u64 > MOST_BYTES {
        return Err(Failure::new(format!("{} is larger than any certificate or key", path.display())));
    }
    Ok(bytes)
}
