//! The events that imports of registers publish.

use api_v1::PayloadRenderer;
use kernel::{Changeset, Stored};
use registers::{Assessment, AssessmentStatus, publish_completion};

use super::Importer;

impl Importer<'_> {
    /// Publishes what the records that the changeset creates have reached already, as the commands that lead there do.
    pub(super) fn publish_events(&self, changeset: &mut Changeset) {
        let created = changeset.writes().iter().filter(|write| write.expected.is_none());
        let assessments = created.filter_map(|write| {
            let record = write.record.as_any().downcast_ref::<Assessment>()?.clone();
            Some(Stored { meta: write.meta.cast(), record })
        });
        let completed: Vec<Stored<Assessment>> =
            assessments.filter(|stored| stored.record.status == AssessmentStatus::Completed).collect();
        let context = self.operator.write_context(&self.organization, &self.attribution);
        for assessment in &completed {
            publish_completion(&context, &PayloadRenderer, changeset, assessment);
        }
    }
}
