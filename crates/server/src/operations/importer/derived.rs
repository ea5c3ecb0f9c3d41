//! The values of records that follow from imported ones, in the same changeset.

use std::collections::BTreeMap;

use kernel::{AnyRecord as _, Changeset, Entropy, Id, Reader, Record, Stored, WriteTimestamp};
use registers::{Indicator, Measurement, MonitorDefinition, MonitorRun};
use store::DynStore;

use super::Importer;
use crate::failure::Failure;

/// The changes that follow from imported records: each parent as it is stored, with the values that it gets.
pub(super) struct Derived {
    indicators: Vec<(Stored<Indicator>, Indicator)>,
    monitors: Vec<(Stored<MonitorDefinition>, MonitorDefinition)>,
}

impl Derived {
    /// Moves the timestamp after the last changes of the parents.
    pub(super) fn after_last_changes(&self, timestamp: WriteTimestamp) -> WriteTimestamp {
        let indicators = self.indicators.iter().map(|(current, _)| current);
        timestamp.after(indicators).after(self.monitors.iter().map(|(current, _)| current))
    }

    /// Adds the updates of the parents to the changeset.
    pub(super) fn add_to(self, changeset: &mut Changeset, entropy: &dyn Entropy) {
        for (current, updated) in self.indicators {
            registers::update(changeset, entropy, &current, updated);
        }
        for (current, updated) in self.monitors {
            registers::update(changeset, entropy, &current, updated);
        }
    }
}

impl Importer<'_> {
    /// Returns what follows from these records: the latest measurements of indicators and the last runs of monitors.
    pub(super) async fn derived<R: Record>(&self, records: &[&R]) -> Result<Derived, Failure> {
        let any = || records.iter().map(|record| record.as_any());
        let measurements = any().filter_map(|record| record.downcast_ref::<Measurement>());
        let measurements = measurements.map(|measurement| (measurement.indicator_definition_id, measurement));
        let indicators = self.parents::<Indicator, _>(measurements, Measurement::applied_to).await?;
        let runs = any().filter_map(|record| record.downcast_ref::<MonitorRun>());
        let runs = runs.map(|run| (run.monitor_definition_id, run));
        let monitors = self.parents::<MonitorDefinition, _>(runs, MonitorRun::applied_to).await?;
        Ok(Derived { indicators, monitors })
    }

    async fn parents<'r, P: Record, C: 'r>(
        &self,
        children: impl Iterator<Item = (Id<P>, &'r C)>,
        apply: fn(&C, P) -> P,
    ) -> Result<Vec<(Stored<P>, P)>, Failure>
    where
        DynStore: Reader<P>,
    {
        let mut by_parent: BTreeMap<Id<P>, Vec<&C>> = BTreeMap::new();
        for (parent, child) in children {
            by_parent.entry(parent).or_default().push(child);
        }
        let mut parents = Vec::with_capacity(by_parent.len());
        for (parent, children) in by_parent {
            let stored = Reader::<P>::get(&*self.operator.installation.store, self.organization.id, parent).await?;
            if let Some(current) = stored {
                let updated = children.into_iter().fold(current.record.clone(), |parent, child| apply(child, parent));
                parents.push((current, updated));
            }
        }
        Ok(parents)
    }
}
