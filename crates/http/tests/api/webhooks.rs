//! The webhook operations of the API (contract v1, webhooks).

mod catalogue;
mod deliveries;
mod hearing;
mod recovery;
mod secrets;
mod subscriptions;
mod trying;

use serde_json::{Value, json};

use crate::support::{Answer, Call, Client, House, subscriptions_path};

async fn house() -> (House, Client) {
    let api = House::open().await;
    let client = api.everyone().await;
    (api, client)
}

/// The smallest valid body of a new subscription.
fn body() -> Value {
    json!({
        "url": "https://mirror.example/novantra",
        "eventTypes": ["finding.created"],
        "reason": "because a test says so",
    })
}

/// A body that consists only of a reason.
fn because() -> Value {
    json!({ "reason": "because a test says so" })
}

impl House {
    /// A request that creates a subscription of the client.
    fn subscribe(&self, client: &Client) -> Call {
        self.post(subscriptions_path()).by(client).json(&body())
    }

    /// Creates a subscription over the API. Returns its path and the response.
    async fn subscribed(&self, client: &Client) -> (String, Answer) {
        let response = self.subscribe(client).send().await.expect(201);
        let id = response.json()["webhookSubscription"]["id"].as_str().unwrap().to_owned();
        (format!("{}/{id}", subscriptions_path()), response)
    }
}
