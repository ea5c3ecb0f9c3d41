//! The raw contents of the certificate file and the key file.

use std::{fs::File, io::Read, path::Path};

use crate::{
    failure::{Context as _, Failure},
    tls::CertificateFiles,
};

/// Maximum size of a file in bytes, more than any certificate chain or key has.
const MOST_BYTES: u64 = 1024 * 1024;

/// The contents of the two files. The type has no `Debug` implementation, because the key is secret.
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
