//! What subscribers are sent (contract v1, webhooks).

use bytes::Bytes;
use findings::{Finding, Happened, Notice, NoticeRenderer};
use kernel::{Id, OrganizationId, OutboxEvent, Timestamp};
use serde::Serialize;

use crate::{
    reply::write_json,
    resources::finding::FindingShape,
    view::{Shown, View},
};

/// Writes notices out as the bodies that are delivered.
#[derive(Clone, Copy, Debug, Default)]
pub struct Notices;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Body<'a> {
    id: Shown<Id<OutboxEvent>>,
    #[serde(rename = "type")]
    happened: &'static str,
    created_at: Shown<Timestamp>,
    organization: Owner<'a>,
    data: Data<'a>,
}

#[derive(Serialize)]
struct Owner<'a> {
    id: Shown<OrganizationId>,
    slug: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Data<'a> {
    finding: FindingShape<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    previous_status: Option<&'static str>,
}

impl NoticeRenderer for Notices {
    fn render(&self, notice: &Notice<'_>) -> Bytes {
        let previous_status = match notice.happened {
            Happened::StatusChanged { previous } => Some(previous.name()),
            Happened::Created | Happened::Updated | Happened::Closed => None,
        };
        let body = Body {
            id: Shown(notice.id),
            happened: notice.happened.name(),
            created_at: Shown(notice.created_at),
            organization: Owner { id: Shown(notice.tenant.organization), slug: &notice.tenant.slug },
            data: Data { finding: Finding::shape(notice.finding), previous_status },
        };
        let mut bytes = Vec::with_capacity(1280);
        write_json(&mut bytes, &body);
        bytes.into()
    }
}
