//! The webhook operations of the API (contract v1, webhooks).

mod catalogue;
mod deliveries;
mod event_stream;
mod recovery;
mod secrets;
mod subscriptions;
mod test_deliveries;

use serde_json::{Value, json};

use crate::support::{Client, TestApi, TestRequest, TestResponse, subscriptions_path};

async fn setup() -> (TestApi, Client) {
    let api = TestApi::open().await;
    let client = api.full_access_client().await;
    (api, client)
}

/// The smallest valid body of a new subscription.
fn subscription_body() -> Value {
    json!({
        "url": "https://mirror.example/novantra",
        "eventTypes": ["finding.created"],
        "reason": "because a test says so",
    })
}

/// A body that consists only of a reason.
fn reason_body() -> Value {
    json!({ "reason": "because a test says so" })
}

impl TestApi {
    /// A request that creates a subscription of the client.
    fn subscribe_request(&self, client: &Client) -> TestRequest {
        self.post(subscriptions_path()).auth(client).json(&subscription_body())
    }

    /// Creates a subscription over the API. Returns its path and the response.
    async fn create_subscription(&self, client: &Client) -> (String, TestResponse) {
        let response = self.subscribe_request(client).send().await.expect(201);
        let id = response.json()["webhookSubscription"]["id"].as_str().unwrap().to_owned();
        (format!("{}/{id}", subscriptions_path()), response)
    }
}
