//! The free space that uploads leave on a disk, for the database and whatever else is on it.

use std::{fs::File, io, sync::Arc};

use evidence::ContentError;

/// Measures the free space of the disk that a file is on, in bytes.
type Measure = dyn Fn(&File) -> io::Result<u64> + Send + Sync;

/// The free space that uploads leave on the disk that they are written to. Without one, they may fill it.
#[derive(Clone)]
pub struct DiskReserve {
    bytes: u64,
    measure: Arc<Measure>,
}

impl Default for DiskReserve {
    fn default() -> Self {
        Self::new(0)
    }
}

impl DiskReserve {
    /// Leaves this many bytes free.
    #[must_use]
    pub fn new(bytes: u64) -> Self {
        Self::measured_by(bytes, |file| {
            let disk = rustix::fs::fstatvfs(file)?;
            Ok(disk.f_bavail.saturating_mul(disk.f_frsize))
        })
    }

    /// Leaves this many bytes free, as `measure` finds them.
    #[must_use]
    pub fn measured_by(bytes: u64, measure: impl Fn(&File) -> io::Result<u64> + Send + Sync + 'static) -> Self {
        Self { bytes, measure: Arc::new(measure) }
    }

    /// Checks that `more` bytes can be written to a file without taking from the reserve. A disk whose free space can't be
    /// found out is written to.
    pub(crate) fn check(&self, file: &File, more: usize) -> Result<(), ContentError> {
        if self.bytes == 0 {
            return Ok(());
        }
        match (self.measure)(file) {
            Ok(free) if free < self.bytes.saturating_add(more as u64) => {
                let reserve = self.bytes;
                Err(ContentError::Full(
                    format!("its disk has {free} bytes left, of which uploads leave {reserve} free for the database")
                        .into(),
                ))
            }
            _ => Ok(()),
        }
    }
}
