//! The batchers of the queue, which combine concurrent calls for many partitions.

use std::sync::Arc;

use kernel::WriteTimestamp;
use webhooks::{DueDelivery, StaleDelivery};

use super::{deliveries::Asked, holding::Leaving, settling::Settling};
use crate::coalesce::Waiting;

#[derive(Default)]
pub(crate) struct Together {
    pub(super) due: Arc<Waiting<Asked, Vec<DueDelivery>>>,
    pub(super) settling: Arc<Waiting<Settling, Vec<StaleDelivery>, WriteTimestamp>>,
    pub(super) leaving: Arc<Waiting<Leaving, bool>>,
}
