//! Responses to requests during which the store fails.

use scopes::Scope;

use crate::support::{Call, Client, Fault, TestApi, TestResponse, finding_body, findings_path};

async fn setup() -> (TestApi, Client) {
    let api = TestApi::open().await;
    let client = api.full_access_client().await;
    (api, client)
}

/// Sends a token request, a read, and a write of a finding with this key.
async fn send_token_read_and_write(api: &TestApi, client: &Client, key: &str) -> [TestResponse; 3] {
    [
        api.request_token(client).await,
        api.get(findings_path()).auth(client).send().await,
        api.post(findings_path()).auth(client).json(&finding_body(key)).idempotency_key(key).send().await,
    ]
}

#[tokio::test]
async fn an_unavailable_store_causes_503_with_retry_after() {
    let (api, client) = setup().await;
    for point in [Call::Read, Call::Commit, Call::Append, Call::Revision, Call::ClientId, Call::StoredResponse] {
        // A new revision of the account invalidates the cached one, so that the account is read again.
        api.set_scopes(&client, Scope::ALL).await;
        api.probe.fail(point, Fault::Unavailable);
        let responses = send_token_read_and_write(&api, &client, &format!("{point:?}")).await;
        api.probe.clear_faults();
        let failed: Vec<_> = responses.iter().filter(|response| response.status == 503).collect();
        assert!(!failed.is_empty(), "no request failed although {point:?} was unavailable");
        for response in failed {
            assert_eq!(response.error_code(), "internal");
            assert!(response.header("retry-after").parse::<u32>().unwrap() >= 1);
        }
        assert!(responses.iter().all(|response| response.status < 500 || response.status == 503));
    }
}

#[tokio::test]
async fn a_corrupt_or_panicking_store_causes_500_without_internal_details() {
    let (api, client) = setup().await;
    for fault in [Fault::Corrupt, Fault::Panic] {
        for point in [Call::Read, Call::Commit, Call::Append, Call::Revision, Call::ClientId, Call::StoredResponse] {
            api.set_scopes(&client, Scope::ALL).await;
            api.probe.fail(point, fault);
            let responses = send_token_read_and_write(&api, &client, &format!("{fault:?}{point:?}")).await;
            api.probe.clear_faults();
            assert!(
                responses.iter().any(|response| response.status == 500),
                "no request failed with {fault:?} of {point:?}"
            );
            for response in responses.iter().filter(|response| response.status == 500) {
                assert_eq!(response.error_code(), "internal");
            }
        }
    }
    api.get(findings_path()).auth(&client).send().await.expect(200);
}

#[tokio::test]
async fn a_request_that_panicked_is_logged() {
    let (api, client) = setup().await;
    api.probe.fail(Call::Read, Fault::Panic);
    let response = api.get(findings_path()).auth(&client).send().await.expect(500);
    api.probe.clear_faults();
    let entries = api.entries_by_request().await;
    assert_eq!(entries[response.header("x-request-id")][0].entry.status, Some(500));
}
