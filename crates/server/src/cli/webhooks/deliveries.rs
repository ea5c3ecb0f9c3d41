//! `novantra webhooks deliveries`

use std::cmp::Reverse;

use clap::Args;
use kernel::{Id, OrganizationId, PageLimit, PageRequest, Reader, Resource, Stored, Timestamp};
use serde_json::{Value, json};
use store::DynStore;
use webhooks::{
    AttemptFailure as Cause, DeliveryFilter, DeliveryState, SubscriptionFilter, WebhookDelivery, WebhookSubscription,
};

use crate::{
    cli::{CommandContext, columns},
    compose::Installation,
    failure::Failure,
    operations::find_workspace,
};

#[derive(Debug, Args)]
pub(crate) struct Deliveries {
    /// The workspace of the deliveries.
    #[arg(long, value_name = "SLUG")]
    workspace: String,
    /// List deliveries of this subscription only.
    #[arg(long, value_name = "SUBSCRIPTION_ID", value_parser = parse_subscription_id)]
    subscription: Option<Id<WebhookSubscription>>,
    /// List deliveries with this status only: pending, delivered, failed, exhausted or cancelled; may be repeated.
    #[arg(long = "status", value_name = "STATUS", value_parser = parse_state, value_delimiter = ',')]
    states: Vec<DeliveryState>,
    /// Maximum number of deliveries.
    #[arg(long, default_value = "50", value_name = "NUMBER", value_parser = clap::value_parser!(u16).range(1..=10_000))]
    limit: u16,
}

fn parse_subscription_id(text: &str) -> Result<Id<WebhookSubscription>, String> {
    text.parse().map_err(|_| "it is not a subscription id such as whsub_01HZX3V6T9C6Q4W8N2D5K7M1RB".to_owned())
}

fn parse_state(text: &str) -> Result<DeliveryState, String> {
    DeliveryState::ALL.iter().copied().find(|state| state.name() == text).ok_or_else(|| {
        let names: Vec<&str> = DeliveryState::ALL.iter().map(|state| state.name()).collect();
        format!("it is not one of {}", names.join(", "))
    })
}

impl Deliveries {
    pub(crate) async fn run(&self, context: &CommandContext) -> Result<(), Failure> {
        let listed = Installation::with(&context.settings, async |installation| {
            let workspace = find_workspace(installation, &self.workspace).await?;
            self.list(&*installation.store, workspace.meta.id).await
        })
        .await?;
        let documents: Vec<Value> = listed.iter().map(document).collect();
        context.output.print(&json!({ "deliveries": documents }), || {
            let head = ["DELIVERY", "SUBSCRIPTION", "EVENT", "STATUS", "ATTEMPTS", "LAST", "NEXT_ATTEMPT", "CREATED"];
            let rows = listed.iter().map(|stored| {
                let delivery = &stored.record;
                vec![
                    stored.meta.id.to_string(),
                    delivery.subscription.to_string(),
                    delivery.event_type.to_string(),
                    delivery.state.name().to_owned(),
                    delivery.attempts.len().to_string(),
                    last_outcome(delivery),
                    delivery.next_attempt_at.map_or_else(|| "none".to_owned(), |at| at.to_string()),
                    stored.meta.created_at.to_string(),
                ]
            });
            columns(&std::iter::once(head.map(str::to_owned).to_vec()).chain(rows).collect::<Vec<_>>())
        })
    }

    async fn list(
        &self,
        store: &DynStore,
        organization: OrganizationId,
    ) -> Result<Vec<Stored<WebhookDelivery>>, Failure> {
        let limit = usize::from(self.limit);
        let subscriptions = match self.subscription {
            Some(one) => Reader::<WebhookSubscription>::get(store, organization, one).await?.into_iter().collect(),
            None => {
                newest::<WebhookSubscription>(store, organization, &SubscriptionFilter::default(), usize::MAX).await?
            }
        };
        let paused = store.webhooks_paused().await?;
        let mut all = Vec::new();
        // The index orders the deliveries of one subscription; a query over the whole workspace would have to sort
        // them.
        for subscription in subscriptions {
            let filter = DeliveryFilter {
                subscription: Some(subscription.meta.id),
                states: self.states.iter().copied().collect(),
                ..DeliveryFilter::default()
            };
            let mut deliveries = newest::<WebhookDelivery>(store, organization, &filter, limit).await?;
            for delivery in &mut deliveries {
                delivery.record.next_attempt_at = delivery.record.scheduled_at(&subscription.record, paused);
            }
            all.extend(deliveries);
            all.sort_unstable_by_key(|delivery| Reverse(delivery.meta.id));
            all.truncate(limit);
        }
        Ok(all)
    }
}

/// Returns up to `max` records, newest first.
async fn newest<R: Resource>(
    store: &DynStore,
    organization: OrganizationId,
    filter: &R::Filter,
    max: usize,
) -> Result<Vec<Stored<R>>, Failure>
where
    DynStore: Reader<R>,
{
    let limit = PageLimit::clamped(u64::try_from(max).unwrap_or(u64::MAX));
    let mut request = PageRequest { limit, ..PageRequest::default() };
    let mut all = Vec::new();
    loop {
        let page = Reader::<R>::list(store, organization, filter, &request).await?;
        all.extend(page.items);
        all.truncate(max);
        match page.next.filter(|_| all.len() < max) {
            Some(next) => request.after = Some(next),
            None => return Ok(all),
        }
    }
}

/// The outcome of the last attempt: the status of the response, or why there was none.
fn last_outcome(delivery: &WebhookDelivery) -> String {
    let Some(attempt) = delivery.attempts.last() else { return "none".to_owned() };
    match (attempt.outcome.status, attempt.outcome.failure) {
        (Some(status), _) => status.to_string(),
        (None, Some(failure)) => failure.name().to_owned(),
        (None, None) => "none".to_owned(),
    }
}

/// The JSON document of a delivery.
pub(super) fn document(stored: &Stored<WebhookDelivery>) -> Value {
    let delivery = &stored.record;
    let attempts = delivery.attempts.iter().map(|attempt| {
        let outcome = &attempt.outcome;
        json!({
            "attempted_at": attempt.at.to_string(),
            "duration_ms": u64::try_from(outcome.duration.as_millis()).unwrap_or(u64::MAX),
            "status": outcome.status,
            "answer": outcome.response_body,
            "error": outcome.failure.map(Cause::name),
        })
    });
    json!({
        "id": stored.meta.id.to_string(),
        "subscription_id": delivery.subscription.to_string(),
        "event_id": delivery.event.to_string(),
        "event_type": &*delivery.event_type,
        "status": delivery.state.name(),
        "next_attempt_at": delivery.next_attempt_at.as_ref().map(Timestamp::to_string),
        "attempts": attempts.collect::<Vec<_>>(),
        "created_at": stored.meta.created_at.to_string(),
        "updated_at": stored.meta.updated_at.to_string(),
    })
}
