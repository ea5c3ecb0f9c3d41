//! The raw contents of the certificate file and the key file.

use std::{fs::File, io::Read, path::Path};

use crate::{
    failure::{Failure, ResultExt as _},
    tls::CertificateFiles,
};

/// Maximum size of a file in bytes, more than any certificate chain or key has.
const MAX_BYTES: u64 = 1024 * 1024;

/// The contents of the two files. The type has no `Debug` implementation, because the key is secret.
#[derive(PartialEq, Eq)]
pub(crate) struct Contents {
    pub(super) certificate: Vec<u8>,
    pub(super) key: Vec<u8>,
}

impl Contents {
    pub(super) fn read(files: &CertificateFiles) -> Result<Self, Failure> {
        Ok(Self { certificate: read_file(&files.certificate)?, key: read_file(&files.key)? })
    }
}

fn read_file(path: &Path) -> Result<Vec<u8>, Failure> {
    let doing = || format!("can't read {}", path.display());
    let mut bytes = Vec::new();
    File::open(path).context(doing)?.take(MAX_BYTES + 1).read_to_end(&mut bytes).context(doing)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(Failure::new(format!("{} is larger than any certificate or key", path.display())));
    }
    Ok(bytes)
}
