//! What subscribers are sent (contract v1, webhooks).

use bytes::Bytes;
use findings::{Finding, Happened, Notice, NoticeRenderer};
use serde_json::{Value, json};

use crate::view::View;

/// Writes notices out as the bodies that are delivered.
#[derive(Clone, Copy, Debug, Default)]
pub struct Notices;

impl NoticeRenderer for Notices {
    fn render(&self, notice: &Notice<'_>) -> Bytes {
        let mut data = json!({ Finding::SINGULAR: Finding::shape(notice.finding) });
        if let Happened::StatusChanged { previous } = notice.happened {
            data["previousStatus"] = Value::from(previous.name());
        }
        let body = json!({
            "id": notice.id.to_string(),
            "type": notice.happened.name(),
            "createdAt": notice.created_at.to_string(),
            "organization": { "id": notice.tenant.organization.to_string(), "slug": notice.tenant.slug },
            "data": data,
        });
        body.to_string().into()
    }
}
