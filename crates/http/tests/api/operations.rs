//! What holds for every operation of the document. A new operation is in these tests by being in the document.

use scopes::Scope;
use serde_json::Value;

use crate::support::{Call, Client, House, Operation, operations};

/// Operations that ask for no scope. This list may only shrink.
const OPEN: [&str; 2] = ["getOpenapi", "issueToken"];

/// What the paths of operations can be filled with.
pub(crate) struct Places {
    pub(crate) control: String,
    pub(crate) finding: String,
    pub(crate) subscription: String,
    pub(crate) delivery: String,
}

impl Places {
    pub(crate) async fn in_house(house: &House, client: &Client) -> Self {
        let control = house.stored_control(house.home, "CTL-1").await.to_string();
        let finding = house.finding(client, "places").await;
        Self::all_being(&control).with_finding(finding).owned_by(house, client).await
    }

    /// With this text wherever an identifier belongs.
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

    /// The same, with a subscription of this client's and one of its deliveries, which is exhausted.
    pub(crate) async fn owned_by(&self, house: &House, client: &Client) -> Self {
        let subscription = house.subscription(client, 49).await;
        let delivery = house.failed_delivery(&subscription, 10).await;
        house.watched.events();
        house.watched.written();
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
        assert!(!path.contains('{'), "say in `Places` what {path} is filled with");
        path
    }

    /// The operation called as its example has it.
    pub(crate) fn call(&self, house: &House, operation: &Operation) -> Call {
        if operation.is_write() {
            return self.call_because(house, operation, Some(&operation.reason()));
        }
        let call = house.call(&operation.method, &self.path(operation));
        operation.request().map_or(call.clone(), |body| call.json(body))
    }

    /// The same for another reason, or none.
    pub(crate) fn call_because(&self, house: &House, operation: &Operation, reason: Option<&Value>) -> Call {
        let path = self.path(operation);
        let Some(example) = operation.request() else {
            let text = |reason: &Value| reason.as_str().map_or_else(|| reason.to_string(), str::to_owned);
            let query = reason.map(|reason| format!("?reason={}", text(reason).replace(' ', "+")));
            return house.call(&operation.method, &format!("{path}{}", query.unwrap_or_default()));
        };
        let mut body = example.clone();
        match reason {
            Some(reason) => body["reason"] = reason.clone(),
            None => {
                body.as_object_mut().unwrap().remove("reason");
            }
        }
        house.call(&operation.method, &path).json(&body)
    }
}

pub(crate) fn scoped() -> impl Iterator<Item = &'static Operation> {
    operations().iter().filter(|operation| operation.scope.is_some())
}

pub(crate) fn writes() -> impl Iterator<Item = &'static Operation> {
    scoped().filter(|operation| operation.is_write())
}

async fn house() -> (House, Places) {
    let house = House::open().await;
    let setup = house.client(house.home, &[Scope::FindingsWrite]).await;
    let places = Places::in_house(&house, &setup).await;
    (house, places)
}

/// The same with an account that may do everything and has what there is of its own.
async fn inhabited() -> (House, Client, Places) {
    let (house, places) = house().await;
    let client = house.everyone().await;
    let places = places.owned_by(&house, &client).await;
    (house, client, places)
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
        let (house, places) = house().await;
        let mut scopes = vec![operation.scope.unwrap()];
        if operation.id == "createWebhookSubscription" {
            // To be told of something takes what reading it takes.
            scopes.push(Scope::FindingsRead);
        }
        let client = house.client(house.home, &scopes).await;
        let places = places.owned_by(&house, &client).await;
        let answer = places.call(&house, operation).by(&client).send().await;
        let good = operation.described["responses"].as_object().unwrap().keys().find(|status| status.starts_with('2'));
        assert_eq!(Some(answer.status.to_string()), good.cloned(), "{}: {}", operation.id, answer.anonymous());
    }
}

#[tokio::test]
async fn without_its_scope_every_operation_is_403_and_names_it_though_the_account_has_all_others() {
    let (house, places) = house().await;
    for operation in scoped() {
        let scope = operation.scope.unwrap();
        let others: Vec<Scope> = Scope::ALL.iter().copied().filter(|other| *other != scope).collect();
        let client = house.client(house.home, &others).await;
        let answer = places.call(&house, operation).by(&client).send().await.expect(403);
        assert_eq!(answer.error(), "forbidden", "{}", operation.id);
        assert!(answer.message().contains(scope.name()), "{}: {}", operation.id, answer.message());
        assert!(answer.header("www-authenticate").contains("insufficient_scope"));
    }
}

