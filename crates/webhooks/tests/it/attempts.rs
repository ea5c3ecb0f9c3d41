use webhooks::{AttemptFailure, AttemptOutcome, DeliveryHealth};

use crate::harness::{BEFORE, NOW, failed, succeeded};

#[test]
fn an_attempt_succeeds_unless_it_has_a_failure() {
    assert!(succeeded(NOW).outcome.is_success());
    assert!(!failed(NOW).outcome.is_success());
}

#[test]
fn only_an_endpoint_that_responds_410_is_gone() {
    let outcome = |status| AttemptOutcome { status, ..failed(NOW).outcome };
    assert!(outcome(Some(410)).is_gone());
    assert!(!outcome(Some(404)).is_gone());
    assert!(!outcome(None).is_gone());
}

#[test]
fn every_failure_has_a_description_of_its_own_without_a_full_stop() {
    let descriptions: Vec<_> = AttemptFailure::ALL.iter().map(|failure| failure.description()).collect();
    for (index, description) in descriptions.iter().enumerate() {
        assert!(description.starts_with("the ") && !description.ends_with('.'), "{description}");
        assert!(!descriptions[..index].contains(description), "{description}");
    }
}

#[test]
fn an_endpoint_fails_since_its_first_failure_after_the_last_success() {
    let healthy = DeliveryHealth::default().after(&succeeded(BEFORE));
    assert_eq!(healthy, DeliveryHealth { last_delivery_at: Some(BEFORE), failing_since: None });
    let failing = healthy.after(&failed(BEFORE)).after(&failed(NOW));
    assert_eq!(failing, DeliveryHealth { last_delivery_at: Some(BEFORE), failing_since: Some(BEFORE) });
    let recovered = failing.after(&succeeded(NOW));
    assert_eq!(recovered, DeliveryHealth { last_delivery_at: Some(NOW), failing_since: None });
    assert_eq!(recovered.after(&succeeded(BEFORE)).last_delivery_at, Some(NOW), "the later success counts");
}
