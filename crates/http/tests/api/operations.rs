//! Rules that hold for every operation of the document. A new operation is tested as soon as it is in the document.

use scopes::Scope;
use serde_json::Value;

use crate::support::{Call, Client, House, Operation, operations};

/// The operations that require no scope. This list may only shrink.
const OPEN: [&str; 2] = ["getOpenapi", "issueToken"];

/// Values for the path parameters of all operations.
pub(crate) struct Places {
    pub(crate) control: String,
    pub(crate) finding: String,
    pub(crate) subscription: String,
    pub(crate) delivery: String,
}

impl Places {
    /// Creates one record for each path parameter; the webhook records belong to the client.
    pub(crate) async fn in_house(api: &House, client: &Client) -> Self {
        let control = api.stored_control(api.home, "CTL-1").await.to_string();
        let finding = api.finding(client, "path-params").await;
        Self::all_being(&control).with_finding(finding).owned_by(api, client).await
    }

    /// This text for every parameter.
    pub(crate) fn all_being(text: &str) -> Self {
        Self {
            control: text.to_owned(),
            finding: text.to_owned(),
            subscription: text.to_owned(),
            delivery: text.to_owned(),
        }
    }

    pub(crate) fn with_finding(self, finding: String) -> Self {
        Self { finding, ..self }
    }

    /// Replaces the webhook parameters by a new subscription of the client and an exhausted delivery to it.
    pub(crate) async fn owned_by(&self, api: &House, client: &Client) -> Self {
        let subscription = api.subscription(client, 49).await;
        let delivery = api.failed_delivery(&subscription, 10).await;
        api.watched.events();
        api.watched.written();
        Self {
            control: self.control.clone(),
            finding: self.finding.clone(),
            subscription: subscription.meta.id.to_string(),
            delivery: delivery.meta.id.to_string(),
        }
    }

    pub(crate) fn path(&self, operation: &Operation) -> String {
        let path = operation
            .path
            .replace("{controlId}", &self.control)
            .replace("{findingId}", &self.finding)
            .replace("{subscriptionId}", &self.subscription)
            .replace("{deliveryId}", &self.delivery);
        assert!(!path.contains('{'), "a parameter of {path} has no value: add it to `Places`");
        path
    }

    /// A request to the operation with the body of its example.
    pub(crate) fn call(&self, api: &House, operation: &Operation) -> Call {
        if operation.is_write() {
            return self.call_because(api, operation, Some(&operation.reason()));
        }
        let call = api.call(&operation.method, &self.path(operation));
        operation.request().map_or(call.clone(), |body| call.json(body))
    }

    /// A request to the operation with another reason, or with none.
    pub(crate) fn call_because(&self, api: &House, operation: &Operation, reason: Option<&Value>) -> Call {
        let path = self.path(operation);
        let Some(example) = operation.request() else {
            let text = |reason: &Value| reason.as_str().map_or_else(|| reason.to_string(), str::to_owned);
            let query = reason.map(|reason| format!("?reason={}", text(reason).replace(' ', "+")));
            return api.call(&operation.method, &format!("{path}{}", query.unwrap_or_default()));
        };
        let mut body = example.clone();
        match reason {
            Some(reason) => body["reason"] = reason.clone(),
            None => {
                body.as_object_mut().unwrap().remove("reason");
            }
        }
        api.call(&operation.method, &path).json(&body)
    }
}

pub(crate) fn scoped() -> impl Iterator<Item = &'static Operation> {
    operations().iter().filter(|operation| operation.scope.is_some())
}

pub(crate) fn writes() -> impl Iterator<Item = &'static Operation> {
    scoped().filter(|operation| operation.is_write())
}

async fn house() -> (House, Places) {
    let api = House::open().await;
    let creator = api.client(api.home, &[Scope::FindingsWrite]).await;
    let params = Places::in_house(&api, &creator).await;
    (api, params)
}

/// An API, an account that has every scope, and records that this account may access.
async fn inhabited() -> (House, Client, Places) {
    let (api, params) = house().await;
    let client = api.everyone().await;
    let params = params.owned_by(&api, &client).await;
    (api, client, params)
}

#[test]
fn every_operation_but_the_open_ones_asks_for_a_scope() {
    let mut open: Vec<_> =
        operations().iter().filter(|operation| operation.scope.is_none()).map(|open| open.id.as_str()).collect();
    open.sort_unstable();
    assert_eq!(open, OPEN);
}

#[test]
fn every_operation_that_is_no_get_is_a_write_but_the_token_call() {
    let others = operations().iter().filter(|operation| operation.method != "GET" && !operation.is_write());
    assert_eq!(others.map(|operation| operation.id.as_str()).collect::<Vec<_>>(), ["issueToken"]);
    assert!(writes().count() >= 4);
    assert!(writes().all(|operation| operation.method != "GET"));
}

#[tokio::test]
async fn every_operation_does_its_example_for_an_account_with_nothing_but_its_scope() {
    for operation in scoped() {
        let (api, params) = house().await;
        let mut scopes = vec![operation.scope.unwrap()];
        if operation.id == "createWebhookSubscription" {
            // A subscription to events about a resource requires the scope to read it.
            scopes.push(Scope::FindingsRead);
        }
        let client = api.client(api.home, &scopes).await;
        let params = params.owned_by(&api, &client).await;
        let response = params.call(&api, operation).by(&client).send().await;
        let documented =
            operation.described["responses"].as_object().unwrap().keys().find(|status| status.starts_with('2'));
        assert_eq!(
            Some(response.status.to_string()),
            documented.cloned(),
            "{}: {}",
            operation.id,
            response.anonymous()
        );
    }
}

