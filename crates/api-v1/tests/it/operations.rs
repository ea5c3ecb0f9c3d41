//! Rules that hold for every operation of the document. A new operation is tested as soon as it is in the document.

use std::collections::BTreeMap;

use kernel::{HasIdPrefix as _, OrganizationId};
use scopes::Scope;
use serde_json::Value;
use store_contract::samples;
use submissions::SubmissionPackage;
use webhooks::EventType;

use crate::support::{Client, Operation, TestApi, TestRequest, operations};

/// The operations that require no scope. This list may only shrink.
const PUBLIC_OPERATIONS: [&str; 2] = ["getOpenapi", "issueToken"];

/// Values for the path parameters of all operations.
#[derive(Clone)]
pub(crate) struct PathParams {
    /// The identifiers of the registers' records by prefix.
    registers: BTreeMap<&'static str, String>,
    pub(crate) finding: String,
    pub(crate) subscription: String,
    pub(crate) delivery: String,
    /// The value of every parameter that has no other.
    other: String,
}

impl PathParams {
    /// Creates one record for each path parameter; the webhook records belong to the client.
    pub(crate) async fn create_records(api: &TestApi, client: &Client) -> Self {
        let finding = api.create_finding(client, "path-params").await;
        let params = Self::filled_with("none").with_registers_of(api, api.home).await;
        params.with_finding(finding).with_webhooks_of(api, client).await
    }

    /// This text for every parameter.
    pub(crate) fn filled_with(text: &str) -> Self {
        Self {
            registers: BTreeMap::new(),
            finding: text.to_owned(),
            subscription: text.to_owned(),
            delivery: text.to_owned(),
            other: text.to_owned(),
        }
    }

    /// Identifiers that no record has.
    pub(crate) fn absent(api: &TestApi) -> Self {
        let mut registers = BTreeMap::new();
        macro_rules! each {
            ($($kind:ident => $register:ty,)*) => {
                $(registers.insert(<$register>::PREFIX, api.fixture.new_id::<$register>().to_string());)*
            };
        }
        registers::for_each_register!(each);
        Self {
            registers,
            finding: api.fixture.new_id::<findings::Finding>().to_string(),
            subscription: api.fixture.new_id::<webhooks::WebhookSubscription>().to_string(),
            delivery: api.fixture.new_id::<webhooks::WebhookDelivery>().to_string(),
            other: "none".to_owned(),
        }
    }

    /// Replaces the parameters of the registers by a new record of each in the organization, which belong together. The
    /// third samples include a package that is submitted, so that a receipt can be recorded.
    pub(crate) async fn with_registers_of(mut self, api: &TestApi, organization: OrganizationId) -> Self {
        let mut ids = BTreeMap::new();
        macro_rules! each {
            ($($kind:ident => $register:ty,)*) => {$(
                let sample = samples::with_ids(&samples::record::<$register>(3, true), &ids);
                let stored = api.fixture.create(organization, sample).await;
                ids.insert(<$register>::PREFIX, stored.meta.id.ulid());
                self.registers.insert(<$register>::PREFIX, stored.meta.id.to_string());
            )*};
        }
        registers::for_each_register!(each);
        self
    }

    /// Creates further records of each register, up to this number, with the parents of those that the parameters name.
    pub(crate) async fn with_siblings(self, api: &TestApi, count: u64) -> Self {
        let mut ids = BTreeMap::new();
        for (prefix, id) in &self.registers {
            let ulid = id.rsplit_once('_').and_then(|(_, ulid)| ulid.parse().ok());
            ids.insert(*prefix, ulid.unwrap());
        }
        for number in 0..count - 1 {
            api.clock().tick();
            macro_rules! each {
                ($($kind:ident => $register:ty,)*) => {$(
                    // The third samples are there already.
                    let sample = samples::with_ids(&samples::record::<$register>(100 + number, true), &ids);
                    api.fixture.create(api.home, sample).await;
                )*};
            }
            registers::for_each_register!(each);
        }
        self
    }

    pub(crate) fn with_package(mut self, package: String) -> Self {
        self.registers.insert(SubmissionPackage::PREFIX, package);
        self
    }

    pub(crate) fn with_finding(self, finding: String) -> Self {
        Self { finding, ..self }
    }

    /// Replaces the webhook parameters by a new subscription of the client and an exhausted delivery to it.
    pub(crate) async fn with_webhooks_of(&self, api: &TestApi, client: &Client) -> Self {
        let subscription = api.store_subscription(client, 49).await;
        let delivery = api.store_failed_delivery(&subscription, 10).await;
        api.probe.take_events();
        api.probe.take_write_count();
        Self { subscription: subscription.meta.id.to_string(), delivery: delivery.meta.id.to_string(), ..self.clone() }
    }

