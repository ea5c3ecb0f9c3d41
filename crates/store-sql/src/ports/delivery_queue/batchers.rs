//! The batchers of the queue, which combine concurrent calls for many partitions.

use std::sync::Arc;

use kernel::WriteTimestamp;
use webhooks::{DueDelivery, StaleDelivery};

use super::{deliveries::DueRequest, leases::ReleaseRequest, results::RecordRequest};
use crate::batching::Batcher;

#[derive(Default)]
pub(crate) struct QueueBatchers {
    pub(super) due: Arc<Batcher<DueRequest, Vec<DueDelivery>>>,
    pub(super) record: Arc<Batcher<RecordRequest, Vec<StaleDelivery>, WriteTimestamp>>,
    pub(super) release: Arc<Batcher<ReleaseRequest, bool>>,
}