#[tokio::test]
async fn without_its_scope_every_operation_is_403_and_names_it_though_the_account_has_all_others() {
    let (api, params) = house().await;
    for operation in scoped() {
        let scope = operation.scope.unwrap();
        let others: Vec<Scope> = Scope::ALL.iter().copied().filter(|other| *other != scope).collect();
        let client = api.client(api.home, &others).await;
        let response = params.call(&api, operation).by(&client).send().await.expect(403);
        assert_eq!(response.error(), "forbidden", "{}", operation.id);
        assert!(response.message().contains(scope.name()), "{}: {}", operation.id, response.message());
        assert!(response.header("www-authenticate").contains("insufficient_scope"));
    }
}

#[tokio::test]
async fn without_a_token_every_operation_is_401_with_a_challenge() {
    let (api, params) = house().await;
    for operation in scoped() {
        let response = params.call(&api, operation).send().await.expect(401);
        assert_eq!(response.error(), "unauthenticated", "{}", operation.id);
        assert_eq!(response.header("www-authenticate"), r#"Bearer realm="novantra""#);
    }
}

#[tokio::test]
async fn no_operation_takes_anything_for_a_token_but_a_token() {
    let (api, params) = house().await;
    let client = api.everyone().await;
    let (id, secret, token) = (client.id(), client.secret.clone(), client.token.clone());
    let basic = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, format!("{id}:{secret}"));
    let twice = format!("Bearer {token}");
    for operation in scoped() {
        for authorization in [
            format!("Bearer {secret}"),
            format!("Bearer {token}x"),
            format!("Bearer x{token}"),
            format!("Basic {basic}"),
            format!("Bearer {token} {token}"),
            "Bearer ".to_owned(),
            "Bearer".to_owned(),
            token.clone(),
        ] {
            let call = params.call(&api, operation).header("authorization", &authorization);
            let response = call.send().await.expect(401);
            assert!(response.header("www-authenticate").contains("error="), "{}: {authorization}", operation.id);
        }
        params
            .call(&api, operation)
            .header("authorization", &twice)
            .header("authorization", &twice)
            .send()
            .await
            .expect(401);
    }
}

#[tokio::test]
async fn no_operation_takes_a_parameter_it_does_not_know_and_says_which_it_does() {
    let (api, client, params) = inhabited().await;
    for operation in scoped() {
        let path = format!("{}?stauts=open", params.path(operation));
        let call = api.call(&operation.method, &path).by(&client);
        let response = operation.request().map_or(call.clone(), |body| call.json(body)).send().await.expect(400);
        assert_eq!(response.error(), "validation");
        assert!(response.issue("query.stauts").contains("the allowed parameters are: "), "{}", operation.id);
    }
}

#[tokio::test]
async fn no_operation_acts_on_behalf_of_another() {
    let (api, params) = house().await;
    let client = api.everyone().await;
    for operation in operations() {
        let call = params.call(&api, operation).header("x-on-behalf-of", "user_1");
        let call = if operation.scope.is_some() { call.by(&client) } else { call };
        let response = call.send().await.expect(400);
        assert_eq!(response.paths(), ["header.X-On-Behalf-Of"], "{}", operation.id);
    }
}

#[tokio::test]
async fn every_get_has_a_head_that_differs_in_nothing_but_the_body() {
    let (api, client, params) = inhabited().await;
    for operation in operations().iter().filter(|operation| operation.method == "GET") {
        let path = params.path(operation);
        let get = api.get(&path).by(&client).send().await.expect(200);
        let head = api.call("HEAD", &path).by(&client).send().await.expect(200);
        assert_eq!(head.header("etag"), get.header("etag"));
        assert_eq!(head.header("content-type"), get.header("content-type"));
        if !["listAuditEntries", "streamWebhookEvents"].contains(&operation.id.as_str()) {
            assert_eq!(head.header("content-length"), get.body.len().to_string(), "{}", operation.id);
        }
    }
}

#[tokio::test]
async fn every_mutation_asks_for_a_reason_of_ten_to_a_thousand_characters() {
    let (api, client, params) = inhabited().await;
    for operation in writes() {
        for reason in [
            Value::Null,
            "too short".into(),
            format!("   {}   ", "x".repeat(9)).into(),
            "x".repeat(1001).into(),
            7.into(),
        ] {
            let call = params.call_because(&api, operation, Some(&reason)).by(&client);
            assert_eq!(call.send().await.expect(400).paths(), [operation.reason_path()], "{}", operation.id);
        }
        let call = params.call_because(&api, operation, None).by(&client);
        assert_eq!(call.send().await.expect(400).paths(), [operation.reason_path()], "{}", operation.id);
        assert_eq!((api.watched.events().len(), api.watched.written()), (0, 0), "a rejected write changed something");
    }
}

#[tokio::test]
async fn reads_are_cached_by_nobody_without_asking_again() {
    let (api, client, params) = inhabited().await;
    for operation in scoped().filter(|operation| operation.method == "GET" && operation.id != "streamWebhookEvents") {
        let response = params.call(&api, operation).by(&client).send().await.expect(200);
        assert_eq!(response.header("cache-control"), "private, no-cache", "{}", operation.id);
    }
}

#[tokio::test]
async fn every_operation_tells_the_observer_its_template_and_never_a_concrete_path() {
    let (api, params) = house().await;
    let client = api.everyone().await;
    for operation in scoped() {
        let response = params.call(&api, operation).by(&client).send().await;
        let reported = api.answered.last().unwrap();
        assert_eq!(
            (reported.0, reported.1, reported.2),
            (operation.method.clone(), operation.path.as_str(), response.status)
        );
    }
    api.get("/api/v1/nowhere").send().await.expect(404);
    assert_eq!(api.answered.last().unwrap().1, "unmatched");
}