    /// The path of the operation, with the parameters of the query that it requires.
    pub(crate) fn path(&self, operation: &Operation) -> String {
        let mut path = String::new();
        for segment in operation.path.split_inclusive('/') {
            let (name, slash) = segment.strip_suffix('/').map_or((segment, ""), |name| (name, "/"));
            let value = match name {
                "{findingId}" => &self.finding,
                "{subscriptionId}" => &self.subscription,
                "{deliveryId}" => &self.delivery,
                parameter if parameter.starts_with('{') => {
                    let end = operation.path.find(parameter).unwrap() + parameter.len();
                    self.register_id(&operation.path[..end])
                }
                literal => literal,
            };
            path.extend([value, slash]);
        }
        let required = operation.required_query_parameters().map(|(name, schema)| {
            let pattern = schema["pattern"].as_str().unwrap_or_default();
            let prefix = pattern.trim_start_matches('^').split('_').next().unwrap_or_default();
            format!("{name}={}", self.registers.get(prefix).unwrap_or(&self.other))
        });
        required.fold(path, |path, parameter| with_query(&path, &parameter))
    }

    /// The identifier of the record that can be read at this path: the one with the prefix of the identifier in its example.
    fn register_id(&self, path: &str) -> &str {
        let get = operations().iter().find(|operation| operation.method == "GET" && operation.path == path);
        let example = get.map(|get| &get.definition["responses"]["200"]["content"]["application/json"]["example"]);
        let members = example.and_then(Value::as_object);
        let id = members.and_then(|members| members.values().find_map(|record| record["id"].as_str()));
        let prefix = id.and_then(|id| id.rsplit_once('_')).map(|(prefix, _)| prefix);
        prefix.and_then(|prefix| self.registers.get(prefix)).unwrap_or(&self.other)
    }

    /// A request to the operation with the body of its example.
    pub(crate) fn request(&self, api: &TestApi, operation: &Operation) -> TestRequest {
        if operation.is_write() {
            return self.request_with_reason(api, operation, Some(&operation.reason_example()));
        }
        let call = api.request(&operation.method, &self.path(operation));
        operation.request_example().map_or(call.clone(), |body| call.json(body))
    }

    /// A request to the operation with another reason, or with none.
    pub(crate) fn request_with_reason(
        &self,
        api: &TestApi,
        operation: &Operation,
        reason: Option<&Value>,
    ) -> TestRequest {
        let path = self.path(operation);
        let Some(example) = operation.request_example() else {
            let text = |reason: &Value| reason.as_str().map_or_else(|| reason.to_string(), str::to_owned);
            let query = reason.map(|reason| format!("?reason={}", text(reason).replace(' ', "+")));
            return api.request(&operation.method, &format!("{path}{}", query.unwrap_or_default()));
        };
        let mut body = example.clone();
        match reason {
            Some(reason) => body["reason"] = reason.clone(),
            None => {
                body.as_object_mut().unwrap().remove("reason");
            }
        }
        api.request(&operation.method, &path).json(&body)
    }
}

/// The path with another parameter of its query.
pub(crate) fn with_query(path: &str, parameter: &str) -> String {
    format!("{path}{}{parameter}", if path.contains('?') { '&' } else { '?' })
}

pub(crate) fn scoped_operations() -> impl Iterator<Item = &'static Operation> {
    operations().iter().filter(|operation| operation.scope.is_some())
}

pub(crate) fn write_operations() -> impl Iterator<Item = &'static Operation> {
    scoped_operations().filter(|operation| operation.is_write())
}

async fn setup() -> (TestApi, PathParams) {
    let api = TestApi::open().await;
    let creator = api.client(api.home, &[Scope::FindingsWrite]).await;
    let params = PathParams::create_records(&api, &creator).await;
    (api, params)
}

/// An API, an account that has every scope, and records that this account may access.
async fn setup_with_full_access() -> (TestApi, Client, PathParams) {
    let (api, params) = setup().await;
    let client = api.full_access_client().await;
    let params = params.with_webhooks_of(&api, &client).await;
    (api, client, params)
}

#[test]
fn every_operation_except_the_public_ones_requires_a_scope() {
    let mut open: Vec<_> =
        operations().iter().filter(|operation| operation.scope.is_none()).map(|open| open.id.as_str()).collect();
    open.sort_unstable();
    assert_eq!(open, PUBLIC_OPERATIONS);
}

#[test]
fn every_operation_other_than_gets_and_the_token_request_is_a_write() {
    let others = operations().iter().filter(|operation| operation.method != "GET" && !operation.is_write());
    assert_eq!(others.map(|operation| operation.id.as_str()).collect::<Vec<_>>(), ["issueToken"]);
    assert!(write_operations().count() >= 4);
    assert!(write_operations().all(|operation| operation.method != "GET"));
}

/// The operations that make or repeat events about a resource, which requires the scope to read it.
const NEEDS_READ_SCOPE: [&str; 4] =
    ["createWebhookSubscription", "rotateWebhookSecret", "redeliverWebhook", "recoverWebhookDeliveries"];

