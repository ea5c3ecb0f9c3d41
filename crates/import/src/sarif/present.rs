//! The findings that exist.

use findings::{Severity, Status};
use kernel::{Description, RecordKey, Reference, Title};
use sha2::{Digest as _, Sha256};

use crate::shorten;

/// A finding that exists, as far as the choice of keys depends on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PresentFinding {
    /// Its key.
    pub key: RecordKey,
    /// The resource identifier of its subject.
    pub subject_resource_id: Option<Reference>,
    /// Its title.
    pub title: Title,
    /// Its description.
    pub description: Description,
    /// Its severity.
    pub severity: Severity,
    /// Its status.
    pub status: Status,
}

impl PresentFinding {
    pub(super) fn description_digest(&self) -> [u8; 32] {
        Sha256::digest(self.description.as_str()).into()
    }

    /// The line of the artifact that the subject names, 0 if it names the artifact alone; `None` if it is about something
    /// else.
    pub(super) fn line_in(&self, artifact: Option<&str>) -> Option<u64> {
        let (artifact, subject) = (artifact?, self.subject_resource_id.as_ref()?);
        if shorten::location(artifact, None).as_ref() == Some(subject) {
            return Some(0);
        }
        shorten::line_of(subject.as_str(), artifact)
    }
}
