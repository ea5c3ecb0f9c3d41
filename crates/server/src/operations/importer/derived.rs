//! The values of records that follow from imported ones, in the same changeset.

use std::collections::BTreeMap;

use kernel::{AnyRecord as _, Changeset, Id, Reader, Record};
use registers::{Indicator, Measurement, MonitorDefinition, MonitorRun};
use store::DynStore;

use super::Importer;
use crate::failure::Failure;

impl Importer<'_> {
    /// Adds to the changeset what follows from these records: the latest measurements of indicators and the last runs of
    /// monitors.
    pub(super) async fn add_derived<R: Record>(
        &self,
        changeset: &mut Changeset,
        records: &[&R],
    ) -> Result<(), Failure> {
        let any = || records.iter().map(|record| record.as_any());
        let measurements = any().filter_map(|record| record.downcast_ref::<Measurement>());
        let measurements = measurements.map(|measurement| (measurement.indicator_definition_id, measurement));
        self.update_parents::<Indicator, _>(changeset, measurements, Measurement::applied_to).await?;
        let runs = any().filter_map(|record| record.downcast_ref::<MonitorRun>());
        let runs = runs.map(|run| (run.monitor_definition_id, run));
        self.update_parents::<MonitorDefinition, _>(changeset, runs, MonitorRun::applied_to).await
    }

    async fn update_parents<'r, P: Record, C: 'r>(
        &self,
        changeset: &mut Changeset,
        children: impl Iterator<Item = (Id<P>, &'r C)>,
        apply: fn(&C, P) -> P,
    ) -> Result<(), Failure>
    where
        DynStore: Reader<P>,
    {
        let installation = &self.operator.installation;
        let mut by_parent: BTreeMap<Id<P>, Vec<&C>> = BTreeMap::new();
        for (parent, child) in children {
            by_parent.entry(parent).or_default().push(child);
        }
        for (parent, children) in by_parent {
            let stored = Reader::<P>::get(&*installation.store, self.organization.id, parent).await?;
            if let Some(current) = stored {
                let updated = children.into_iter().fold(current.record.clone(), |parent, child| apply(child, parent));
                registers::update(changeset, &*installation.entropy, &current, updated);
            }
        }
        Ok(())
    }
}
