//! The states of subscriptions and deliveries in words.

use kernel::{Stored, Timestamp};
use maud::{Markup, html};
use webhooks::{Attempt, AttemptFailure, DeliveryHealth, DeliveryState, DisabledReason, WebhookSubscription};

use crate::{
    components::{Tone, badge, status_in_words},
    zone::Zone,
};

/// The state of a subscription.
pub(super) fn state(
    stored: &Stored<WebhookSubscription>,
    health: DeliveryHealth,
    are_paused: bool,
    (zone, now): (&Zone, Timestamp),
) -> Markup {
    let subscription = &stored.record;
    if !subscription.is_active() {
        return badge(
            Tone::Bad,
            match subscription.disabled_reason {
                Some(DisabledReason::Gone) => "Disabled: answered 410",
                Some(DisabledReason::Failing) => "Disabled: failed for 5 days",
                Some(DisabledReason::Requested) | None => "Disabled",
            },
        );
    }
    match health {
        _ if are_paused => badge(Tone::Warning, "Paused by the operator"),
        DeliveryHealth { failing_since: Some(since), .. } => {
            html! { span.b.bad { "Failing since " (zone.ago(since, now)) } }
        }
        DeliveryHealth { last_delivery_at: Some(_), .. } => badge(Tone::Good, "Delivering"),
        _ => badge(Tone::Information, "Nothing sent yet"),
    }
}

/// The state of a delivery; the two names that readers do not know are translated.
pub(super) fn delivery_state(state: DeliveryState) -> Markup {
    let words = match state {
        DeliveryState::Failed => "Will retry",
        DeliveryState::Exhausted => "Given up",
        DeliveryState::Pending => "Pending",
        DeliveryState::Delivered => "Delivered",
        DeliveryState::Cancelled => "Cancelled",
    };
    status_in_words(state.name(), words)
}

/// How the endpoint answered an attempt.
pub(super) fn answer(attempt: &Attempt) -> Markup {
    let outcome = &attempt.outcome;
    let failed = !outcome.is_success();
    html! {
        span.mono.small.bad[failed] {
            @if let Some(status) = outcome.status { (status) }
            @else if let Some(failure) = outcome.failure.map(public) { (failure_in_words(failure)) }
            @else { "None" }
        }
    }
}

/// The reason that a reader may know. Which names resolve to addresses within the operator's network is not for them.
pub(super) const fn public(failure: AttemptFailure) -> AttemptFailure {
    match failure {
        AttemptFailure::Forbidden => AttemptFailure::Unresolved,
        other => other,
    }
}

const fn failure_in_words(failure: AttemptFailure) -> &'static str {
    match failure {
        AttemptFailure::Refused => "Refused",
        AttemptFailure::Redirected => "Redirected",
        AttemptFailure::TimedOut => "Timed out",
        AttemptFailure::Unresolved | AttemptFailure::Forbidden => "No address",
        AttemptFailure::Unreachable => "Unreachable",
        AttemptFailure::Untrusted => "TLS failed",
        AttemptFailure::Unsigned => "Not signed",
    }
}

/// The name of a subscription for people: its description, or else where it sends.
pub(in crate::pages) fn name_of(stored: &Stored<WebhookSubscription>) -> String {
    let description = stored.record.description.as_str();
    let first = description.lines().next().unwrap_or_default().trim();
    if first.is_empty() { short_url(stored) } else { first.chars().take(80).collect() }
}

/// The URL without its scheme, with what may be a secret masked.
pub(super) fn short_url(stored: &Stored<WebhookSubscription>) -> String {
    let url = stored.record.url.masked();
    url.strip_prefix("https://").unwrap_or(&url).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_forbidden_address_looks_like_a_name_without_one() {
        assert_eq!(public(AttemptFailure::Forbidden), AttemptFailure::Unresolved);
        assert_eq!(failure_in_words(AttemptFailure::Forbidden), failure_in_words(AttemptFailure::Unresolved));
    }

    #[test]
    fn the_states_of_deliveries_are_words_that_readers_know() {
        assert!(delivery_state(DeliveryState::Exhausted).into_string().ends_with("Given up</span>"));
        assert!(delivery_state(DeliveryState::Failed).into_string().ends_with("Will retry</span>"));
    }
}