#[tokio::test]
async fn without_a_token_every_operation_is_401_with_a_challenge() {
    let (house, places) = house().await;
    for operation in scoped() {
        let answer = places.call(&house, operation).send().await.expect(401);
        assert_eq!(answer.error(), "unauthenticated", "{}", operation.id);
        assert_eq!(answer.header("www-authenticate"), r#"Bearer realm="novantra""#);
    }
}

#[tokio::test]
async fn no_operation_takes_anything_for_a_token_but_a_token() {
    let (house, places) = house().await;
    let client = house.everyone().await;
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
            let call = places.call(&house, operation).header("authorization", &authorization);
            let answer = call.send().await.expect(401);
            assert!(answer.header("www-authenticate").contains("error="), "{}: {authorization}", operation.id);
        }
        places
            .call(&house, operation)
            .header("authorization", &twice)
            .header("authorization", &twice)
            .send()
            .await
            .expect(401);
    }
}

#[tokio::test]
async fn no_operation_takes_a_parameter_it_does_not_know_and_says_which_it_does() {
    let (house, client, places) = inhabited().await;
    for operation in scoped() {
        let path = format!("{}?stauts=open", places.path(operation));
        let call = house.call(&operation.method, &path).by(&client);
        let answer = operation.request().map_or(call.clone(), |body| call.json(body)).send().await.expect(400);
        assert_eq!(answer.error(), "validation");
        assert!(answer.issue("query.stauts").contains("allowed are: "), "{}", operation.id);
    }
}

#[tokio::test]
async fn no_operation_acts_on_behalf_of_another() {
    let (house, places) = house().await;
    let client = house.everyone().await;
    for operation in operations() {
        let call = places.call(&house, operation).header("x-on-behalf-of", "user_1");
        let call = if operation.scope.is_some() { call.by(&client) } else { call };
        let answer = call.send().await.expect(400);
        assert_eq!(answer.paths(), ["header.X-On-Behalf-Of"], "{}", operation.id);
    }
}

#[tokio::test]
async fn every_get_has_a_head_that_differs_in_nothing_but_the_body() {
    let (house, client, places) = inhabited().await;
    for operation in operations().iter().filter(|operation| operation.method == "GET") {
        let path = places.path(operation);
        let get = house.get(&path).by(&client).send().await.expect(200);
        let head = house.call("HEAD", &path).by(&client).send().await.expect(200);
        assert_eq!(head.header("etag"), get.header("etag"));
        assert_eq!(head.header("content-type"), get.header("content-type"));
        if !["listAuditEntries", "streamWebhookEvents"].contains(&operation.id.as_str()) {
            assert_eq!(head.header("content-length"), get.body.len().to_string(), "{}", operation.id);
        }
    }
}

#[tokio::test]
async fn every_mutation_asks_for_a_reason_of_ten_to_a_thousand_characters() {
    let (house, client, places) = inhabited().await;
    for operation in writes() {
        for reason in [
            Value::Null,
            "too short".into(),
            format!("   {}   ", "x".repeat(9)).into(),
            "x".repeat(1001).into(),
            7.into(),
        ] {
            let call = places.call_because(&house, operation, Some(&reason)).by(&client);
            assert_eq!(call.send().await.expect(400).paths(), [operation.reason_path()], "{}", operation.id);
        }
        let call = places.call_because(&house, operation, None).by(&client);
        assert_eq!(call.send().await.expect(400).paths(), [operation.reason_path()], "{}", operation.id);
        assert_eq!((house.watched.events().len(), house.watched.written()), (0, 0), "something was changed");
    }
}

#[tokio::test]
async fn reads_are_cached_by_nobody_without_asking_again() {
    let (house, client, places) = inhabited().await;
    for operation in scoped().filter(|operation| operation.method == "GET" && operation.id != "streamWebhookEvents") {
        let answer = places.call(&house, operation).by(&client).send().await.expect(200);
        assert_eq!(answer.header("cache-control"), "private, no-cache", "{}", operation.id);
    }
}

#[tokio::test]
async fn every_operation_tells_the_observer_its_template_and_never_a_concrete_path() {
    let (house, places) = house().await;
    let client = house.everyone().await;
    for operation in scoped() {
        let answer = places.call(&house, operation).by(&client).send().await;
        let told = house.answered.last().unwrap();
        assert_eq!((told.0, told.1, told.2), (operation.method.clone(), operation.path.as_str(), answer.status));
    }
    house.get("/api/v1/nowhere").send().await.expect(404);
    assert_eq!(house.answered.last().unwrap().1, "unmatched");
}
