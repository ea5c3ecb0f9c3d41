//! Webhooks as an integrator meets them (contract v1, webhooks).

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
    let house = House::open().await;
    let client = house.everyone().await;
    (house, client)
}

/// The least that makes a subscription.
fn body() -> Value {
    json!({
        "url": "https://mirror.example/novantra",
        "eventTypes": ["finding.created"],
        "reason": "because a test says so",
    })
}

fn because() -> Value {
    json!({ "reason": "because a test says so" })
}

impl House {
    fn subscribe(&self, client: &Client) -> Call {
        self.post(subscriptions_path()).by(client).json(&body())
    }

    /// A subscription over the API: its path, and its answer.
    async fn subscribed(&self, client: &Client) -> (String, Answer) {
        let answer = self.subscribe(client).send().await.expect(201);
        let id = answer.json()["webhookSubscription"]["id"].as_str().unwrap().to_owned();
        (format!("{}/{id}", subscriptions_path()), answer)
    }
}