#[tokio::test]
async fn the_example_of_every_operation_succeeds_for_an_account_with_only_its_scope() {
    for operation in scoped_operations() {
        let (api, params) = setup().await;
        let mut scopes = vec![operation.scope.unwrap()];
        if NEEDS_READ_SCOPE.contains(&operation.id.as_str()) {
            scopes.extend(EventType::ALL.iter().map(|event| event.scope()));
        }
        let client = api.client(api.home, &scopes).await;
        let params = params.with_webhooks_of(&api, &client).await;
        let response = params.request(&api, operation).auth(&client).send().await;
        let documented =
            operation.definition["responses"].as_object().unwrap().keys().find(|status| status.starts_with('2'));
        assert_eq!(
            Some(response.status.to_string()),
            documented.cloned(),
            "{}: {}",
            operation.id,
            response.body_without_request_id()
        );
    }
}

#[tokio::test]
async fn every_operation_rejects_credentials_that_are_not_a_valid_bearer_token() {
    let (api, params) = setup().await;
    let client = api.full_access_client().await;
    let (id, secret, token) = (client.id(), client.secret.clone(), client.token.clone());
    let basic = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, format!("{id}:{secret}"));
    let twice = format!("Bearer {token}");
    for operation in scoped_operations() {
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
            let call = params.request(&api, operation).header("authorization", &authorization);
            let response = call.send().await.expect(401);
            assert!(response.header("www-authenticate").contains("error="), "{}: {authorization}", operation.id);
        }
        params
            .request(&api, operation)
            .header("authorization", &twice)
            .header("authorization", &twice)
            .send()
            .await
            .expect(401);
    }
}

#[tokio::test]
async fn every_operation_rejects_an_unknown_query_parameter_and_lists_the_allowed_ones() {
    let (api, client, params) = setup_with_full_access().await;
    for operation in scoped_operations() {
        let path = with_query(&params.path(operation), "stauts=open");
        let call = api.request(&operation.method, &path).auth(&client);
        let response =
            operation.request_example().map_or(call.clone(), |body| call.json(body)).send().await.expect(400);
        assert_eq!(response.error_code(), "validation");
        assert!(response.issue_message("query.stauts").contains("the allowed parameters are: "), "{}", operation.id);
    }
}

#[tokio::test]
async fn the_head_request_of_every_get_differs_only_in_the_body() {
    let (api, client, params) = setup_with_full_access().await;
    for operation in operations().iter().filter(|operation| operation.method == "GET") {
        let path = params.path(operation);
        let get = api.get(&path).auth(&client).send().await.expect(200);
        let head = api.request("HEAD", &path).auth(&client).send().await.expect(200);
        assert_eq!(head.header("etag"), get.header("etag"));
        assert_eq!(head.header("content-type"), get.header("content-type"));
        if !["listAuditEntries", "streamWebhookEvents"].contains(&operation.id.as_str()) {
            assert_eq!(head.header("content-length"), get.body.len().to_string(), "{}", operation.id);
        }
    }
}

#[tokio::test]
async fn every_write_requires_a_reason_of_ten_to_a_thousand_characters() {
    let (api, client, params) = setup_with_full_access().await;
    for operation in write_operations() {
        for reason in [
            Value::Null,
            "too short".into(),
            format!("   {}   ", "x".repeat(9)).into(),
            "x".repeat(1001).into(),
            7.into(),
        ] {
            let call = params.request_with_reason(&api, operation, Some(&reason)).auth(&client);
            assert_eq!(call.send().await.expect(400).issue_paths(), [operation.reason_path()], "{}", operation.id);
        }
        let call = params.request_with_reason(&api, operation, None).auth(&client);
        assert_eq!(call.send().await.expect(400).issue_paths(), [operation.reason_path()], "{}", operation.id);
        assert_eq!(
            (api.probe.take_events().len(), api.probe.take_write_count()),
            (0, 0),
            "a rejected write changed something"
        );
    }
}

#[tokio::test]
async fn every_read_may_be_cached_only_with_revalidation() {
    let (api, client, params) = setup_with_full_access().await;
    for operation in
        scoped_operations().filter(|operation| operation.method == "GET" && operation.id != "streamWebhookEvents")
    {
        let response = params.request(&api, operation).auth(&client).send().await.expect(200);
        assert_eq!(response.header("cache-control"), "private, no-cache", "{}", operation.id);
    }
}

#[tokio::test]
async fn every_operation_reports_its_route_template_to_the_observer_and_never_a_concrete_path() {
    let (api, params) = setup().await;
    let client = api.full_access_client().await;
    for operation in scoped_operations() {
        let response = params.request(&api, operation).auth(&client).send().await;
        let reported = api.observer.last().unwrap();
        assert_eq!(
            (reported.0, reported.1, reported.2),
            (operation.method.clone(), operation.path.as_str(), response.status)
        );
    }
    api.get("/api/v1/nowhere").send().await.expect(404);
    assert_eq!(api.observer.last().unwrap().1, "unmatched");
}
